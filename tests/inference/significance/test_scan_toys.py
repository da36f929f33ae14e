"""The mass-scan engine's own toys: the expected crossings, agreement with the extrapolation, lifetimes, refusals."""

import math

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference.significance import background_toys, extrapolate, global_significance, scan_toys, toy_p_value
from toymc.inference.unbinned import Density, MassChannel, gaussian, windows

SIGMA = 0.005
SIDES = np.array([0.8, 1.5])


def channel(masses, sigma, per_gev=(6e3, 4e3)):
    shape, window = gaussian(masses[:, None], sigma), windows(masses[:, None], SIGMA, (0.8, 1.5))
    return MassChannel("k", shape, window, expected=Density(SIDES, np.array(per_gev)))


def test_crossings_of_a_peak_search_are_known():
    """A Gaussian peak of width s over a smooth background: N1 = length/s sqrt(1/2)/(2 pi); 15 %, 4 sigma at 2.5 sigma.

    Polynomials that are fitted in every window, and 25 events under a peak, change the field by some per cent.
    """
    masses = np.arange(1.0, 1.2, 0.5 * SIGMA)
    toys = background_toys(scan_toys(masses, [1.0], [channel(masses, SIGMA)]), 150, seed=21)
    assert toys.failed_share == 0.0 and toys.grid == (80,)
    fit = extrapolate(toys)
    rice = (masses[-1] - masses[0]) / SIGMA * math.sqrt(0.5) / (2.0 * math.pi)
    assert fit.coefficients[0] == pytest.approx(rice, rel=0.15 + 3.0 * fit.errors[0] / fit.means[0])
    found = global_significance(6.25, toys)
    p = found.extrapolated.p_value
    assert found.method == "extrapolation"
    assert abs(found.toys.p_value - p) < 4.0 * math.sqrt(p * (1.0 - p) / toys.n_toys) + 0.1 * p


@pytest.mark.validate
def test_scan_engine_at_three_sigma_and_more():
    """2000 toys: 3 and 3.5 sigma local within 15 % and 4 binomial standard deviations."""
    masses = np.arange(1.0, 1.2, 0.5 * SIGMA)
    draw = scan_toys(masses, [1.0], [channel(masses, SIGMA, (9e3, 6e3))])
    fit = extrapolate(background_toys(draw, 500, seed=22))
    toys = background_toys(draw, 2000, seed=23)
    for z in (3.0, 3.5):
        p = fit.p_value(z * z).p_value
        assert abs(toy_p_value(toys, z * z).p_value - p) < 4.0 * math.sqrt(p / 2000) + 0.15 * p


def test_lifetimes_make_a_plane():
    """The resolution grows with the lifetime; same lifetimes twice give the same q0."""
    masses = 1.0 + 0.5 * SIGMA * np.arange(20)
    sigma = SIGMA * np.array([[1.0, 1.0, 2.0]])
    q0 = np.asarray(scan_toys(masses, [1.0, 2.0, 3.0], [channel(masses, sigma)])(_rng(), 4))
    assert q0.shape == (4, 20, 3)
    # to the tolerance of fits that start elsewhere
    assert np.allclose(q0[..., 0], q0[..., 1], rtol=1e-4, atol=1e-4) and not np.allclose(
        q0[..., 0], q0[..., 2], atol=0.1
    )


def _rng():
    from toymc.streams import stream

    return stream(24, "significance", "test", 0)


def test_toys_need_an_expected_background():
    masses = np.array([1.0])
    bare = MassChannel(
        "kplus_ee", gaussian(masses[:, None], SIGMA), windows(masses[:, None], SIGMA, (0.8, 1.5)), data=[1.0]
    )
    with pytest.raises(InputError, match="'kplus_ee' has no expected background"):
        scan_toys(masses, [1.0], [bare])
