"""Amplitudes of e+e- -> l+ l- X: traces, Ward identities, soft photons, Lorentz invariance, spin densities, maps."""

import numpy as np
import pytest

from tests.generators import amplitude_twin as twin
from toymc.constants import M_E, M_MU, M_TAU
from toymc.generators.amplitudes import layout, phase_space
from toymc.generators.amplitudes.emission import (
    _add_exchange,
    _electron_line,
    _fill_amplitudes,
    _final_squared,
    _lepton_line,
    _line_currents,
    _polarisations,
    _sum_amplitudes,
)
from toymc.generators.amplitudes.radiator import _running, leg_table, running_table
from toymc.generators.amplitudes.spin import (
    _boson_density,
    _boson_density_final,
    _lepton_pair_density,
    _sample_density,
    _scalar_pair_density,
    _vector_decay_direction,
    _vector_pair_density,
)
from toymc.generators.amplitudes.spinors import _dot
from toymc.generators.born import correlation_matrix
from toymc.generators.isr import vertex_factor
from toymc.generators.vacuum_polarisation import enhancement, leptonic
from toymc.kernels import kernel
from toymc.streams import stream

S = 10.579**2
ONE = 1.0 + 0.0j
COUPLINGS = {
    "scalar": (0, 1.0 + 0j, 1.0 + 0j),
    "pseudoscalar": (0, -1j, 1j),
    "mixed spin 0": (0, 0.3 - 0.7j, 0.9 + 0.2j),
    "vector": (1, 1.0 + 0j, 1.0 + 0j),
    "left-handed vector": (1, 1.0 + 0j, 0.2 + 0j),
}


@kernel
def _call_final(v, z, m, mass, spin, cl, cr):
    return _final_squared(v, z, m, mass, spin, cl, cr)


@kernel
def _call_full(v, z, m, m_e, mass, spin, cl, cr, el, er, exchange):
    one = complex(1.0, 0.0)
    n_pol = _fill_amplitudes(v, z, m, m_e, mass, spin, cl, cr, el, er, exchange, one, one, one, one)
    return _sum_amplitudes(z, n_pol)


@kernel
def _call_ward(v, z, m, m_e, mass, cl, el, exchange):
    """|M|^2 with the momentum of the boson in place of its polarisation, and the largest single diagram."""
    for i in range(4):
        v[layout.POLARISATION, i] = v[layout.BOSON, i]
    _lepton_line(v, z, m, mass * mass, 1, 1, cl, cl, 2)
    _electron_line(v, z, m_e, mass * mass, 1, 1, el, el)
    for i in range(12):
        for j in range(4):
            z[layout.AMPLITUDE + i, j] = 0.0
    _line_currents(z, layout.BRA_E, layout.BRA_EX, layout.KET_E, layout.KET_EX, layout.LINE_A, layout.LINE_AX, 1)
    _line_currents(z, layout.BRA_L, layout.BRA_LX, layout.KET_L, layout.KET_LX, layout.LINE_B, layout.LINE_BX, 1)
    s = 2.0 * m_e * m_e + 2.0 * _dot(v, 3, 4)
    s_ll = 2.0 * m * m + 2.0 * _dot(v, 0, 1)
    if exchange:
        _line_currents(z, layout.BRA_L, layout.BRA_LX, layout.KET_E, layout.KET_EX, layout.LINE_A, layout.LINE_AX, 1)
        _line_currents(z, layout.BRA_E, layout.BRA_EX, layout.KET_L, layout.KET_LX, layout.LINE_B, layout.LINE_BX, 1)
        _add_exchange(z, 1, True, 1.0 / (2.0 * m * m - 2.0 * _dot(v, 3, 0)), 1.0 / (2.0 * m * m - 2.0 * _dot(v, 4, 1)))
    else:
        _add_exchange(z, 1, False, 1.0 / s, 1.0 / s_ll)
    return _sum_amplitudes(z, 1)


