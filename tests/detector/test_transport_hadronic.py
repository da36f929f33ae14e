"""Nuclear interactions: rates and what is conserved."""

import math

import numpy as np
import pytest

from tests.detector.probe import binomial_pull
from tests.detector.transport_probe import beam, generator_rows, made_by, tables
from toymc.constants import M_N, M_P, mass
from toymc.detector.transport import interaction_ratio, transport
from toymc.detector.transport.collisions import _largest_weight
from toymc.detector.transport.tables import depths_along
from toymc.kernels import kernel
from toymc.streams import stream

PULL = 4.4


def charge_of(pdg):
    table = {211: 1, 321: 1, 2212: 1, 3222: 1, 3112: -1, 11: -1, 13: -1}
    return np.vectorize(lambda c: table.get(abs(int(c)), 0) * (1 if c > 0 else -1))(pdg)


def baryons_of(pdg):
    return np.where(np.abs(pdg) // 1000 % 10 > 0, np.sign(pdg), 0)


def interactions(pdg, p, n, theta=60):
    rng = stream(1, f"hadronic {pdg} {p}", "test", 0)
    batch = beam(pdg, p, theta, n, rng)
    seen = transport(batch, tables(), rng)
    rows = generator_rows(batch, seen)
    return batch, seen, rows, rows[seen.fate[rows] == 6]


@pytest.mark.parametrize("pdg, p", [(211, 3.0), (-321, 3.0), (321, 3.0), (2212, 2.0), (2112, 1.0), (-2212, 1.0)])
def test_the_rate_is_the_depth_times_the_ratio(pdg, p):
    n = 40000
    batch, _, _, hit = interactions(pdg, p, n)
    t = tables()
    state = np.stack([batch.x, batch.y, batch.z, batch.px, batch.py, batch.pz], 1)[:1]
    charge = np.array([float(charge_of(np.array([pdg]))[0])])
    depth = depths_along(t.pieces, t.numbers, state, charge)[0, 1]
    expected = 1.0 - math.exp(-depth * interaction_ratio(pdg, p))
    if abs(pdg) in (211, 321):  # decays take a per cent of them away first, half on average
        expected *= 0.99
    assert abs(binomial_pull(len(hit), n, expected)) < PULL + 1.0


def test_ratios_beside_published_lengths():
    """PDG, carbon: pion interaction length 117.8 g/cm2, nucleons 85.8, ratio 0.728 at high energy."""
    assert interaction_ratio(211, 20.0) == pytest.approx(0.728, rel=0.1)
    assert interaction_ratio(2212, 10.0) == pytest.approx(1.0, rel=0.02)
    # absorption on carbon at 20 GeV: K+ 150, K- 165 mb of 222 for protons [S. Denisov 1973]: 0.65 and 0.72
    assert interaction_ratio(321, 10.0) == pytest.approx(0.65, rel=0.15)
    assert interaction_ratio(-321, 10.0) == pytest.approx(0.72, rel=0.15)
    # the Delta resonance
    assert interaction_ratio(-211, 0.27) > 1.7 * interaction_ratio(-211, 1.0) / 1.07


@pytest.mark.parametrize("pdg, p", [(211, 0.3), (-211, 1.0), (211, 3.0), (321, 1.5), (-321, 0.6), (-321, 3.0),
                                    (2212, 1.5), (2112, 2.0), (-2212, 0.7), (130, 2.0), (3112, 8.0)])  # fmt: skip
def test_charge_baryon_number_and_energy_are_conserved(pdg, p):
    n = 60000
    batch, seen, _, hit = interactions(pdg, p, n)
    b = seen.batch
    mothers = made_by(b, None)
    assert len(hit) > 300
    daughters = np.flatnonzero(np.isin(mothers, hit))
    owner = np.searchsorted(hit, mothers[daughters])
    energy = np.bincount(owner, b.energy[daughters], len(hit))
    charge = np.bincount(owner, charge_of(b.pdg[daughters]), len(hit)) - charge_of(b.pdg[hit])
    baryon = np.bincount(owner, baryons_of(b.pdg[daughters]), len(hit)) - baryons_of(b.pdg[hit])
    momentum = [np.bincount(owner, getattr(b, c)[daughters], len(hit)) for c in ("px", "py", "pz")]
    full = np.bincount(owner, minlength=len(hit)) > 0
    assert full.mean() > 0.99
    # the target: one nucleon, or two for an absorbed pion
    assert set(np.unique(baryon[full]).tolist()) <= {1, 2}
    assert set(np.unique(charge[full]).tolist()) <= {0, 1, 2}
    gain = energy[full] - b.energy[hit][full]
    target = baryon[full] * M_N + charge[full] * (M_P - M_N)
    assert np.abs(gain - target).max() < 1e-6
    size = np.sqrt(sum(c[full] ** 2 for c in momentum))
    assert np.abs(size - p).max() < 1e-6


def test_charged_prongs():
    """Two to four charged tracks are the rule for pions of some GeV."""
    _, seen, _, hit = interactions(211, 2.0, 100000)
    b = seen.batch
    mothers = made_by(b, None)
    daughters = np.flatnonzero(np.isin(mothers, hit) & (charge_of(b.pdg) != 0))
    prongs = np.bincount(np.searchsorted(hit, mothers[daughters]), minlength=len(hit))
    assert 1.8 < prongs.mean() < 3.2
    assert (prongs >= 2).mean() > 0.6


def test_interactions_lie_in_the_material():
    _, seen, _, hit = interactions(211, 1.0, 150000, theta=90)
    mothers = made_by(seen.batch, None)
    first = np.flatnonzero(np.isin(mothers, hit))
    rho = np.hypot(seen.batch.x, seen.batch.y)[first]
    solid = rho[rho < 16.32]
    places = [1.0, 1.03, 1.11, 1.18, 1.2, 1.4, 2.2, 3.899, 8.0, 10.4, 13.515, 15.5, 16.27, 16.3, 16.31]
    assert np.abs(solid[:, None] - np.array(places)).min(axis=1).max() < 0.03
    assert len(solid) / len(rho) > 0.9


def test_strangeness_is_kept():
    """K+ never makes a hyperon; K- often does."""
    for pdg, wanted in ((321, False), (-321, True)):
        _, seen, _, hit = interactions(pdg, 1.0, 60000)
        mothers = made_by(seen.batch, None)
        made = seen.batch.pdg[np.isin(mothers, hit)]
        assert np.any(np.isin(made, (3122, 3112, 3212, 3222))) == wanted
    assert mass(3122) > 1.1


@kernel
def _largest_weights(energies, masses, out):
    for i in range(len(energies)):
        _, out[i] = _largest_weight(masses.shape[1], energies[i], masses[i])


@pytest.mark.parametrize("of_the_model", [True, False])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
def test_the_bound_of_phase_space_holds(n, of_the_model):
    """No product of momenta above it, whatever the masses; not far above the largest for the model's final states."""
    rng = stream(31, f"bound {n} {of_the_model}", "test", 0)
    trials, draws = 300, 2000
    masses = np.where(rng.random((trials, n)) < 0.5, 0.13957, 10.0 ** rng.uniform(-4.0, 2.0, (trials, n)))
    if of_the_model:
        # a hadron and what it hits, then pions
        masses[:] = 0.13957
        masses[:, 0] = rng.choice([0.13957, 0.4937, 0.93827, 1.1157], trials)
        masses[:, 1] = rng.choice([0.13957, 0.93827], trials, p=[0.2, 0.8])
    free = 10.0 ** rng.uniform(-3.0, 1.0, trials)
    bound = np.empty(trials)
    _largest_weights(masses.sum(1) + free, masses, bound)
    shares = np.sort(rng.random((trials, draws, n - 2)) ** rng.choice([0.3, 1.0, 3.0], (trials, 1, 1)), axis=2)
    shares = np.concatenate([np.zeros((trials, draws, 1)), shares, np.ones((trials, draws, 1))], axis=2)
    levels = np.cumsum(masses, 1)[:, None] + free[:, None, None] * shares
    weight = np.ones((trials, draws))
    for k in range(1, n):
        total, sub, m = levels[:, :, k], levels[:, :, k - 1], masses[:, None, k]
        square = (total - sub - m) * (total + sub + m) * (total - sub + m) * (total + sub - m)
        weight *= np.sqrt(np.maximum(square, 0.0)) / (2.0 * total)
    largest = weight.max(1) / bound
    assert np.all(largest < 1.0 + 1e-9)
    if of_the_model:
        # the largest of random ones, which is a third of the largest possible for seven particles
        assert np.median(largest) > 0.3 / 2.0 ** (0.6 * (n - 2))
