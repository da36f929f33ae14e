"""The complete four-lepton tree: graphs one by one, gauge of the photons, exchange of identical particles, spins."""

import numpy as np
import pytest

from tests.generators import four_lepton_graphs_twin as twin
from toymc.constants import M_E, M_MU, M_TAU
from toymc.generators.amplitudes import four_leptons as tree
from toymc.generators.two_photon.complete import four_lepton_graphs
from toymc.kernels import kernel
from toymc.streams import stream

ROOT = 10.579
MASS = {11: M_E, 13: M_MU, 15: M_TAU}
FINALS = ((11, 11), (11, 13), (11, 15), (13, 13), (13, 15), (15, 15))


@kernel
def _sums(p, lines, kets, bras, groups, masses, amplitudes, z, flow, photon, spins):
    tree._fill_four_leptons(p, lines, kets, bras, groups, masses, amplitudes, z, flow, photon, spins)
    return tree._four_lepton_sums(amplitudes, spins)


@kernel
def _shifted(shift, p, lines, kets, bras, groups, masses, amplitudes, z, flow, photon):
    """The sums with shift * q added to the current of every photon."""
    tree._ends(p, masses, z, flow)
    tree._photons(lines, z, flow, photon)
    for n in range(len(lines)):
        line = 3 * lines[n, 0] + lines[n, 1]
        size = 0.0
        for c in range(4):
            for k in range(4):
                size = max(size, abs(z[tree.CURRENTS + 4 * line + c, k]))
        for c in range(4):
            row = tree.CURRENTS + 4 * line + c
            for k in range(4):
                z[row, k] += shift * (1 + c) * size * photon[line, 3 if k == 0 else k - 1] / abs(photon[line, 4]) ** 0.5
    tree._attached(kets, bras, masses, z, flow, photon)
    amplitudes[:] = 0.0
    for g in range(len(groups)):
        i, j, k, q, m, n = groups[g, 2], groups[g, 3], groups[g, 4], groups[g, 5], groups[g, 6], groups[g, 7]
        tree._add_order(z, amplitudes[groups[g, 1]], float(groups[g, 0]), i, j, k, q, m, n, 2)
        tree._add_order(z, amplitudes[groups[g, 1]], float(groups[g, 0]), i, j, m, n, k, q, 2)
    return tree._four_lepton_sums(amplitudes, 2)


@kernel
def _density(amplitudes, minus_bit, plus_bit, density):
    tree._four_lepton_density(amplitudes, minus_bit, plus_bit, density)


def _two_body(rng, total, m1, m2):
    """Two momenta (E, x, y, z) from `total`, isotropic in its rest frame."""
    root = np.sqrt(twin.dot(total, total))
    p = np.sqrt((root**2 - (m1 + m2) ** 2) * (root**2 - (m1 - m2) ** 2)) / (2.0 * root)
    c, phi = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
    n = np.array([np.sqrt(1 - c * c) * np.cos(phi), np.sqrt(1 - c * c) * np.sin(phi), c])
    first = np.concatenate(([np.sqrt(p * p + m1 * m1)], p * n))
    along = float(first[1:] @ total[1:])
    energy = (first[0] * total[0] + along) / root
    first = np.concatenate(([energy], first[1:] + total[1:] * (along / (total[0] + root) + first[0]) / root))
    return first, total - first


def _event(rng, flavours, masses=MASS):
    """Momenta (E, x, y, z) of e-, e+, l-, l+, L-, L+ somewhere in phase space."""
    ma, mb = masses[flavours[0]], masses[flavours[1]]
    half = 0.5 * ROOT
    p = np.sqrt(half**2 - masses[11] ** 2)
    beams = [np.array([half, 0.0, 0.0, p]), np.array([half, 0.0, 0.0, -p])]
    a = 2.0 * ma + 0.9 * rng.random() * (ROOT - 2.0 * ma - 2.0 * mb)
    b = 2.0 * mb + 0.9 * rng.random() * (ROOT - a - 2.0 * mb)
    one, two = _two_body(rng, beams[0] + beams[1], a, b)
    return [*beams, *_two_body(rng, one, ma, ma), *_two_body(rng, two, mb, mb)]


def _fill(graphs, momenta, spins=2):
    scratch = tree.graph_scratch(graphs)
    scratch.p[:, :3], scratch.p[:, 3] = [q[1:] for q in momenta], [q[0] for q in momenta]
    whole, apart = _sums(scratch.p, *graphs[:5], *scratch[1:], spins)
    return whole, apart, scratch


def _masses(flavours, masses=MASS):
    return masses[11], masses[flavours[0]], masses[flavours[1]]


@pytest.mark.parametrize("flavours", FINALS)
def test_sum_is_that_of_all_graphs_one_by_one(flavours):
    rng = stream(1, "four_leptons", "test", 0)
    graphs = four_lepton_graphs(flavours)
    for _ in range(5):
        momenta = _event(rng, flavours)
        expected = twin.squared(momenta, _masses(flavours), (11, *flavours))
        # the twin cancels what the gauge of the kernel has taken away: E^2/(m Q) of rounding
        assert _fill(graphs, momenta)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("flavours", FINALS)