@kernel
def _call_point(channel, y, s, m, m_e, mass, e_low, v):
    phase_space._beams(v, s, m_e)
    if channel == phase_space.FINAL:
        return phase_space._final_point(y, s, m, mass, e_low, v)
    if channel == phase_space.INITIAL:
        return phase_space._initial_point(y, s, m, m_e, mass, e_low, 0.0, v)
    if channel < phase_space.LEG_MINUS:
        return phase_space._beam_point(y, s, m, m_e, mass, e_low, 0.0, 3.0, channel == phase_space.BEAM_MINUS, v)
    return phase_space._leg_point(y, s, m, e_low, 0.05, channel == phase_space.LEG_MINUS, v)


@kernel
def _volumes(rng, channel, s, m, m_e, mass, e_low, n, v, out):
    y = np.empty(4)
    for i in range(n):
        for d in range(4):
            y[d] = rng.random()
        w = _call_point(channel, y, s, m, m_e, mass, e_low, v)
        # 1/t^2 above 6 GeV^2, which all maps reach, for each lepton; volume
        for side in range(2):
            t = (2.0 * _dot(v, 3 + side, side) - m * m - m_e * m_e) / s
            out[i, side] = w * v[2, 3] / (t * t) if t * s > 6.0 else 0.0
        out[i, 2] = w


def events(n, m, mass, seed=0, e_low=0.3, channel=phase_space.FINAL):
    """Random phase-space points: arrays of rows l-, l+, X, e-, e+."""
    rng = stream(seed, "amplitudes", "test", 0)
    found = []
    while len(found) < n:
        v, _ = layout.scratch()
        if _call_point(channel, rng.random(4), S, m, M_E, mass, e_low if mass == 0.0 else 0.0, v) > 0.0:
            found.append(v)
    return found


@pytest.mark.parametrize("name", COUPLINGS)
@pytest.mark.parametrize(("m", "mass"), [(M_MU, 0.1), (M_TAU, 1.0), (M_MU, 8.0)])
def test_final_emission_is_the_trace(name, m, mass):
    spin, cl, cr = COUPLINGS[name]
    for v in events(5, m, mass):
        _, z = layout.scratch()
        expected = twin.spin_summed(v[:5], (m, M_E), mass, spin, (cl, cr, 0.0, 0.0))
        full = _call_full(v, z, m, M_E, mass, spin, cl, cr, 0j, 0j, False)
        assert full == pytest.approx(expected, rel=1e-7)
        if name in ("scalar", "pseudoscalar", "vector"):
            # the quick form takes massless beams: m_e^2/s
            quick = _call_final(v, z, m, mass, spin, cl, cr) * 2.0 / S
            assert quick == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("channel", [phase_space.FINAL, phase_space.INITIAL])
def test_photon_off_both_lines_is_the_trace(channel):
    for v in events(6, M_MU, 0.0, seed=1, channel=channel):
        _, z = layout.scratch()
        expected = twin.spin_summed(v[:5], (M_MU, M_E), 0.0, 1, (1.0, 1.0, 1.0, 1.0))
        assert _call_full(v, z, M_MU, M_E, 0.0, 1, ONE, ONE, ONE, ONE, False) == pytest.approx(expected, rel=1e-6)


def test_scalar_off_both_lines_is_the_trace():
    for v in events(5, M_MU, 7.0, seed=2, channel=phase_space.INITIAL):
        _, z = layout.scratch()
        expected = twin.spin_summed(v[:5], (M_MU, M_E), 7.0, 0, (1.0, 1.0, 0.4, 0.4))
        got = _call_full(v, z, M_MU, M_E, 7.0, 0, ONE, ONE, 0.4 + 0j, 0.4 + 0j, False)
        assert got == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("channel", [phase_space.BEAM_MINUS, phase_space.BEAM_PLUS, phase_space.LEG_MINUS])
