"""The vertex fit beside slow twins: numerical derivatives, a general minimiser; and what it says to bad input."""

import dataclasses

import numpy as np
import pytest

from tests.detector.vertex_decays import DECAYS, FIELD, as_reconstruction, decays, three_prongs, unit_vectors
from tests.detector.vertex_twin import full_matrix, twin_fit
from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector import helix_from_state, state_on_helix
from toymc.detector.vertex import STATUS_TEXT, Origin, beam_spot, fit_pairs, fit_vertices
from toymc.detector.vertex.track import _equations, _jacobian
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.kernels import kernel
from toymc.streams import stream


@kernel
def _residuals(h, v, psi, out):
    f1, f2, turned, _, _, sin_t, cos_t, _, sin0, cos0 = _equations(h[0], h[1], h[2], h[3], h[4], v[0], v[1], v[2], psi)
    out[0], out[1], out[2] = f1, f2, h[1] - turned
    return turned


@kernel
def _gradients(h, v, psi, out):
    """Rows f1, f2, direction; columns the five of the helix, then the point."""
    _, _, turned, u, w, sin_t, cos_t, stretch, sin0, cos0 = _equations(
        h[0], h[1], h[2], h[3], h[4], v[0], v[1], v[2], psi
    )
    a0, a1, a2, b0, b1, b2, b4, j0, j1, j2 = _jacobian(h[0], h[2], h[4], turned, u, w, sin_t, cos_t, stretch)
    sine, cosine = sin0 * cos_t - cos0 * sin_t, cos0 * cos_t + sin0 * sin_t
    t = h[4] / stretch
    out[0, 0], out[0, 1], out[0, 2], out[0, 5], out[0, 6] = a0, a1, a2, -sine, cosine
    out[1, 0], out[1, 1], out[1, 2], out[1, 3], out[1, 4] = b0, b1, b2, -1.0, b4
    out[1, 5], out[1, 6], out[1, 7] = -t * cosine, -t * sine, 1.0
    out[2, 0], out[2, 1], out[2, 2] = j0, j1, j2
    out[2, 5], out[2, 6] = -h[2] / stretch * cosine, -h[2] / stretch * sine


def test_derivatives_agree_with_numerical_ones():
    """Random helices and points near them, of both charges, with more than a quarter of a turn between."""
    rng = stream(11, "vertex", "test", 0)
    n = 300
    momentum = unit_vectors(rng, n, 0.95) * np.exp(rng.uniform(np.log(0.05), np.log(8.0), n))[:, None]
    charge = rng.choice([-1.0, 1.0], n)
    point = rng.uniform(-80.0, 80.0, (n, 3))
    helix = helix_from_state(np.concatenate([point, momentum], axis=1), charge, FIELD)
    point = point + rng.normal(0.0, 0.3, (n, 3))
    out, high, low = np.zeros((3, 8)), np.zeros(3), np.zeros(3)
    for h, v in zip(helix, point, strict=True):
        out[:] = 0.0
        psi = _residuals(h, v, 0.0, high)
        _gradients(h, v, psi, out)
        for k in range(8):
            size = 1e-6 * abs(h[2]) if k == 2 else 1e-5
            hp, vp, hm, vm = h.copy(), v.copy(), h.copy(), v.copy()
            (hp if k < 5 else vp)[k if k < 5 else k - 5] += size
            (hm if k < 5 else vm)[k if k < 5 else k - 5] -= size
            _residuals(hp, vp, psi, high)
            _residuals(hm, vm, psi, low)
            numerical = (high - low) / (2.0 * size)
            scale = np.maximum(np.abs(numerical), 1e-4 / size if k == 2 else 1.0)
            assert np.all(np.abs(out[:, k] - numerical) < 2e-5 * scale), (k, h, v)


def test_equations_vanish_on_the_helix():
    """Both residuals are zero, and the direction right, wherever a state is put on a helix."""
    rng = stream(12, "vertex", "test", 0)
    for pt in (0.03, 0.3, 3.0, 1e5):
        helix = np.array([[0.3, 0.7, OMEGA_PER_TESLA_GEV_CM * FIELD / pt, 1.0, 0.8]])
        arc = rng.uniform(-0.9, 0.9, 20) * min(np.pi / helix[0, 2], 200.0)
        state = state_on_helix(np.repeat(helix, 20, axis=0), arc, FIELD)
        out = np.zeros(3)
        for s in state:
            _residuals(helix[0], s[:3].copy(), 0.0, out)
            assert np.all(np.abs(out[:2]) < 1e-7)
            assert abs(np.exp(1j * out[2]) - np.exp(1j * np.arctan2(s[4], s[3]))) < 1e-9


