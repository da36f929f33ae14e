"""Rates and polarimeters against explicit Dirac matrices; currents against a covariant numpy twin."""

import numpy as np
import pytest

from tests.generators import tau_twin as twin
from toymc.constants import M_E, M_K, M_K0, M_MU, M_PI, M_PI0, M_TAU
from toymc.errors import InputError
from toymc.generators.tau import modes
from toymc.generators.tau.currents_three import _three_meson_current
from toymc.generators.tau.currents_two import _two_meson_point
from toymc.generators.tau.decay import _decay_tau, build_tau_tables
from toymc.generators.tau.phase_space import _four_meson_phase_space, _three_meson_phase_space
from toymc.generators.tau.polarimeter import _mean_rate
from toymc.generators.tau.resonances import form_factors
from toymc.generators.tau.sampling import _point
from toymc.generators.tau.tables import CURRENT, KAON_PAIR_LIKE, PARAMETERS, POINT, ROWS
from toymc.streams import stream

HADRONIC = [name for name in modes.MODE_NAMES[modes.PI_PI0_NU : modes.N_DECAYS]]


def sample(mode, count, chunk=0, tables=None):
    """Decays with the current that made them: p4 (n, 5, 4) as t, x, y, z; codes; h; current (n, 4) as t, x, y, z."""
    rng = stream(11, "tau_matrix_elements", "test", 100 * mode + chunk)
    tables = build_tau_tables() if tables is None else tables
    scratch, names = np.zeros((ROWS, 4)), np.zeros(ROWS, dtype=np.int32)
    p4, codes, h, current = np.zeros((count, 5, 4)), np.zeros((count, 5), int), np.zeros((count, 3)), []
    for i in range(count):
        scratch[:] = 0.0
        names[:] = 0
        n, *vector = _decay_tau(rng, mode, tables, scratch, names)
        p4[i, :n] = np.roll(scratch[:n], 1, axis=1)
        codes[i] = names[:5]
        h[i] = vector
        current.append(complex_current(scratch))
    return p4, codes, h, np.array(current)


def complex_current(scratch):
    j = scratch[CURRENT : CURRENT + 2].reshape(4, 2)
    return np.roll(j[:, 0] + 1j * j[:, 1], 1)


def to_tau_frame(current, p4):
    """Boost of the hadronic current from the hadronic to the tau rest frame (axes unchanged)."""
    q = p4[:, 1:].sum(axis=1)
    return twin._boost(current, q[:, 1:] / q[:, :1])