def test_bhabha_photon_is_the_trace(channel):
    # with a heavy electron too: mass terms of the interference of s and t channel
    for mass in (M_E, 0.5):
        v, z = layout.scratch()
        rng = stream(3, "amplitudes", "test", channel)
        for _ in range(4):
            while not _call_point(channel, 0.1 + 0.8 * rng.random(4), S, mass, mass, 0.0, 0.2, v) > 0.0:
                pass
            expected = twin.spin_summed(v[:5], (mass, mass), 0.0, 1, (1.0, 1.0, 1.0, 1.0), exchange=True)
            got = _call_full(v, z, mass, mass, 0.0, 1, ONE, ONE, ONE, ONE, True)
            assert got == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("m", "mass", "el", "exchange"), [
    (M_MU, 0.0, ONE, False), (M_TAU, 0.0, ONE, False), (M_E, 0.0, ONE, True), (M_MU, 2.0, 0j, False),
])  # fmt: skip
def test_ward_identity(m, mass, el, exchange):
    for v in events(10, m, mass, seed=4):
        _, z = layout.scratch()
        size = _call_full(v, z, m, M_E, mass, 1, ONE, ONE, el, el, exchange)
        # amplitude with k for epsilon, against the physical amplitude times the energy of the boson
        assert _call_ward(v, z, m, M_E, mass, ONE, el, exchange) < 1e-16 * size * v[layout.BOSON, 3] ** 2


def test_axial_coupling_breaks_the_ward_identity_by_the_mass(monkeypatch):
    # the trace twin with k for epsilon gives the pseudoscalar amplitude with coupling 2 m: the ALP's Yukawa coupling
    v = events(1, M_TAU, 2.0, seed=5)[0]
    pseudo = twin.spin_summed(v[:5], (M_TAU, M_E), 2.0, 0, (-2j * M_TAU, 2j * M_TAU, 0.0, 0.0))
    monkeypatch.setattr(twin, "polarisation_vectors", lambda kind, k, mass: [k])
    divergence = twin.spin_summed(v[:5], (M_TAU, M_E), 2.0, 1, (-1.0, 1.0, 0.0, 0.0))
    assert divergence == pytest.approx(pseudo, rel=1e-9)


def test_longitudinal_vector_less_its_momentum_is_the_same():
    v = events(1, M_MU, 0.011, seed=6)[0]
    long = v.copy()
    e, k = v[2, 3], np.linalg.norm(v[2, :3])
    assert _polarisations.py_func(v, 0.011, True) == 3
    assert _polarisations.py_func(long, 0.011, False) == 3
    shift = long[layout.POLARISATION + 2] - v[layout.POLARISATION + 2]
    assert shift == pytest.approx(v[2] / 0.011, rel=1e-9)
    assert v[layout.POLARISATION + 2, 3] == pytest.approx(-0.011 / (e + k))


@pytest.mark.parametrize(("m", "exchange"), [(M_MU, False), (M_TAU, False), (M_E, True)])
def test_soft_photon_limit(m, exchange):
    """|M|^2 -> |M_0|^2 times -J^2, J = sum of charges times p/(p.k)."""
    rng = stream(7, "amplitudes", "test", 0)
    for _ in range(5):
        v, z = layout.scratch()
        k = 1e-5
        y = np.array([0.0, 0.2 + 0.6 * rng.random(), 0.2 + 0.6 * rng.random(), rng.random()])
        _call_point(phase_space.FINAL, y, S, m, M_E, 0.0, k, v)
        got = _call_full(v, z, m, M_E, 0.0, 1, ONE, ONE, ONE, ONE, exchange)
        p1, p2, q, pa, pb = v[:5]
        current = p1 / twin.dot(p1, q) - p2 / twin.dot(p2, q) - pa / twin.dot(pa, q) + pb / twin.dot(pb, q)
        # Born: f = s channel 8 [..]; for massless electrons and m: sum over spins
        s, t, u = S, twin.dot(pa - p1, pa - p1), twin.dot(pa - p2, pa - p2)
        if exchange:
            born = 8.0 * ((s**2 + u**2) / t**2 + 2.0 * u**2 / (s * t) + (u**2 + t**2) / s**2)
        else:
            born = 8.0 * ((t - m * m) ** 2 + (u - m * m) ** 2 + 2.0 * m * m * s) / s**2
        assert got == pytest.approx(born * -twin.dot(current, current), rel=2e-4)