def compare(fit, row, twin, tolerance=2e-3, covariances=0.03):
    """Position, momenta and chi2 in units of the errors; covariances to a fraction of the variances."""
    position, momenta, chi2, covariance = twin
    sigma = np.sqrt(np.diag(covariance))
    ours = np.concatenate([fit.position[row], fit.momenta[row].ravel()])
    theirs = np.concatenate([position, momenta.ravel()])
    assert np.all(np.abs(ours - theirs) < tolerance * sigma), (ours - theirs) / sigma
    assert abs(fit.chi2[row] - chi2) < 1e-3 * max(chi2, 0.1)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.all(np.abs(fit.covariance[row] - covariance) < covariances * scale)


@pytest.mark.parametrize("name", ["K_S", "Lambda", "S_mumu"])
@pytest.mark.parametrize("radius", [0.0, 5.0, 60.0])
def test_twin_minimiser_finds_the_same(name, radius):
    sample = decays(name, 12, radius, seed=21)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD, full_covariance=True)
    compared = 0
    for row in range(12):
        if np.linalg.norm(fit.position[row] - sample["vertex"][row]) > 1.0:
            continue  # the other crossing
        start = sample["vertex"][row] + 1e-3
        twin = twin_fit(sample["helices"][row], sample["covs"][row], start, momenta=sample["momenta"][row])
        # below 50 mrad the information along the flight is averaged, which the minimiser does not do
        first, second = sample["momenta"][row]
        opening = np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second))
        compare(fit, row, twin, covariances=0.03 if opening > 0.05 else 0.3)
        compared += 1
    assert compared >= 10


def test_twin_minimiser_finds_the_same_for_three_tracks():
    sample = three_prongs(8, 3.0, seed=22)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD, full_covariance=True)
    for row in range(8):
        start = sample["vertex"][row] + 1e-3
        compare(fit, row, twin_fit(sample["helices"][row], sample["covs"][row], start, momenta=sample["momenta"][row]))


def test_twin_minimiser_finds_the_same_with_constraints():
    """Beam spot, pointing, mass: for the minimiser, measurements with (very) small errors."""
    sample = decays("K_S", 6, 8.0, seed=23)
    spot, masses = np.array([1e-3, 5e-4, 3e-2]), sample["masses"]
    origin = Origin(np.zeros(3), np.array([1e-6, 0.0, 0.0, 2.5e-7, 0.0, 9e-4]))

    def mass(v, p):
        energy = np.sqrt(np.sum(p**2, axis=1) + masses**2).sum()
        return np.array([(np.sqrt(energy**2 - np.sum(p.sum(axis=0) ** 2)) - sample["mother"]) / 1e-7])

    def pointing(v, p):  # profile over the true production point: (v - b) x P = 0 with b Gaussian
        total = p.sum(axis=0)
        e = total / np.linalg.norm(total)
        first = np.cross(e, [0.0, 0.0, 1.0])
        first /= np.linalg.norm(first)
        basis = np.stack([first, np.cross(e, first)])
        noise = basis @ np.diag(spot**2) @ basis.T
        return np.linalg.inv(np.linalg.cholesky(noise)) @ (basis @ v)

    cases = [
        ({"mass_constraint": sample["mother"]}, mass),
        ({"pointing": True}, pointing),
        ({"pointing": True, "mass_constraint": sample["mother"]},
         lambda v, p: np.concatenate([pointing(v, p), mass(v, p)])),
    ]  # fmt: skip
    for options, extra in cases:
        fit = fit_vertices(
            sample["helices"], sample["covs"], masses, FIELD, origin=origin, full_covariance=True, **options
        )
        for row in range(6):
            start, momenta = sample["vertex"][row] + 1e-3, sample["momenta"][row]
            twin = twin_fit(sample["helices"][row], sample["covs"][row], start, extra, momenta)
            compare(fit, row, twin, tolerance=0.02)
    prompt = three_prongs(6, 0.0, seed=24)
    fit = fit_vertices(
        prompt["helices"], prompt["covs"], prompt["masses"], FIELD, origin=origin, at_origin=True, full_covariance=True
    )
    for row in range(6):
        twin = twin_fit(
            prompt["helices"][row], prompt["covs"][row], np.full(3, 1e-5), lambda v, p: v / spot, prompt["momenta"][row]
        )
        compare(fit, row, twin)


