"""Two-photon amplitude, phase space and events against traces, Ward identities, closed forms and the EPA."""

import numpy as np
import pytest
from scipy import integrate, stats

from tests.generators import four_lepton_twin as twin
from toymc.constants import M_E, M_MU, M_PI, M_TAU
from toymc.errors import InputError
from toymc.generators.amplitudes.four_leptons import (
    MINUS_BITS,
    PLUS_BITS,
    _fill_four_leptons,
    _four_lepton_density,
    graph_scratch,
)
from toymc.generators.two_photon import hadrons, layout, luminosity
from toymc.generators.two_photon.complete import four_lepton_graphs
from toymc.generators.two_photon.emitted import _emitted_point
from toymc.generators.two_photon.hadrons import _hadron_rate
from toymc.generators.two_photon.hard import _generate_two_photon, _lepton_rows
from toymc.generators.two_photon.kinematics import _photon_axes, _scattered_leptons
from toymc.generators.two_photon.leptons import _lepton_spinors, _pair_squared, _place_leptons
from toymc.generators.two_photon.parts import Limits, two_photon_part
from toymc.geometry.beam import load_beam
from toymc.kernels import kernel
from toymc.streams import stream

SQRT_S = 10.58
S = SQRT_S**2
BEAM = load_beam("belle2")


@kernel
def _evaluate(y, s, reals, mass, cosine, phi, v, inv, z):
    space = _scattered_leptons(y, s, reals, v, inv)
    if space <= 0.0:
        return 0.0, 0.0
    _photon_axes(s, reals, v, inv)
    _place_leptons(v, inv, mass, cosine, phi)
    _lepton_spinors(v, z, inv, mass)
    return space, _pair_squared(v, z)


@kernel
def _again(v, z, inv, mass):
    _lepton_spinors(v, z, inv, mass)
    return _pair_squared(v, z)


@kernel
def _density(s, switches, reals, v, av, lines, kets, bras, groups, masses, p, amplitudes, z, flow, photon, density):
    _lepton_rows(switches, reals, v, av, s, p)
    _fill_four_leptons(p, lines, kets, bras, groups, masses, amplitudes, z, flow, photon, 2)
    _four_lepton_density(amplitudes, MINUS_BITS[1], PLUS_BITS[1], density)


@kernel
def _spaces(rng, n, s, reals, v, inv, emitted, out):
    y = np.empty(6)
    for i in range(n):
        for d in range(6):
            y[d] = rng.random()
        space = _emitted_point(y, s, reals, v, inv) if emitted else _scattered_leptons(y, s, reals, v, inv)
        out[i, 0] = 0.0
        if space > 0.0:
            out[i, 0] = space if emitted else space * inv[layout.Q2_1] * inv[layout.Q2_2]
            out[i, 1], out[i, 2], out[i, 3] = inv[layout.W2], inv[layout.Q2_1], inv[layout.Q2_2]


@kernel
def _rates(table, w, z, out):
    for i in range(len(z)):
        out[i] = _hadron_rate(table, w, z[i])


def _reals(mass, w_low, q2_high=1e9):
    reals = np.zeros(layout.N_REALS)
    reals[layout.M_BEAM], reals[layout.M_PAIR], reals[layout.W_LOW], reals[layout.Q2_HIGH] = M_E, mass, w_low, q2_high
    return reals


def _point(y, mass, cosine, phi, w_low):
    sc = layout.scratch()
    space, value = _evaluate(
        np.array(y), S, _reals(mass, w_low), mass, cosine, phi, sc.vectors, sc.invariants, sc.spinors
    )
    return space, value, sc


def _four(v, row):
    return np.array([v[row, 3], v[row, 0], v[row, 1], v[row, 2]])


def _boosted(p, k):
    """p (E, x, y, z) from the rest frame of k to the frame in which k is given."""
    m = np.sqrt(twin.dot(k, k))
    along = float(p[1:] @ k[1:])
    return np.concatenate(([(p[0] * k[0] + along) / m], p[1:] + k[1:] * (along / (k[0] + m) + p[0]) / m))