@pytest.mark.parametrize(("spin", "mass", "el", "exchange", "m"), [
    (1, 0.0, ONE, False, M_MU), (1, 0.0, ONE, True, M_E), (1, 3.0, 0j, False, M_MU), (0, 1.0, 0.1 + 0j, False, M_TAU),
])  # fmt: skip
def test_lorentz_invariance(spin, mass, el, exchange, m):
    rng = stream(8, "amplitudes", "test", 0)
    for v in events(6, m, mass, seed=9):
        _, z = layout.scratch()
        first = _call_full(v, z, m, M_E, mass, spin, ONE, ONE, el, el, exchange)
        w = v.copy()
        w[:5] = v[:5] @ twin.random_boost(rng).T
        second = _call_full(w, z, m, M_E, mass, spin, ONE, ONE, el, el, exchange)
        # m_e^2 = E^2 - p^2 in doubles
        assert second == pytest.approx(first, rel=1e-5)


def test_collinear_photon_keeps_its_digits():
    """At angles of m_e/E to the beam the amplitude follows the closed spectrum (tested as a rate in test_llx)."""
    v, z = layout.scratch()
    for c in (1e-9, 1e-8, 1e-6):
        y = np.array([0.5, 0.5 * (1.0 + np.log((2 - c) / c) / np.log(4 / (4 * M_E**2 / S))), 0.4, 0.3])
        assert _call_point(phase_space.INITIAL, y, S, M_MU, M_E, 0.0, 0.1, v) > 0.0
        got = _call_full(v, z, M_MU, M_E, 0.0, 1, ONE, ONE, ONE, ONE, False)
        expected = twin.spin_summed(v[:5], (M_MU, M_E), 0.0, 1, (1.0, 1.0, 1.0, 1.0))
        assert got == pytest.approx(expected, rel=1e-3)


# --- phase space


@pytest.mark.parametrize(("m", "mass", "e_low"), [(M_MU, 0.0, 0.5), (0.3, 1.0, 0.0)])
def test_maps_agree_on_integrals(m, mass, e_low):
    """Every map gives the same integrals within 4.5 standard deviations (probability of failure < 1e-4)."""
    results = {}
    for channel in range(phase_space.N_CHANNELS):
        if channel >= phase_space.LEG_MINUS and mass > 0.0:
            continue
        out, (v, _) = np.zeros((200_000, 3)), layout.scratch()
        _volumes(stream(10, "amplitudes", "test", channel), channel, S, m, M_E, mass, e_low, len(out), v, out)
        results[channel] = (out.mean(axis=0), out.std(axis=0) / np.sqrt(len(out)))
    first, error = results[phase_space.FINAL]
    for channel, (mean, other) in results.items():
        pull = np.abs(mean - first) / np.hypot(np.hypot(error, other), 1e-3 * first)
        # the maps with a pole in t serve the function of that t
        sides = {phase_space.INITIAL: (0, 1, 2), phase_space.BEAM_MINUS: (1,), phase_space.BEAM_PLUS: (0,)}
        sides |= {phase_space.LEG_MINUS: (1,), phase_space.LEG_PLUS: (0,), phase_space.FINAL: (0, 1, 2)}
        for side in sides[channel]:
            assert pull[side] < 4.5, (channel, side, mean, first)
            assert other[side] < 0.03 * mean[side]