def test_heavy_electrons_leave_no_rounding(flavours):
    """With electrons as heavy as muons every term with their mass counts, and the twin agrees to rounding."""
    masses = {11: 0.1, 13: 0.3, 15: 1.2}
    rng = stream(2, "four_leptons", "test", 0)
    graphs = four_lepton_graphs(flavours)._replace(masses=np.array(_masses(flavours, masses)))
    for _ in range(3):
        momenta = _event(rng, flavours, masses)
        values = [twin.squared(momenta, _masses(flavours, masses), (11, *flavours), g) for g in (0.0, -1.0, 3.0)]
        np.testing.assert_allclose(values, values[0], rtol=1e-9)
        assert _fill(graphs, momenta)[0] == pytest.approx(values[0], rel=1e-10)


@pytest.mark.parametrize("flavours", FINALS)
def test_longitudinal_photons_do_nothing(flavours):
    """Ward identity: J + c q in place of J, for each part by itself."""
    rng = stream(3, "four_leptons", "test", 0)
    graphs = four_lepton_graphs(flavours)
    for _ in range(3):
        whole, apart, scratch = _fill(graphs, _event(rng, flavours))
        again = _shifted(1.0, scratch.p, *graphs[:5], *scratch[1:])
        np.testing.assert_allclose(again, (whole, apart), rtol=1e-6)


def test_identical_particles_are_antisymmetric():
    """Exchange of the momenta of l- and L- with their spins turns the sign of the amplitude."""
    rng = stream(4, "four_leptons", "test", 0)
    bits = np.arange(64)
    swapped = (bits & ~3) | ((bits & 1) << 1) | ((bits & 2) >> 1)
    for flavours in ((11, 11), (13, 13), (15, 15)):
        graphs = four_lepton_graphs(flavours)
        momenta = _event(rng, flavours)
        first = _fill(graphs, momenta)[2].amplitudes.sum(axis=0)
        momenta[2], momenta[4] = momenta[4], momenta[2]
        second = _fill(graphs, momenta)[2].amplitudes.sum(axis=0)
        np.testing.assert_allclose(second[swapped], -first, atol=1e-9 * np.abs(first).max())


def test_two_taus_at_rest_obey_the_exclusion_principle():
    """tau- tau- with the same momentum and the same spin have no amplitude."""
    rng = stream(5, "four_leptons", "test", 0)
    graphs = four_lepton_graphs((15, 15))
    half = 0.5 * ROOT
    p = np.sqrt(half**2 - M_E**2)
    beams = [np.array([half, 0.0, 0.0, p]), np.array([half, 0.0, 0.0, -p])]
    a = np.array([0.0, *(0.3 * rng.random(3))])
    a[0] = np.sqrt(M_TAU**2 + a[1:] @ a[1:])
    one, two = _two_body(rng, beams[0] + beams[1] - 2.0 * a, M_TAU, M_TAU)
    amplitude = _fill(graphs, [*beams, a, one, a, two])[2].amplitudes.sum(axis=0).reshape((2,) * 6)
    # spins: e-, l+, L+, e+, l-, L-
    for s in range(2):
        assert np.abs(amplitude[..., s, s]).max() < 1e-12 * np.abs(amplitude).max()


@pytest.mark.parametrize("flavours", FINALS)
def test_one_spin_of_the_electron_is_enough(flavours):
    graphs = four_lepton_graphs(flavours)
    momenta = _event(stream(6, "four_leptons", "test", 0), flavours)
    np.testing.assert_allclose(_fill(graphs, momenta, 1)[:2], _fill(graphs, momenta, 2)[:2], rtol=1e-9)


@pytest.mark.parametrize("flavours", FINALS)
def test_complete_tree_is_at_most_parts_times_their_sum(flavours):
    graphs = four_lepton_graphs(flavours)
    rng = stream(7, "four_leptons", "test", 0)
    ratios = []
    for _ in range(200):
        whole, apart, scratch = _fill(graphs, _event(rng, flavours), 1)
        if not np.any(scratch.amplitudes[-1]):
            assert whole < graphs.parts * apart * (1.0 + 1e-12)
        ratios.append(whole / apart)
    assert 0.0 < min(ratios)


def test_density_has_the_trace_of_the_squared_amplitude_and_positive_probabilities():
    rng = stream(8, "four_leptons", "test", 0)
    for flavours in ((11, 15), (13, 15), (15, 15)):
        graphs = four_lepton_graphs(flavours)
        whole, _, scratch = _fill(graphs, _event(rng, flavours))
        for pair in (0, 1):
            density = np.empty(16)
            _density(scratch.amplitudes, tree.MINUS_BITS[pair], tree.PLUS_BITS[pair], density)
            assert density[0] == pytest.approx(whole, rel=1e-12)
            n = rng.normal(size=(200, 2, 3))
            n /= np.linalg.norm(n, axis=2)[:, :, None]
            a, b = np.insert(n[:, 0], 0, 1.0, axis=1), np.insert(n[:, 1], 0, 1.0, axis=1)
            assert np.all(np.einsum("im,mn,in->i", a, density.reshape(4, 4), b) > -1e-9 * whole)
