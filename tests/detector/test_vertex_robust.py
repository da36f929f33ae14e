"""Anything goes into a vertex fit, only finite numbers and a status come out."""

import dataclasses
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detector.vertex_decays import FIELD, unit_vectors
from toymc.detector import helix_from_state
from toymc.detector.vertex import Origin, fit_vertices
from toymc.streams import stream

_SPOT = Origin(np.zeros(3), np.array([1e-6, 0.0, 0.0, 1e-9, 0.0, 6e-4]))
VARIANTS = (
    {},
    {"pointing": True, "origin": _SPOT},
    {"mass_constraint": 0.5},
    {"at_origin": True, "origin": _SPOT},
    {"parallel_within": 5e-4},
    {"pointing": True, "mass_constraint": 0.3, "parallel_within": 1e-3, "origin": _SPOT},
)


def check(fit):
    """Everything finite, errors not negative, a status of the list for every row."""
    for field in dataclasses.fields(fit):
        value = getattr(fit, field.name)
        assert value is None or np.all(np.isfinite(value)), field.name
    assert np.all((fit.status >= 0) & (fit.status <= 4))
    assert np.all(fit.mass_error >= 0.0) and np.all(fit.decay_length_error >= 0.0)
    assert np.all(fit.chi2 >= 0.0)
    good = fit.status <= 1
    assert np.all(fit.position_cov[good][:, [0, 3, 5]] >= 0.0)
    assert np.all(fit.momenta[~good] == 0.0)


def random_tracks(rng, n, k):
    """Tracks with nothing in common: 1 MeV to 20 GeV, any direction, from the beam to 4 m, any covariance."""
    momentum = unit_vectors(rng, n * k) * np.exp(rng.uniform(math.log(1e-3), math.log(20.0), n * k))[:, None]
    point = unit_vectors(rng, n * k) * np.where(rng.random(n * k) < 0.5, 0.1, rng.uniform(0.0, 400.0, n * k))[:, None]
    charge = rng.choice([-1.0, 1.0], n * k)
    helices = helix_from_state(np.concatenate([point, momentum], axis=1), charge, FIELD)
    root = rng.standard_normal((n * k, 5, 5)) * np.exp(rng.uniform(-3.0, 1.0, (n * k, 1, 1)))
    scale = np.stack([np.full(n * k, 0.01), np.full(n * k, 0.01), 0.01 * np.abs(helices[:, 2]), np.full(n * k, 0.01),
                      0.01 * (1.0 + np.abs(helices[:, 4]))], axis=1)  # fmt: skip
    root *= scale[:, :, None]
    cov = root @ root.transpose(0, 2, 1)
    rows, columns = np.triu_indices(5)
    return helices.reshape(n, k, 5), np.ascontiguousarray(cov[:, rows, columns]).reshape(n, k, 15)


def test_tracks_that_have_nothing_in_common():
    rng = stream(41, "vertex", "test", 0)
    for variant, options in enumerate(VARIANTS):
        helices, covs = random_tracks(rng, 20_000, 2)
        fit = fit_vertices(helices, covs, [0.14, 0.14], FIELD, full_covariance=True, **options)
        check(fit)
        assert np.mean(fit.status == 0) > (0.6 if variant == 0 else 0.05)
    helices, covs = random_tracks(rng, 10_000, 4)
    check(fit_vertices(helices, covs, np.full(4, 0.14), FIELD, full_covariance=True))


def test_nearly_identical_tracks():
    """The same helix twice, apart from the last digits to per mille: undetermined or far, never wrong numbers."""
    rng = stream(42, "vertex", "test", 0)
    helices, covs = random_tracks(rng, 5000, 2)
    size = np.exp(rng.uniform(math.log(1e-16), math.log(1e-3), (5000, 1)))
    helices[:, 1] = helices[:, 0] * (1.0 + size * rng.standard_normal((5000, 5)))
    covs[:, 1] = covs[:, 0]
    for options in VARIANTS:
        check(fit_vertices(helices, covs, [0.0, 0.0], FIELD, **options))


_number = st.one_of(
    st.floats(-1e3, 1e3), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1e-300, -1e-12, 1e12])
)


@settings(deadline=None, max_examples=150)
@given(
    helices=st.lists(_number, min_size=10, max_size=10),
    cov=st.lists(_number, min_size=15, max_size=15),
    diagonal=st.booleans(),
    variant=st.integers(0, len(VARIANTS) - 1),
)
def test_awkward_numbers(helices, cov, diagonal, variant):
    triangle = np.array(cov)
    if diagonal:  # mostly a valid covariance, of any scale
        triangle = np.zeros(15)
        triangle[[0, 5, 9, 12, 14]] = np.abs(np.array(cov[:5])) + 1e-12
    covs = np.tile(triangle, (1, 2, 1))
    check(fit_vertices(np.array(helices).reshape(1, 2, 5), covs, [0.14, 0.14], FIELD, **VARIANTS[variant]))


@settings(deadline=None, max_examples=100)
@given(
    first=st.tuples(*[st.floats(-20.0, 20.0)] * 3),
    second=st.tuples(*[st.floats(-20.0, 20.0)] * 3),
    point=st.tuples(*[st.floats(-400.0, 400.0)] * 3),
    charge=st.sampled_from([-1.0, 1.0]),
)
def test_two_tracks_from_any_point(first, second, point, charge):
    """Exact helices from a common point: whatever the fit says is a minimum with chi2 near zero, if it says so."""
    momenta = np.array([first, second])
    if np.any(np.hypot(momenta[:, 0], momenta[:, 1]) < 1e-3):
        return
    state = np.concatenate([np.tile(point, (2, 1)), momenta], axis=1)
    helices = helix_from_state(state, np.array([charge, -1.0]), FIELD)[None]
    covs = np.zeros((1, 2, 15))
    covs[..., [0, 5, 9, 12, 14]] = np.array([1e-4, 1e-5, 1e-10, 1e-4, 1e-5])
    fit = fit_vertices(helices, covs, [0.1, 0.1], FIELD)
    check(fit)
    if fit.status[0] == 0:
        assert fit.chi2[0] < 10.0