def test_massless_volume_is_the_closed_form():
    # three massless bodies: s / (256 pi^3)
    out, (v, _) = np.empty((200_000, 3)), layout.scratch()
    _volumes(stream(11, "amplitudes", "test", 0), 0, S, 1e-3, M_E, 1e-3, 0.0, len(out), v, out)
    mean, error = out[:, 2].mean(), out[:, 2].std() / np.sqrt(len(out))
    assert abs(mean - S / (256 * np.pi**3)) < 4.5 * error


@pytest.mark.parametrize("channel", range(phase_space.N_CHANNELS))
def test_maps_conserve_momentum_everywhere(channel):
    rng = stream(12, "amplitudes", "test", channel)
    v, _ = layout.scratch()
    corners = np.array(np.meshgrid(*[[0.0, 0.5, 1.0]] * 4)).reshape(4, -1).T
    for y in np.concatenate([corners, rng.random((300, 4))]):
        if not _call_point(channel, y, S, M_MU, M_E, 0.0, 0.1, v) > 0.0:
            continue
        assert np.all(np.isfinite(v))
        assert v[0] + v[1] + v[2] == pytest.approx(v[3] + v[4], abs=1e-11)
        for row, m in ((0, M_MU), (1, M_MU), (2, 0.0)):
            assert twin.dot(v[row], v[row]) == pytest.approx(m * m, abs=1e-10)


# --- spin


@kernel
def _call_pair(v, z, m, mass, spin, cl, cr, density):
    one = complex(1.0, 0.0)
    n_pol = _fill_amplitudes(v, z, m, M_E, mass, spin, cl, cr, 0j, 0j, False, one, one, one, one)
    _lepton_pair_density(z, n_pol, density)
    return _sum_amplitudes(z, n_pol)


@kernel
def _call_scalar_pair(v, z, m, cl, cr, density):
    _scalar_pair_density(v, z, 0, 1, m, cl, cr, density)


@kernel
def _call_vector_pair(v, z, m, mass, rho, density):
    _polarisations(v, mass, False)
    _vector_pair_density(v, z, 0, 1, m, rho, density)


@kernel
def _call_boson(v, z, m, mass, quick, full):
    one = complex(1.0, 0.0)
    _final_squared(v, z, m, mass, 1, one, one)
    _boson_density_final(z, 3, quick)
    _fill_amplitudes(v, z, m, M_E, mass, 1, one, one, 0j, 0j, False, one, one, one, one)
    _boson_density(z, 3, full)


@kernel
def _directions(rng, v, rho, beta, out):
    for i in range(len(out)):
        out[i, 0], out[i, 1], out[i, 2] = _vector_decay_direction(rng, v, rho, beta)


@kernel
def _polarimeters(rng, density, a, b, out):
    for i in range(len(out)):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4], out[i, 5] = _sample_density(rng, density, a, b)


def matrices(density):
    """B-, B+, C and the 4x4 density operator."""
    r = np.asarray(density).reshape(4, 4) / density[0]
    pauli = [np.eye(2), *twin.PAULI]
    operator = sum(r[i, j] * np.kron(pauli[i], pauli[j]) for i in range(4) for j in range(4)) / 4.0
    return r[1:, 0], r[0, 1:], r[1:, 1:], operator


@pytest.mark.parametrize("name", COUPLINGS)
def test_pair_density_is_positive_with_trace_one(name):
    spin, cl, cr = COUPLINGS[name]
    for v in events(10, M_TAU, 1.5, seed=13):
        density, z = np.empty(16), layout.scratch()[1]
        total = _call_pair(v, z, M_TAU, 1.5, spin, cl, cr, density)
        assert density[0] == pytest.approx(total, rel=1e-12)
        minus, plus, _, operator = matrices(density)
        assert np.trace(operator) == pytest.approx(1.0)
        assert np.linalg.eigvalsh(operator).min() > -1e-9
        if name in ("scalar", "pseudoscalar", "vector"):
            # parity and no absorptive part: no polarisation of a single tau
            assert np.abs(minus).max() < 1e-6 and np.abs(plus).max() < 1e-6
        if name == "left-handed vector":
            assert np.linalg.norm(minus) > 0.01