def test_errors_of_mass_and_length_follow_from_the_covariance():
    """Derived errors against propagation of the 9 x 9 covariance with numerical derivatives."""
    sample = decays("Lambda", 20, (1.0, 30.0), seed=25)
    cov = np.array([4e-6, 0.0, 1e-6, 1e-6, 0.0, 9e-4])
    fit = fit_vertices(
        sample["helices"], sample["covs"], sample["masses"], FIELD, origin=Origin(np.zeros(3), cov),
        full_covariance=True,
    )  # fmt: skip
    square = full_matrix(np.concatenate([cov[:3], [0, 0], cov[3:5], [0, 0], cov[5:], np.zeros(5)]))[:3, :3]
    assert np.allclose(fit.covariance[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], fit.position_cov, rtol=1e-12)
    assert np.allclose(fit.covariance, fit.covariance.transpose(0, 2, 1), rtol=1e-9, atol=1e-15)

    def quantities(x):
        p = x[3:].reshape(2, 3)
        total = p.sum(axis=0)
        energy = np.sqrt(np.sum(p**2, axis=1) + sample["masses"] ** 2).sum()
        mass = np.sqrt(energy**2 - total @ total)
        along = x[:3] @ total
        return np.array([mass, along / np.linalg.norm(total), mass * along / (total @ total) / 29.9792458])

    for row in range(20):
        x = np.concatenate([fit.position[row], fit.momenta[row].ravel()])
        gradient = np.empty((3, 9))
        for k in range(9):
            step = np.zeros(9)
            step[k] = 1e-5
            gradient[:, k] = (quantities(x + step) - quantities(x - step)) / 2e-5
        variance = np.einsum("ik,kl,il->i", gradient, fit.covariance[row], gradient)
        variance += np.einsum("ik,kl,il->i", gradient[:, :3], square, gradient[:, :3])
        errors = [fit.mass_error[row], fit.decay_length_error[row], fit.decay_time_error[row]]
        assert np.allclose(quantities(x), [fit.mass[row], fit.decay_length[row], fit.decay_time[row]], rtol=1e-9)
        assert np.allclose(np.sqrt(variance), errors, rtol=1e-4)
        assert np.allclose(fit.significance[row], fit.decay_length[row] / fit.decay_length_error[row])


def test_result_does_not_depend_on_neighbours_or_order():
    """A candidate alone, in a batch, and with its tracks exchanged."""
    sample = decays("K_S", 50, (0.0, 50.0), seed=26)
    batch = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD)
    swapped = fit_vertices(sample["helices"][:, ::-1], sample["covs"][:, ::-1], sample["masses"][::-1], FIELD)
    for row in (0, 17, 49):
        alone = fit_vertices(sample["helices"][row][None], sample["covs"][row][None], sample["masses"], FIELD)
        assert np.array_equal(alone.position[0], batch.position[row])
        assert alone.mass_error[0] == batch.mass_error[row]
    assert np.allclose(batch.mass, swapped.mass, rtol=1e-6)
    assert np.allclose(batch.momenta, swapped.momenta[:, ::-1], atol=1e-6)


def test_one_mass_and_origin_for_all_or_one_each():
    sample = decays("K_S", 10, 5.0, seed=27)
    arguments = (sample["helices"], sample["covs"])
    origin = Origin(np.full(3, 0.01), np.array([1e-6, 0.0, 0.0, 1e-6, 0.0, 1e-4]))
    one = fit_vertices(*arguments, sample["masses"], FIELD, origin=origin, pointing=True)
    many = Origin(np.tile(origin.position, (10, 1)), origin.cov)
    each = fit_vertices(*arguments, np.tile(sample["masses"], (10, 1)), FIELD, origin=many, pointing=True)
    for field in dataclasses.fields(one):
        assert np.array_equal(getattr(one, field.name), getattr(each, field.name)), field.name