@pytest.mark.parametrize("mass", [M_MU, M_TAU, 0.02])
def test_squared_amplitude_is_that_of_dirac_traces(mass):
    rng = stream(1, "two_photon", "test", 0)
    energy = 0.5 * SQRT_S
    momentum = np.sqrt(energy**2 - M_E**2)
    p1, p2 = np.array([energy, 0.0, 0.0, momentum]), np.array([energy, 0.0, 0.0, -momentum])
    seen = 0
    while seen < 12:
        # photons far from the mass shell, where traces do not cancel
        y = np.concatenate((rng.random(2), 0.72 + 0.28 * rng.random(2), rng.random(2)))
        cosine, phi = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
        space, value, sc = _point(y, mass, cosine, phi, max(2.0 * mass, 0.5))
        if space <= 0.0:
            continue
        seen += 1
        v, inv = sc.vectors, sc.invariants
        k = _four(v, layout.TOTAL)
        axes = v[layout.AXIS_X : layout.AXIS_X + 3, :3]
        pair = []
        for row in (layout.PAIR_MINUS, layout.PAIR_PLUS):
            inside = np.concatenate(([v[row, 3]], v[row, :3] @ axes))
            pair.append(_boosted(inside, k))
        s1, s2 = _four(v, layout.OUT_MINUS), _four(v, layout.OUT_PLUS)
        np.testing.assert_allclose(s1 + s2 + pair[0] + pair[1], p1 + p2, atol=1e-12)
        assert -twin.dot(p1 - s1, p1 - s1) == pytest.approx(inv[layout.Q2_1], rel=1e-9)
        assert -twin.dot(p2 - s2, p2 - s2) == pytest.approx(inv[layout.Q2_2], rel=1e-9)
        expected = twin.squared(p1, p2, s1, s2, pair[0], pair[1], M_E, mass)
        assert value / (inv[layout.Q2_1] * inv[layout.Q2_2]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("deep", [0.2, 0.5, 0.85])
def test_ward_identity_for_either_photon(deep):
    for mass, w_low in ((M_MU, 0.5), (M_TAU, 3.6)):
        space, value, sc = _point((0.99, 0.5, deep, 0.5, 0.3, 0.0), mass, 0.3, 1.0, w_low)
        assert space > 0.0 and value > 0.0
        v = sc.vectors.copy()
        w2 = float(sc.invariants[layout.W2])
        for minus, pol in ((layout.MINUS_Q1, layout.POL_1), (layout.MINUS_Q2, layout.POL_2)):
            sc.vectors[:] = v
            # a photon polarised along its momentum, of the size of a transverse one
            sc.vectors[pol : pol + 3] = 0.0
            sc.vectors[pol] = v[minus] / np.sqrt(w2) * np.linalg.norm(v[pol])
            assert _again(sc.vectors, sc.spinors, sc.invariants, mass) < 1e-12 * value


def test_longitudinal_photon_is_free_of_its_gauge():
    space, value, sc = _point((0.99, 0.5, 0.8, 0.85, 0.3, 0.0), M_MU, 0.3, 1.0, 0.5)
    v, inv = sc.vectors, sc.invariants
    q = inv[layout.ROOT_X] / np.sqrt(inv[layout.W2])
    for minus, pol, q2 in ((layout.MINUS_Q1, layout.POL_1, layout.Q2_1), (layout.MINUS_Q2, layout.POL_2, layout.Q2_2)):
        for row in (pol, pol + 1):
            # (Q/q) t + (omega/(Q q)) q_i = (q, 0, 0, +- omega)/Q, the vector of the books
            v[row] += -v[minus] * (-v[minus, 3]) / (np.sqrt(inv[q2]) * q) * v[row, 3] * q / np.sqrt(inv[q2])
    assert _again(v, sc.spinors, inv, M_MU) == pytest.approx(value, rel=1e-9)


def test_tau_pairs_at_threshold_are_spin_singlets():
    low = 2.0 * M_TAU * (1.0 + 1e-6)
    # tau = W^2/s at its least: y0 = 0 and nearly real photons
    space, _, sc = _point((1e-5, 0.5, 0.2, 0.2, 0.3, 0.0), M_TAU, 0.3, 1.0, low)
    assert space > 0.0
    assert np.sqrt(sc.invariants[layout.W2]) < 2.0 * M_TAU * 1.001
    graphs = four_lepton_graphs((11, 15))
    scratch, density = graph_scratch(graphs), np.zeros(16)
    switches = np.array([layout.LEPTONS, 0])
    _density(S, switches, _reals(M_TAU, low), sc.vectors, sc.amplitude_v, *graphs[:5], scratch.p, *scratch[1:], density)
    correlation = density.reshape(4, 4) / density[0]
    np.testing.assert_allclose(correlation[1:, 1:], -np.eye(3), atol=2e-2)
    np.testing.assert_allclose(correlation[0, 1:], 0.0, atol=1e-3)
    np.testing.assert_allclose(correlation[1:, 0], 0.0, atol=1e-3)


def test_both_maps_of_phase_space_have_the_same_volume():
    reals = _reals(M_MU, 2.0)
    n = 900_000
    results = []
    for emitted in (False, True):
        sc = layout.scratch()
        out = np.zeros((n, 4))
        _spaces(stream(2, "two_photon", "test", int(emitted)), n, S, reals, sc.vectors, sc.invariants, emitted, out)
        # a function that is smooth in all variables
        weight = out[:, 0] * np.exp(-0.1 * (out[:, 1] + out[:, 2] + out[:, 3]))
        results.append((weight.mean(), weight.std() / np.sqrt(n)))
    (a, ea), (b, eb) = results
    assert max(ea / a, eb / b) < 0.02
    assert abs(a - b) < 4.0 * np.hypot(ea, eb)


@pytest.mark.parametrize("mass", [M_MU, M_TAU])
def test_closed_forms_of_real_photons_agree_with_each_other(mass):
    z = np.linspace(-1.0, 1.0, 200001)
    for w in (2.0 * mass * 1.01, 4.0, 9.0):
        integral = np.trapezoid(luminosity.lepton_pair_angular_nb(z, w, mass), z)
        assert integral == pytest.approx(float(luminosity.lepton_pair_nb(w, mass)), rel=1e-4)


@pytest.mark.parametrize("q2_high", [1e-4, 1e-3])
def test_cross_section_of_nearly_real_photons_is_the_epa(q2_high):
    def density(log_w):
        w = np.exp(log_w)
        return w * luminosity.luminosity_per_gev(w, SQRT_S, q2_high)[0] * float(luminosity.lepton_pair_nb(w, M_MU))

    expected = integrate.quad(density, 0.0, np.log(10.5), limit=200, epsrel=1e-4)[0]
    part = two_photon_part(
        layout.LEPTONS, 13, M_MU, Limits(1.0, q2_high), BEAM, SQRT_S, stream(3, "two_photon", "test", 0)
    )
    # the flux depends on Q^2_max through its logarithm, so this is the Q^2 distribution as well
    assert part.integral.value * 1e-6 == pytest.approx(expected, rel=4e-3)
    assert part.integral.overflow_excess < 2e-3


@pytest.fixture(scope="module")
def nearly_real():
    part = two_photon_part(
        layout.LEPTONS, 13, M_MU, Limits(1.0, 1e-3), BEAM, SQRT_S, stream(4, "two_photon", "test", 0)
    )
    hard = np.empty((60_000, layout.N_COLUMNS))
    _generate_two_photon(
        stream(5, "two_photon", "test", 0), part.settings, layout.scratch(), graph_scratch(part.settings.graphs),
        False, hard, np.empty(len(hard)),
    )  # fmt: skip
    return hard


def test_mass_spectrum_is_luminosity_times_cross_section(nearly_real):
    w = nearly_real[:, layout.W]
    edges = np.exp(np.linspace(0.0, np.log(6.0), 25))
    counts = np.histogram(w, edges)[0]
    fine = np.exp(np.linspace(0.0, np.log(10.57), 4001))
    density = luminosity.luminosity_per_gev(fine, SQRT_S, 1e-3) * luminosity.lepton_pair_nb(fine, M_MU)
    running = integrate.cumulative_trapezoid(density, fine, initial=0.0)
    share = np.diff(np.interp(edges, fine, running)) / running[-1]
    chi2 = float(np.sum((counts - len(w) * share) ** 2 / (len(w) * share)))
    assert stats.chi2.sf(chi2, len(counts)) > 1e-4


def _moved(p, k):
    """Momenta p (n, 4), [x, y, z, E], in the rest frames of k (n, 4)."""
    beta = -k[:, :3] / k[:, 3:]
    gamma = 1.0 / np.sqrt(1.0 - np.sum(beta**2, axis=1))
    along = np.sum(beta * p[:, :3], axis=1)
    f = gamma * p[:, 3] + gamma**2 / (1.0 + gamma) * along
    return p[:, :3] + beta * f[:, None]


def test_angular_distribution_is_that_of_real_photons(nearly_real):
    pair = [nearly_real[:, layout.INSIDE + 3 * i : layout.INSIDE + 3 * i + 3] for i in range(2)]
    minus, plus = (np.column_stack([p, np.sqrt(M_MU**2 + np.sum(p**2, axis=1))]) for p in pair)
    direction = _moved(minus, minus + plus)
    axis = _moved(np.tile([0.0, 0.0, 1.0, 1.0], (len(minus), 1)), minus + plus)
    cosine = np.sum(direction * axis, axis=1) / np.linalg.norm(direction, axis=1) / np.linalg.norm(axis, axis=1)
    w = nearly_real[:, layout.W]
    for low, high in ((1.0, 1.1), (2.0, 2.4)):
        chosen = (w > low) & (w < high)
        z = np.linspace(-1.0, 1.0, 20001)
        # within a bin the shape changes slowly: average over the events' own masses
        masses = np.quantile(w[chosen], np.linspace(0.05, 0.95, 10))
        density = np.mean(
            [luminosity.lepton_pair_angular_nb(z, m, M_MU) / luminosity.lepton_pair_nb(m, M_MU) for m in masses], axis=0
        )
        running = integrate.cumulative_trapezoid(density, z, initial=0.0)
        running /= running[-1]
        assert stats.kstest(cosine[chosen], lambda x, r=running, z=z: np.interp(x, z, r)).pvalue > 1e-4


def test_azimuth_of_the_pair_about_the_photons_has_no_preference_in_sum(nearly_real):
    inside = nearly_real[:, layout.INSIDE : layout.INSIDE + 3]
    sine = np.arctan2(inside[:, 1], inside[:, 0])
    assert abs(np.mean(np.sin(sine))) < 5.0 / np.sqrt(len(sine))


@pytest.mark.parametrize("kind", hadrons.KINDS)
def test_hadron_kernel_is_the_sum_of_its_waves(kind):
    table = hadrons.wave_table(kind)
    z = np.linspace(-1.0, 1.0, 4001)
    out = np.empty_like(z)
    for w in (1.25, 1.5, 2.2, 2.9, 3.5):
        _rates(table, w, z, out)
        strengths = hadrons.waves(kind, w)
        direct = 0.5 * np.maximum(hadrons.angular_functions(z) @ strengths, 0.0)
        np.testing.assert_allclose(out, direct, rtol=5e-3, atol=2e-3 * max(direct.max(), 1e-9))
        if direct.min() > 0.0:
            assert np.trapezoid(out, z) == pytest.approx(float(hadrons.cross_section_nb(kind, w)), rel=5e-3)


def test_angular_functions_are_normalised():
    z = np.linspace(0.0, 1.0, 100001)
    integrals = np.trapezoid(hadrons.angular_functions(z), z, axis=0)
    np.testing.assert_allclose(integrals, [1.0, 0.0, 1.0, 1.0, 1.0], atol=2e-5)


def test_hadron_cross_sections_near_what_is_known():
    # f2(1270) peak; below it the measurements lie under the Born term of scalar QED
    w = np.linspace(1.1, 1.4, 301)
    assert 1.2 < w[np.argmax(hadrons.cross_section_nb("pions", w))] < 1.3
    assert 0.4 < float(hadrons.cross_section_nb("pions", 0.5) / hadrons.born_pions_nb(0.5)) < 1.0
    assert float(hadrons.cross_section_nb("kaons", 0.9)) == 0.0
    assert float(hadrons.cross_section_nb("pions", 2.0 * M_PI * 0.99)) == 0.0


# dsigma_ee/dW in nb/GeV of belle2/basf2 generators/treps/data/differentialCrossSectionFiles [R]
TREPS = {
    "pions": {0.5: 4.332994, 0.8: 1.95602521, 1.0: 1.389504963, 1.24: 2.572858566, 1.4: 0.516017271, 3.0: 0.001146462},
    "kaons": {1.1: 0.068537426, 1.285: 0.284960407, 1.51: 0.086245981, 2.2: 0.008932325, 3.0: 0.00105094},
    "protons": {2.05: 0.032336874, 2.5: 0.010429623, 2.985: 0.001030573},
}


@pytest.mark.parametrize("kind", TREPS)
def test_spectrum_of_hadron_pairs_is_that_of_treps(kind):
    """Luminosity with the rho form factor as TREPS has it (leading in Q^2/W^2), written out here once more."""
    m2 = 0.77**2

    def flux(y):
        low, high = M_E**2 * y * y / (1.0 - y), S * (1.0 - y)
        x = np.linspace(np.log(low), np.log(high), 801)
        form = np.trapezoid((1.0 + np.exp(x) / m2) ** -2.0, x)
        return (0.5 * (1.0 + (1.0 - y) ** 2) * form - (1.0 - y)) / (137.036 * np.pi * y)

    for w, expected in TREPS[kind].items():
        eta = np.linspace(-0.5, 0.5, 241)[1:-1] * 2.0 * np.log(SQRT_S / w)
        y = w / SQRT_S * np.exp(eta)
        values = np.array([flux(a) * flux(b) for a, b in zip(y, y[::-1], strict=True)])
        spectrum = 2.0 * w / S * np.trapezoid(np.maximum(values, 0.0), eta) * float(hadrons.cross_section_nb(kind, w))
        assert spectrum == pytest.approx(expected, rel=0.03 if kind == "protons" else 0.012)


def test_bad_input():
    with pytest.raises(InputError, match="between 0 and 1"):
        luminosity.photon_flux(1.2, 1.0)
    with pytest.raises(InputError, match=r"10\.58"):
        luminosity.luminosity_per_gev(11.0, SQRT_S, 1.0)
    with pytest.raises(InputError, match="pions"):
        hadrons.waves("etas", 1.0)
    with pytest.raises(InputError, match="phase space"):
        two_photon_part(
            layout.LEPTONS, 13, M_MU, Limits(10.579, 1e-5), BEAM, SQRT_S, stream(1, "two_photon", "test", 9)
        )
