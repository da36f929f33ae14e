"""Vertex fits on generated decays from 0 to 100 cm: pulls of width 1.00 +- 0.03, flat chi2 probability.

The helices are smeared with just the covariance that the fit is given, 8000 decays a point: the width of a pull is
known to 0.008, so that 0.03 is almost four standard deviations. Wrong crossings of the two circles are counted by
themselves (`_SHARES`) and left out of the widths (pulls beyond 6).
"""

import numpy as np
import pytest
from scipy.stats import kstest

from tests.detector.vertex_decays import DECAYS, FIELD, decays, layers_beyond, smeared, three_prongs
from toymc.constants import M_E, SPEED_OF_LIGHT_CM_PER_NS
from toymc.detector.vertex import Origin, fit_vertices
from toymc.geometry import load_card
from toymc.streams import stream

N = 8000
RADII = (0.0, 1.0, 10.0, 30.0, 60.0, 100.0)
# largest share of pairs that may end at the wrong crossing, without knowledge of hits
_SHARES = {"K_S": 0.004, "Lambda": 0.01, "S_mumu": 0.02}
TOLERANCE = 0.03


def widths(pulls, beyond=6.0):
    """Standard deviation of each column, of rows without an entry beyond 6."""
    good = np.all(np.abs(pulls) < beyond, axis=1)
    return pulls[good].std(axis=0), 1.0 - good.mean()


def position_pulls(fit, sample):
    """x, y, z and the length of flight along the momentum."""
    length = np.linalg.norm(sample["vertex"], axis=1)
    return np.column_stack([
        (fit.position - sample["vertex"]) / np.sqrt(fit.position_cov[:, [0, 3, 5]]),
        (fit.decay_length - length) / fit.decay_length_error,
    ])  # fmt: skip


def momentum_pulls(fit, sample):
    """All components of all momenta, from the diagonal of the full covariance."""
    k = fit.momenta.shape[1]
    diagonal = np.arange(3, 3 + 3 * k)
    difference = (fit.momenta - sample["momenta"]).reshape(len(fit.chi2), -1)
    return difference / np.sqrt(fit.covariance[:, diagonal, diagonal])


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("name", ["K_S", "Lambda", "S_mumu"])
def test_pulls_of_two_body_decays(name, radius):
    sample = decays(name, N, radius)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD, full_covariance=True)
    assert np.all(fit.status == 0)
    pulls = np.column_stack([position_pulls(fit, sample), (fit.mass - sample["mother"]) / fit.mass_error])
    width, lost = widths(pulls)
    assert np.all(np.abs(width - 1.0) < TOLERANCE), width
    assert lost < _SHARES[name]
    width, _ = widths(momentum_pulls(fit, sample))
    assert np.all(np.abs(width - 1.0) < TOLERANCE), width


@pytest.mark.parametrize("name", ["K_S", "Lambda", "S_mumu"])
def test_mean_of_mass_and_time_is_unbiased(name):
    """Means within five standard errors (one in a million for six numbers), or 5 % of the resolution."""
    sample = decays(name, N, 10.0, seed=3)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD)
    good = np.abs(fit.decay_length - np.linalg.norm(sample["vertex"], axis=1)) < 6.0 * fit.decay_length_error
    length = np.linalg.norm(sample["vertex"], axis=1)
    time = sample["mother"] * length / np.linalg.norm(sample["flight"], axis=1) / SPEED_OF_LIGHT_CM_PER_NS
    for pull in ((fit.mass - sample["mother"]) / fit.mass_error, (fit.decay_time - time) / fit.decay_time_error):
        pull = pull[good & (np.abs(pull) < 6.0)]
        assert abs(pull.mean()) < 5.0 / np.sqrt(N)
        assert abs(pull.std() - 1.0) < TOLERANCE