def test_pairs_from_a_reconstruction():
    sample = decays("K_S", 30, 5.0, seed=28)
    tracks = as_reconstruction(sample["helices"].reshape(-1, 5), sample["covs"].reshape(-1, 15), [2] * 30)
    rows = np.arange(0, 60, 2)
    fit = fit_pairs(tracks, rows, rows + 1, sample["masses"], FIELD)
    direct = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD)
    assert np.array_equal(fit.position, direct.position)
    assert len(fit_pairs(tracks, rows[:0], rows[:0], sample["masses"], FIELD).chi2) == 0
    with pytest.raises(InputError, match="track rows 0..60 of 60: give rows of the whole table"):
        fit_pairs(tracks, rows, rows + 2, sample["masses"], FIELD)


def test_status_of_candidates_that_cannot_be_fitted():
    """Bad numbers in one candidate are told by its status, and touch no other."""
    sample = decays("K_S", 9, 5.0, seed=29)
    helices, covs = sample["helices"].copy(), sample["covs"].copy()
    helices[1, 0, 3] = np.nan
    helices[2, 1, 2] = 0.0
    helices[3, 0, 0] = np.inf
    covs[4, 1, 0] = -covs[4, 1, 0]
    covs[5, 0, 1] = 2.0 * np.sqrt(covs[5, 0, 0] * covs[5, 0, 5])
    covs[6, 0] = 0.0
    covs[7, 1, 9] = np.nan
    helices[8, 1] = helices[8, 0]
    fit = fit_vertices(helices, covs, sample["masses"], FIELD, full_covariance=True)
    assert fit.status.tolist() == [0, 4, 4, 4, 3, 3, 3, 3, 2]
    assert len(STATUS_TEXT) == 5
    clean = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD)
    assert np.array_equal(fit.position[0], clean.position[0])
    for name in ("position", "position_cov", "chi2", "mass", "momenta", "covariance", "decay_length_error"):
        assert np.all(getattr(fit, name)[1:] == 0.0), name
    assert np.all(fit.probability[1:] == 0.0) and np.all(fit.significance[1:] == 0.0)


HELICES, COVS = decays("K_S", 3, 5.0, seed=30)["helices"], decays("K_S", 3, 5.0, seed=30)["covs"]
BAD_CALLS = {
    "no candidates axis": ((HELICES[0], COVS[0], [0.1, 0.1], FIELD), {}, "give \\(candidates, two or more tracks"),
    "one track": ((HELICES[:, :1], COVS[:, :1], [0.1], FIELD), {}, "two or more tracks"),
    "covariance": ((HELICES, COVS[:, :, :14], [0.1, 0.1], FIELD), {}, "covs have shape"),
    "masses": ((HELICES, COVS, [0.1], FIELD), {}, "masses has shape"),
    "negative mass": ((HELICES, COVS, [0.1, -0.1], FIELD), {}, "masses below 0"),
    "NaN mass": ((HELICES, COVS, [0.1, np.nan], FIELD), {}, "masses has entries that are not finite"),
    "no field": ((HELICES, COVS, [0.1, 0.1], 0.0), {}, "field 0.0 T"),
    "point as a beam spot": ((HELICES, COVS, [0.1, 0.1], FIELD), {"at_origin": True}, "positive covariance"),
    "two rules": ((HELICES, COVS, [0.1, 0.1], FIELD), {"at_origin": True, "pointing": True}, "exclude each other"),
    "mass 0": ((HELICES, COVS, [0.1, 0.1], FIELD), {"mass_constraint": 0.0}, "parallel_within"),
    "angle": ((HELICES, COVS, [0.1, 0.1], FIELD), {"parallel_within": -1.0}, "momentum above 0"),
    "radii": ((HELICES, COVS, [0.1, 0.1], FIELD), {"radii": np.zeros((3, 2))}, "radii have shape"),
    "origin": ((HELICES, COVS, [0.1, 0.1], FIELD), {"origin": Origin(np.zeros(2), np.zeros(6))}, "origin.position"),
}


@pytest.mark.parametrize("case", list(BAD_CALLS))
def test_bad_calls_say_what_to_give(case):
    arguments, options, message = BAD_CALLS[case]
    with pytest.raises(InputError, match=message):
        fit_vertices(*arguments, **options)


def test_beam_spot_of_a_card():
    spot = beam_spot(load_card("belle2"))
    assert spot.position.shape == (3,) and spot.cov[5] == pytest.approx(0.025**2)
    assert DECAYS["K_S"][0] == pytest.approx(0.4976, abs=1e-4)
