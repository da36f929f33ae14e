"""Closed form of e+e- -> e+ e- gamma against the massive helicity amplitudes, vacuum polarisation included."""

import numpy as np
import pytest

from toymc.constants import M_E
from toymc.generators.amplitudes import layout, phase_space
from toymc.generators.amplitudes.bhabha_photon import SMALLEST, _bhabha_photon
from toymc.generators.amplitudes.emission import _fill_amplitudes, _sum_amplitudes
from toymc.generators.amplitudes.phase_space import BEAM_MINUS, BEAM_PLUS, INITIAL, LEG_MINUS, LEG_PLUS
from toymc.generators.amplitudes.spinors import _dot
from toymc.kernels import kernel
from toymc.streams import stream

S = 10.58**2


@kernel
def _compare(rng, channel, s, m, v, z, factors, out):
    """Rows of `out`: helicity amplitudes, closed form, smallest p.k/m^2, smallest invariant of two leptons."""
    y = np.empty(4)
    one = complex(1.0, 0.0)
    i = 0
    while i < len(out):
        for d in range(4):
            y[d] = rng.random()
        phase_space._beams(v, s, m)
        if channel == INITIAL:
            space = phase_space._initial_point(y, s, m, m, 0.0, 0.1, 0.0, v)
        elif channel < LEG_MINUS:
            space = phase_space._beam_point(y, s, m, m, 0.0, 0.1, 0.0, 0.05, channel == BEAM_MINUS, v)
        else:
            space = phase_space._leg_point(y, s, m, 0.1, 0.015, channel == LEG_MINUS, v)
        if not space > 0.0 or min(v[0, 3], v[1, 3]) < 0.15:
            continue
        f_s, f_ll, f_minus, f_plus = factors[0], factors[1], factors[2], factors[3]
        n_pol = _fill_amplitudes(v, z, m, m, 0.0, 1, one, one, one, one, True, f_s, f_ll, f_minus, f_plus)
        out[i, 0], out[i, 1] = _sum_amplitudes(z, n_pol), _bhabha_photon(v, m, f_s, f_ll, f_minus, f_plus)
        out[i, 2], out[i, 3] = 1e300, 1e300
        for p in (0, 1, 3, 4):
            out[i, 2] = min(out[i, 2], _dot(v, p, 2) / (m * m))
        for p, q in ((0, 1), (0, 3), (0, 4), (1, 3), (1, 4)):
            out[i, 3] = min(out[i, 3], 2.0 * _dot(v, p, q) / (m * m))
        i += 1


@pytest.mark.parametrize("channel", [INITIAL, BEAM_MINUS, BEAM_PLUS, LEG_MINUS, LEG_PLUS])
def test_closed_form_is_the_helicity_sum(channel):
    """All of phase space, photons inside the mass cone of each leg included; factors complex where they may be."""
    factors = np.array([1.03 + 0.02j, 1.01 - 0.015j, 1.012 + 0j, 1.021 + 0j])
    out = np.empty((4000, 4))
    _compare(stream(7, "bhabha", "test", channel), channel, S, M_E, *layout.scratch(), factors, out)
    used = out[:, 3] >= SMALLEST
    np.testing.assert_array_equal(out[~used, 1], -1.0)
    assert used.sum() > 1500
    difference = np.abs(out[used, 1] / out[used, 0] - 1.0)
    assert np.quantile(difference, 0.99) < 5e-5
    assert difference.max() < 5e-4
    # along a leg, where the mass decides: as good
    collinear = out[used, 2] < 10.0
    if channel != INITIAL:
        assert collinear.sum() > 50
    assert np.all(difference[collinear] < 1e-4)
    assert abs(out[used, 1].sum() / out[used, 0].sum() - 1.0) < 5e-5