@pytest.mark.parametrize("radius", [0.5, 2.0, 12.0, 40.0])
def test_pulls_of_converted_photons(radius):
    """Zero opening angle up to a transverse momentum of the order of the electron mass, as the constraint is told."""
    rng = stream(5, "conversion", "test", int(10 * radius))
    q = 0.3 * M_E
    flight = decays("conversion", N, radius)["flight"]
    energy = np.linalg.norm(flight, axis=1)[:, None]
    axis = flight / energy
    first = np.cross(axis, np.array([0.0, 0.0, 1.0]))
    first /= np.linalg.norm(first, axis=1)[:, None]
    kick = rng.normal(0.0, q, (len(axis), 1)) * first + rng.normal(0.0, q, (len(axis), 1)) * np.cross(axis, first)
    share = rng.uniform(0.15, 0.85, (len(axis), 1))
    plus, minus = share * flight + kick, (1.0 - share) * flight - kick
    vertex = axis / np.hypot(axis[:, 0], axis[:, 1])[:, None] * radius
    helices, covs = smeared(rng, (plus, minus), (1.0, -1.0), vertex)
    fit = fit_vertices(helices, covs, [M_E, M_E], FIELD, parallel_within=q, full_covariance=True)
    sample = {"vertex": vertex, "momenta": np.stack([plus, minus], axis=1)}
    assert np.mean(fit.status == 0) > 0.9995
    width, lost = widths(np.column_stack([position_pulls(fit, sample), momentum_pulls(fit, sample)]))
    assert np.all(np.abs(width - 1.0) < TOLERANCE), width
    assert lost < 0.001
    assert abs(fit.chi2.mean() - fit.ndf) < 5.0 * np.sqrt(2.0 * fit.ndf / N)


def test_nearly_parallel_electrons_without_a_constraint():
    """S -> ee of 30 MeV, 20-60 mrad: the likelihood along the flight is not Gaussian; across it, it is.

    The central 68 % of the pull along the flight are 1.00 +- 0.06 with the averaged information (`normal.py`); all fits
    converge, those of pairs with no opening angle too.
    """
    sample = decays("S_ee", N, 10.0)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD, full_covariance=True)
    assert np.all(fit.status == 0)
    axis = sample["flight"] / np.linalg.norm(sample["flight"], axis=1)[:, None]
    across = np.cross(axis, np.array([0.0, 0.0, 1.0]))
    across /= np.linalg.norm(across, axis=1)[:, None]
    variance = np.einsum("ni,nij,nj->n", across, fit.covariance[:, :3, :3], across)
    pull = np.sum(across * (fit.position - sample["vertex"]), axis=1) / np.sqrt(variance)
    assert abs(pull[np.abs(pull) < 6.0].std() - 1.0) < TOLERANCE
    along = position_pulls(fit, sample)[:, 3]
    low, high = np.percentile(along[np.abs(along) < 6.0], [15.87, 84.13])
    assert abs(0.5 * (high - low) - 1.0) < 0.06
    photon = decays("conversion", N, 10.0)
    assert np.all(fit_vertices(photon["helices"], photon["covs"], photon["masses"], FIELD).status == 0)


@pytest.mark.parametrize("radius", [0.0, 3.0, 40.0])
def test_pulls_of_three_tracks(radius):
    sample = three_prongs(N, radius)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD, full_covariance=True)
    assert np.all(fit.status == 0)
    width, lost = widths(np.column_stack([position_pulls(fit, sample)[:, :3], momentum_pulls(fit, sample)]))
    assert np.all(np.abs(width - 1.0) < TOLERANCE), width
    assert lost < 0.002
    assert kstest(fit.probability, "uniform").pvalue > 1e-4
    assert fit.ndf == 3


_SPOT = np.array([1e-3, 3e-4, 0.03])
_CONSTRAINTS = {
    "none": {},
    "pointing": {"pointing": True},
    "mass": {"mass_constraint": DECAYS["K_S"][0]},
    "pointing and mass": {"pointing": True, "mass_constraint": DECAYS["K_S"][0]},
}