def test_soft_scalar_leaves_the_tau_pair_correlation():
    rng = stream(14, "amplitudes", "test", 0)
    for _ in range(5):
        v, z = layout.scratch()
        mass = 1e-5
        y = np.array([1e-3, 0.1 + 0.8 * rng.random(), rng.random(), rng.random()])
        _call_point(phase_space.FINAL, y, S, M_TAU, M_E, mass, 0.0, v)
        density = np.empty(16)
        _call_pair(v, z, M_TAU, mass, 0, ONE, ONE, density)
        _, _, c, _ = matrices(density)
        along = v[0, :3] / np.linalg.norm(v[0, :3])
        cosine = along[2]
        across = (np.array([0.0, 0.0, 1.0]) - cosine * along) / np.sqrt(1.0 - cosine**2)
        triad = np.array([np.cross(along, across), across, along])
        assert triad @ c @ triad.T == pytest.approx(correlation_matrix(cosine, S), abs=2e-4)


@pytest.mark.parametrize(("cl", "cr", "sign"), [(ONE, ONE, 1.0), (-1j, 1j, -1.0)])
def test_scalar_and_pseudoscalar_to_tau_pairs(cl, cr, sign):
    """C = diag(1, 1, -1) about the direction of flight for a scalar, -1 in all directions for a pseudoscalar."""
    rng = stream(15, "amplitudes", "test", 0)
    n = rng.normal(size=3)
    n /= np.linalg.norm(n)
    v, z = layout.scratch()
    p = 2.0
    v[0] = np.append(p * n, np.hypot(p, M_TAU))
    v[1] = np.append(-p * n, np.hypot(p, M_TAU))
    density = np.empty(16)
    _call_scalar_pair(v, z, M_TAU, cl, cr, density)
    minus, plus, c, _ = matrices(density)
    expected = np.eye(3) - 2.0 * np.outer(n, n) if sign > 0 else -np.eye(3)
    assert c == pytest.approx(expected, abs=1e-12)
    assert np.abs(minus).max() < 1e-12 and np.abs(plus).max() < 1e-12


def test_mixed_scalar_turns_the_correlation():
    # c_R = exp(i phi) = c_L^*: C_nn = C_tt = cos 2 phi', C_nt = sin 2 phi' with tan phi' = tan(phi)/beta
    v, z = layout.scratch()
    p, phi = 3.0, 0.4
    e = np.hypot(p, M_TAU)
    v[0], v[1] = [0, 0, p, e], [0, 0, -p, e]
    density = np.empty(16)
    _call_scalar_pair(v, z, M_TAU, np.exp(-1j * phi), np.exp(1j * phi), density)
    _, _, c, _ = matrices(density)
    angle = 2.0 * np.arctan(np.tan(phi) * e / p)
    assert [c[0, 0], c[1, 1], c[2, 2]] == pytest.approx([np.cos(angle), np.cos(angle), -1.0])
    assert abs(c[0, 1]) == pytest.approx(np.sin(angle)) and c[0, 1] == pytest.approx(-c[1, 0])


def test_vector_to_tau_pairs_is_the_tau_pair_of_a_photon():
    """A vector at rest with the density of e+e- -> gamma* (transverse to the beam) gives Tsai's C_ij."""
    v, z = layout.scratch()
    mass = 6.0
    p = np.sqrt(mass**2 / 4 - M_TAU**2)
    n = np.array([np.sin(1.0), 0.0, np.cos(1.0)])
    v[0], v[1] = np.append(p * n, mass / 2), np.append(-p * n, mass / 2)
    v[2] = [0.0, 0.0, 0.0, mass]
    density = np.empty(16)
    _call_vector_pair(v, z, M_TAU, mass, np.diag([1.0, 1.0, 0.0]), density)
    _, _, c, _ = matrices(density)
    across = (np.array([0.0, 0.0, 1.0]) - n[2] * n) / np.sin(1.0)
    triad = np.array([np.cross(n, across), across, n])
    assert triad @ c @ triad.T == pytest.approx(correlation_matrix(n[2], mass**2), abs=1e-10)