@pytest.mark.parametrize("name", HADRONIC)
def test_polarimeter_of_every_hadronic_mode_is_that_of_the_dirac_matrices(name):
    p4, _, h, current = sample(modes.MODE_NAMES.index(name), 60)
    _, expected = twin.hadronic(p4[:, 0], to_tau_frame(current, p4), M_TAU)
    np.testing.assert_allclose(h, expected, atol=2e-10)
    np.testing.assert_allclose(np.linalg.norm(h, axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", HADRONIC)
def test_mean_rate_is_the_dirac_rate_averaged_over_neutrino_directions(name):
    """dGamma/(dQ^2 dPhi_n) ~ |k|/Q x phase space x <omega>; the average over directions by exact quadrature."""
    kind = modes.MODE_NAMES.index(name)
    tables = build_tau_tables()
    rng = stream(12, "tau_mean_rate", "test", kind)
    cos, weight = np.polynomial.legendre.leggauss(4)
    phi = 2 * np.pi * np.arange(6) / 6
    cos, phi = (x.ravel() for x in np.meshgrid(cos, phi, indexing="ij"))
    weight = np.repeat(weight, 6) / weight.sum() / 6
    unit = np.stack([np.sqrt(1 - cos**2) * np.cos(phi), np.sqrt(1 - cos**2) * np.sin(phi), cos], axis=1)
    ratios = []
    for _ in range(12):
        scratch = np.zeros((ROWS, 4))
        scratch[POINT:] = 0.05 + 0.9 * rng.random((2, 4))
        rate, q2 = _point(kind, int(tables.integers[kind, 0]), tables.lines, tables.four_pion, tables.reals, scratch)
        if rate == 0.0:
            continue
        q = np.sqrt(q2)
        gamma, gb = 0.5 * (M_TAU**2 + q2) / (M_TAU * q), 0.5 * (M_TAU**2 - q2) / (M_TAU * q)
        current = twin._boost(np.repeat(complex_current(scratch)[None], len(cos), axis=0), -gb / gamma * unit)
        k = 0.5 * (M_TAU**2 - q2) / M_TAU
        neutrino = k * np.concatenate([np.ones((len(cos), 1)), unit], axis=1)
        omega, _ = twin.hadronic(neutrino, current, M_TAU)
        # _mean_rate holds the two-body phase space k of Q + neutrino as well
        ratios.append(_mean_rate(M_TAU, q2, scratch) / (np.sum(weight * omega) * k))
    assert len(ratios) > 4
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-10)


def twin_current(name, p):
    cards = form_factors()
    if name == "pi_pi0_nu":
        return twin.two_pion_current(p[0], p[1], cards["pi_pi0"], M_PI0, M_PI)
    if name == "K_K0_nu":
        return twin.two_pion_current(p[0], p[1], cards["pi_pi0"], M_PI0, M_PI)
    if name == "K_pi0_nu":
        return twin.kaon_pion_current(p[0], p[1], cards["k_pi"], M_K, M_PI0)
    if name == "pi_K0_nu":
        return twin.kaon_pion_current(p[1], p[0], cards["k_pi"], M_K0, M_PI)
    if name in ("3pi_nu", "pi_2pi0_nu"):
        return twin.three_pion_current(p, cards["three_pi"], name == "3pi_nu", M_PI, M_PI0)
    return twin.kaon_current(name, p, cards["kaons"])


def kernel_current(kind, rng):
    """A point of the phase space with its kernel current, four-vectors as t, x, y, z."""
    tables = build_tau_tables()
    scratch = np.zeros((ROWS, 4))
    scratch[POINT:] = rng.random((2, 4))
    m = tables.reals[kind]
    mesons = int(tables.integers[kind, 0])
    if mesons == 2:
        _two_meson_point(kind, M_TAU, m[1], m[2], tables.lines, scratch)
    else:
        _, q2, q, s23, s13, s12 = _three_meson_phase_space(M_TAU, m[1], m[2], m[3], scratch)
        _three_meson_current(kind, q2, q, scratch, s23, s13, s12, tables.lines, tables.reals)
    return [np.roll(scratch[row], 1)[None] for row in range(1, mesons + 1)], complex_current(scratch)


NAMES = [*HADRONIC[:11], "KS_KL", "KS_KS"]


@pytest.mark.parametrize("name", NAMES)
def test_currents_equal_the_covariant_twin(name):
    """Kernel (tabulated lines, reduced components) against the covariant formula.

    The worst points lie within a grid step of a threshold, where an s-wave width starts as a square root.
    """
    kind = {"KS_KL": modes.PI_K0_K0_NU, "KS_KS": KAON_PAIR_LIKE}.get(name)
    kind = modes.MODE_NAMES.index(name) if kind is None else kind
    rng = stream(13, "tau_currents", "test", kind)
    errors = []
    for _ in range(200):
        p, current = kernel_current(kind, rng)
        expected = twin_current(name, p)[0]
        errors.append(np.max(np.abs(current - expected)) / np.linalg.norm(expected))
    assert np.max(errors) < 6e-3
    assert np.median(errors) < 2e-5


def test_three_pion_currents_are_bose_symmetric():
    rng = stream(14, "tau_bose", "test", 0)
    p, _ = twin.flat_decay(rng, 20, 1.4, [M_PI, M_PI, M_PI])
    for charged in (True, False):
        a = twin.three_pion_current(p, form_factors()["three_pi"], charged, M_PI, M_PI0)
        b = twin.three_pion_current(p[[1, 0, 2]], form_factors()["three_pi"], charged, M_PI, M_PI0)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", [modes.E_NU_NU, modes.MU_NU_NU])
def test_leptonic_polarimeter_is_that_of_the_dirac_matrices(mode):
    p4, codes, h, _ = sample(mode, 200)
    mass = (M_E, M_MU)[mode]
    _, expected = twin.leptonic(p4[:, 0], p4[:, 1], p4[:, 2], mass, M_TAU)
    np.testing.assert_allclose(h, expected, atol=1e-9)
    assert codes[0, :3].tolist() == [[16, 11, -12], [16, 13, -14]][mode]


def test_pion_and_kaon_are_emitted_along_the_spin():
    for mode in (modes.PI_NU, modes.K_NU):
        p4, _, h, _ = sample(mode, 3)
        _, expected = twin.hadronic(p4[:, 0], p4[:, 1].astype(complex), M_TAU)
        np.testing.assert_allclose(h, expected, atol=1e-10)
        np.testing.assert_allclose(h, p4[:, 1, 1:] / np.linalg.norm(p4[:, 1, 1:], axis=1, keepdims=True), atol=1e-12)


@pytest.mark.parametrize("chirality", ["left", "right", "vector"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.2, 1.6])
def test_scalar_signal_is_that_of_the_dirac_matrices(chirality, alpha):
    tables = build_tau_tables(alpha, chirality)
    vertex = {"left": twin.RIGHT, "right": twin.LEFT, "vector": np.eye(4)}[chirality]
    for mode, mass in ((modes.E_ALPHA, M_E), (modes.MU_ALPHA, M_MU)):
        p4, codes, h, _ = sample(mode, 2, tables=tables)
        _, expected = twin.scalar_signal(p4[:, 1], mass, M_TAU, vertex)
        np.testing.assert_allclose(h, expected, atol=1e-10)
        assert codes[0, 0] == modes.ALPHA_PDG
        energy = (M_TAU**2 + mass**2 - alpha**2) / (2 * M_TAU)
        np.testing.assert_allclose(p4[:, 1, 0], energy, rtol=1e-12)


@pytest.mark.parametrize(("chirality", "sign"), [("left", 1.0), ("right", -1.0)])
def test_phi_and_photon_signals_are_those_of_the_dirac_matrices(chirality, sign):
    tables = build_tau_tables(0.0, chirality)
    for mode, mass in ((modes.E_PHI, M_E), (modes.MU_PHI, M_MU)):
        p4, _, h, _ = sample(mode, 20, tables=tables)
        for i in range(20):
            boson = np.sqrt(twin.dot(p4[i, 0], p4[i, 0]))
            projector = twin.LEFT if chirality == "left" else twin.RIGHT
            _, expected = twin.vector_signal(p4[i, 1], p4[i, 0], mass, boson, M_TAU, projector)
            np.testing.assert_allclose(h[i], expected, atol=1e-9)
    for mode, mass in ((modes.E_GAMMA, M_E), (modes.MU_GAMMA, M_MU)):
        p4, _, h, _ = sample(mode, 2, tables=tables)
        projector = twin.RIGHT if chirality == "left" else twin.LEFT
        _, expected = twin.photon_signal(p4[0, 1], p4[0, 0], mass, M_TAU, projector)
        np.testing.assert_allclose(h[0], expected, atol=1e-9)
        np.testing.assert_allclose(h[0], [0.0, 0.0, sign], atol=1e-12)


def test_bad_signal_parameters_are_refused_with_what_is_allowed():
    with pytest.raises(InputError, match="needs 0 <= mass"):
        build_tau_tables(1.8)
    with pytest.raises(InputError, match="needs 0 <= mass"):
        build_tau_tables(float("nan"))
    with pytest.raises(InputError, match="left, vector, right"):
        build_tau_tables(0.1, "up")


def test_four_pion_map_fills_momentum_conserving_points():
    tables = build_tau_tables()
    rng = stream(15, "tau_four", "test", 0)
    for kind in (modes.THREE_PI_PI0_NU, modes.PI_3PI0_NU):
        for _ in range(50):
            scratch = np.zeros((ROWS, 4))
            scratch[POINT:] = rng.random((2, 4))
            jacobian, q2 = _four_meson_phase_space(kind, tables.reals, scratch)
            total = scratch[1:5].sum(axis=0)
            np.testing.assert_allclose(total, [0, 0, 0, np.sqrt(q2)], atol=1e-12)
            m2 = scratch[1:5, 3] ** 2 - np.sum(scratch[1:5, :3] ** 2, axis=1)
            np.testing.assert_allclose(m2, tables.reals[kind, 1:5] ** 2, atol=1e-12)
            assert jacobian > 0.0
    assert tables.reals[PARAMETERS, 2] > 1.0