@pytest.mark.parametrize("constraint", list(_CONSTRAINTS))
def test_constraints_keep_unit_pulls_and_a_flat_probability(constraint):
    sample = decays("K_S", N, (2.0, 60.0), seed=4)
    rng = stream(4, "spot", "test", 0)
    origin = Origin(_SPOT * rng.standard_normal((len(sample["rho"]), 3)), np.array([1e-6, 0.0, 0.0, 9e-8, 0.0, 9e-4]))
    options = _CONSTRAINTS[constraint]
    fit = fit_vertices(
        sample["helices"], sample["covs"], sample["masses"], FIELD, origin=origin, full_covariance=True, **options
    )
    assert np.mean(fit.status == 0) > 0.9995
    pulls = [position_pulls(fit, sample), momentum_pulls(fit, sample)]
    if "mass" not in constraint:
        pulls.append(((fit.mass - sample["mother"]) / fit.mass_error)[:, None])
    width, lost = widths(np.column_stack(pulls))
    assert np.all(np.abs(width - 1.0) < TOLERANCE), width
    assert lost < 0.004
    right = np.linalg.norm(fit.position - sample["vertex"], axis=1) < 2.0
    assert kstest(fit.probability[right], "uniform").pvalue > 1e-4
    if "mass" in constraint:
        assert np.max(np.abs(fit.mass[right] - sample["mother"])) < 1e-4
        assert np.max(fit.mass_error[right]) < 0.02 * 1.6e-3


def test_constraints_improve_what_they_should():
    sample = decays("K_S", 2000, (2.0, 60.0), seed=4)
    arguments = (sample["helices"], sample["covs"], sample["masses"], FIELD)
    free, tied = fit_vertices(*arguments), fit_vertices(*arguments, pointing=True)
    right = np.linalg.norm(free.position - sample["vertex"], axis=1) < 1.0
    assert np.median(tied.pointing_angle[right]) < 1e-6 < np.median(free.pointing_angle[right])
    ratio = tied.position_cov[right][:, [0, 3, 5]] / free.position_cov[right][:, [0, 3, 5]]
    assert np.mean(ratio < 1.01) > 0.99 and np.median(ratio) < 0.95


def test_vertices_at_the_luminous_region():
    """Prompt pairs made within the beam spot: the fit with it has unit pulls and the smaller errors."""
    rng = stream(6, "prompt", "test", 0)
    sample = three_prongs(N, 0.0)
    vertex = _SPOT * rng.standard_normal((N, 3))
    helices, covs = smeared(rng, sample["momenta"].transpose(1, 0, 2), (1.0, -1.0, 1.0), vertex)
    origin = Origin(np.zeros(3), np.array([_SPOT[0] ** 2, 0.0, 0.0, _SPOT[1] ** 2, 0.0, _SPOT[2] ** 2]))
    fit = fit_vertices(helices, covs, sample["masses"], FIELD, origin=origin, at_origin=True)
    assert np.all(fit.status == 0) and fit.ndf == 6
    width, lost = widths((fit.position - vertex) / np.sqrt(fit.position_cov[:, [0, 3, 5]]))
    assert np.all(np.abs(width - 1.0) < TOLERANCE) and lost == 0.0
    assert kstest(fit.probability, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("radius", [0.5, 6.0, 20.0, 70.0])
def test_hits_choose_the_crossing(radius):
    """With the layers that an outgoing track crosses, fewer than one K_S in 1000 ends at the wrong crossing."""
    from tests.detector.vertex_decays import as_reconstruction
    from toymc.detector.vertex import start_radii

    card = load_card("belle2_run2")
    sample = decays("K_S", N, radius)
    n = len(sample["rho"])
    layers = np.repeat(layers_beyond(card, sample["rho"]), 2, axis=0)
    tracks = as_reconstruction(sample["helices"].reshape(-1, 5), sample["covs"].reshape(-1, 15), [2] * n, layers).tracks
    radii = start_radii(tracks, card)
    assert np.all((radii[:, 0] <= radius) & (radius <= radii[:, 1]))
    fit = fit_vertices(
        sample["helices"], sample["covs"], sample["masses"], FIELD, radii=radii.reshape(n, 2, 2)
    )
    assert widths(position_pulls(fit, sample))[1] < 0.001