def test_boson_density_quick_and_full_agree():
    for v in events(8, M_MU, 3.0, seed=16):
        quick, full, z = np.zeros((3, 3)), np.zeros((3, 3)), layout.scratch()[1]
        _call_boson(v, z, M_MU, 3.0, quick, full)
        assert quick / np.trace(quick) == pytest.approx(full / np.trace(full), abs=1e-6)
        assert np.linalg.eigvalsh(quick).min() > -1e-12


def test_vector_decay_direction_follows_its_density():
    rng = stream(17, "amplitudes", "test", 0)
    v = events(1, M_MU, 3.0, seed=18)[0]
    _polarisations.py_func(v, 3.0, False)
    rho = np.diag([0.2, 0.3, 0.5])
    out = np.empty((200_000, 3))
    _directions(rng, v, rho, 0.8, out)
    k = v[2, :3] / np.linalg.norm(v[2, :3])
    axes = np.array([v[layout.POLARISATION, :3], v[layout.POLARISATION + 1, :3], k])
    # W = 1 - b^2 n.rho.n: <n_i^2> = (1/3 - b^2 (1 + 2 rho_i)/15) / (1 - b^2/3)
    expected = (1 / 3 - 0.64 * (1 + 2 * np.diag(rho)) / 15) / (1 - 0.64 / 3)
    assert ((out @ axes.T) ** 2).mean(axis=0) == pytest.approx(expected, abs=4.5 * 0.3 / np.sqrt(len(out)))


def test_polarimeters_follow_their_density():
    """<m_i> = a B-_i/3, <p_j> = b B+_j/3, <m_i p_j> = a b C_ij/9 within 4.5 standard deviations."""
    v = events(1, M_TAU, 1.5, seed=19)[0]
    density, z = np.empty(16), layout.scratch()[1]
    _call_pair(v, z, M_TAU, 1.5, 1, 1.0 + 0j, 0.2 + 0j, density)
    minus, plus, c, _ = matrices(density)
    out = np.empty((400_000, 6))
    _polarimeters(stream(20, "amplitudes", "test", 0), density, 0.9, 0.7, out)
    assert np.linalg.norm(out[:, :3], axis=1) == pytest.approx(1.0)
    tolerance = 4.5 * 0.6 / np.sqrt(len(out))
    assert out.mean(axis=0) == pytest.approx(np.concatenate([0.3 * minus, 0.7 / 3 * plus]), abs=tolerance)
    pairs = np.einsum("ni,nj->ij", out[:, :3], out[:, 3:]) / len(out)
    assert pairs == pytest.approx(0.63 / 9 * c, abs=tolerance)


# --- radiator


@kernel
def _call_running(table, q2):
    return _running(table, q2)


def test_running_coupling_is_that_of_the_tau_pairs():
    table = running_table(S)
    for q2 in (20.0, 50.0, 110.0):
        assert abs(_call_running(table, q2)) ** 2 == pytest.approx(float(enhancement(q2)), rel=1e-5)
    space = _call_running(table, -1e-4)
    assert space.imag == 0.0
    assert space.real == pytest.approx(1.0 / (1.0 - float(leptonic(-1e-4).real)), rel=1e-4)
    assert _call_running(np.zeros((1, 3)), 50.0) == 1.0
    assert np.isfinite(_call_running(table, 0.0)) and np.isfinite(_call_running(table, 1e6))


def test_leg_norm_is_the_radiator():
    # without threshold the integral of D is 1: K int D(z)/z dz squared exceeds K, by the logarithm of the threshold
    _, numbers = leg_table(10.58, 50.0)
    _, lower = leg_table(10.58, 1.0)
    assert vertex_factor() * 0.9 < numbers[5] < lower[5] < 2.0
