"""Transport: survival, records, regions and fates."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detector.probe import binomial_pull
from tests.detector.transport_probe import (
    beam,
    generator_rows,
    made_by,
    momenta,
    particles,
    summed,
    tables,
    vacuum,
)
from tests.detector.transport_twin import _walk
from toymc.constants import OMEGA_PER_TESLA_GEV_CM, SPEED_OF_LIGHT_CM_PER_NS, ctau_cm, mass
from toymc.detector.helix import helix_from_state, state_on_helix
from toymc.detector.transport import batch as batch_module
from toymc.detector.transport import transport, transport_class
from toymc.detector.transport.numbers import FIELD, FRONT_BACKWARD, FRONT_FORWARD, FRONT_RADIUS, HALF_TURNS
from toymc.detector.transport.path import N_PATH, _reach, _start
from toymc.detector.transport.tables import PROMPT_RHO_CM, PROMPT_Z_CM, TAN_HIGH, TAN_STEP, depths_along
from toymc.detector.transport.walk import HADRON, INTERACTED, THROUGH
from toymc.events import EventBatch
from toymc.kernels import kernel
from toymc.streams import stream

# a deviation beyond 4.4 standard deviations has probability 1e-5
PULL = 4.4


def path_to_front(p, theta_deg, charged):
    """Length in cm from the origin to the barrel front."""
    radius = tables().numbers[FRONT_RADIUS]
    sine = math.sin(math.radians(theta_deg))
    if not charged:
        return radius / sine
    curvature = OMEGA_PER_TESLA_GEV_CM * 1.5 / (p * sine)
    return 2.0 / curvature * math.asin(0.5 * radius * curvature) / sine


@pytest.mark.parametrize(
    "pdg, p, theta",
    [(211, 1.0, 90), (-211, 0.5, 60), (321, 0.8, 90), (-321, 3.0, 45), (130, 1.0, 70), (321, 0.4, 50)],
)
def test_survival_to_the_calorimeter(pdg, p, theta):
    """exp(-L m/(p c tau)) in vacuum."""
    n = 40000
    rng = stream(1, f"{pdg} {p}", "test", 0)
    batch = beam(pdg, p, theta, n, rng)
    seen = transport(batch, vacuum(), rng)
    fate = seen.fate[generator_rows(batch, seen)]
    length = path_to_front(p, theta, pdg != 130)
    expected = 1.0 - math.exp(-length * mass(abs(pdg)) / (p * ctau_cm(abs(pdg))))
    assert abs(binomial_pull(np.isin(fate, (1, 2, 3, 4)).sum(), n, expected)) < PULL


def test_the_radius_of_decays_follows_the_lifetime():
    """Lambda at 90 degrees: fraction inside pipe, vertex detector, chamber from the exponential law."""
    n, p = 40000, 1.5
    rng = stream(2, "Lambda", "test", 0)
    seen = transport(beam(3122, p, 90, n, rng), vacuum("belle2"), rng)
    fate = seen.fate[seen.batch.mother == -1]
    scale = p / mass(3122) * ctau_cm(3122)
    edges = [0.0, 1.2002, 16.25, 112.61, 125.0]
    for code, low, high in zip((1, 2, 3, 4), edges[:-1], edges[1:], strict=True):
        expected = math.exp(-low / scale) - math.exp(-high / scale)
        assert abs(binomial_pull((fate == code).sum(), n, expected)) < PULL


def test_decay_vertices_lie_on_the_helix_at_the_end_arc():
    rng = stream(3, "helix", "test", 0)
    batch = beam(321, 0.6, 65, 20000, rng, vertex=(0.3, -0.2, 1.0))
    seen = transport(batch, tables(), rng)
    rows = generator_rows(batch, seen)
    gone = np.flatnonzero(np.isfinite(seen.end_arc[rows]))
    assert len(gone) > 3000
    state = np.stack([batch.x, batch.y, batch.z, batch.px, batch.py, batch.pz], 1)[gone]
    helix = helix_from_state(state, np.ones(len(gone)), 1.5)
    # arc of the production point on the helix
    turned = np.arctan2(state[:, 4], state[:, 3]) - helix[:, 1]
    start = -(turned - 2.0 * math.pi * np.round(turned / (2.0 * math.pi))) / helix[:, 2]
    expected = state_on_helix(helix, start + seen.end_arc[rows[gone]], 1.5)
    mothers = made_by(seen.batch, None)
    first = {m: k for k, m in reversed(list(enumerate(mothers))) if m >= 0}
    daughters = np.array([first[r] for r in rows[gone]])
    found = np.stack([seen.batch.x, seen.batch.y, seen.batch.z], 1)[daughters]
    assert np.abs(found - expected[:, :3]).max() < 1e-6
    length = seen.end_arc[rows[gone]] / math.sin(math.radians(65))
    energy = math.hypot(0.6, mass(321))
    assert np.allclose(seen.batch.t[daughters], length * energy / 0.6 / SPEED_OF_LIGHT_CM_PER_NS)


def mixture(n, rng, p_low=0.05):
    codes = [11, -11, 13, 22, 211, -211, 321, -321, 2212, 2112, 130, 310, 3122, -3122, 3222, 3112, 3312, 3334, 111, 12]
    cosine = rng.uniform(-1.0, 1.0, n)
    p = p_low * (5.0 / p_low) ** rng.random(n)
    momentum = momenta(p, np.degrees(np.arccos(cosine)), rng.uniform(-math.pi, math.pi, n))
    return particles(rng.choice(codes, n), momentum, rng.normal(0.0, 0.02, (n, 3)))


def grouped(batch, size):
    """The same rows, `size` of them to an event."""
    n = batch.n_particles // size
    rows = {name: getattr(batch, name)[: n * size] for name in EventBatch._columns()}
    return EventBatch(np.arange(n + 1) * size, **rows, weight=np.ones(n), event_id=np.arange(n), process="probe")


def test_the_record_keeps_the_generator_first():
    rng = stream(4, "record", "test", 0)
    batch = grouped(mixture(20000, rng), 5)
    seen = transport(batch, tables(), rng)
    seen.batch.validate()
    rows = generator_rows(batch, seen)
    for name in ("pdg", "mother", "px", "py", "pz", "mass", "x", "y", "z", "t", "helicity"):
        assert np.array_equal(getattr(seen.batch, name)[rows], getattr(batch, name)), name
    made = np.setdiff1d(np.arange(seen.batch.n_particles), rows)
    mothers = made_by(seen.batch, None)
    assert len(made) > 5000
    assert np.all(mothers[made] >= 0) and np.all(mothers[made] < made)
    # who made something has status 2, and what has status 2 says where
    assert np.all(seen.batch.status[mothers[made]] == 2)
    assert np.array_equal(seen.batch.status == 2, np.isin(seen.fate, (1, 2, 3, 4, 5, 6)))
    assert np.all(seen.fate > 0)
    assert np.all(np.isin(seen.fate[seen.batch.status == 1], (7, 8, 9, 10)))
    charged = np.isfinite(seen.end_arc)
    assert np.all(np.isin(seen.fate[charged], (1, 2, 3, 4, 6, 10)))


def test_four_momentum_is_conserved_in_decays():
    rng = stream(5, "conservation", "test", 0)
    batch = mixture(30000, rng)
    seen = transport(batch, vacuum(), rng)
    mothers = made_by(seen.batch, None)
    total = summed(seen.batch, mothers)
    rows = generator_rows(batch, seen)
    decayed = rows[np.isin(seen.fate[rows], (1, 2, 3, 4))]
    assert len(decayed) > 10000
    assert np.abs(total[decayed, 3] - seen.batch.energy[decayed]).max() < 1e-9
    assert np.abs(total[decayed, 2] - seen.batch.pz[decayed]).max() < 1e-9
    # in the field the transverse momentum has turned, its size has not
    pt = np.hypot(seen.batch.px, seen.batch.py)[decayed]
    assert np.abs(np.hypot(total[decayed, 0], total[decayed, 1]) - pt).max() < 1e-9


def test_nothing_happens_nothing_is_copied():
    rng = stream(6, "none", "test", 0)
    batch = particles([11, 12, 13, 22], momenta(np.full(4, 2.0), 90, np.arange(4.0)))
    seen = transport(batch, vacuum(), rng)
    assert seen.batch.px is batch.px and seen.batch.offsets is batch.offsets
    assert seen.fate.tolist() == [7, 9, 8, 7]


def test_the_same_stream_gives_the_same_bytes(monkeypatch):
    batch = mixture(5000, stream(7, "bytes", "test", 0))
    first = transport(batch, tables(), stream(7, "bytes", "test", 1))
    # a list that has to grow on the way gives the same
    monkeypatch.setattr(batch_module, "_SECONDARIES_PER_ROW", 0.0)
    second = transport(batch, tables(), stream(7, "bytes", "test", 1))
    for name in EventBatch._columns():
        assert np.array_equal(getattr(first.batch, name), getattr(second.batch, name))
    assert np.array_equal(first.fate, second.fate) and np.array_equal(first.end_arc, second.end_arc)


def test_an_empty_batch_stays_empty():
    seen = transport(particles(22, np.zeros((0, 3))), tables(), stream(8, "empty", "test", 0))
    assert seen.batch.n_particles == 0 and len(seen.fate) == 0


@pytest.mark.parametrize("pdg, charge", [(22, 0.0), (211, 1.0), (-211, -1.0)])
def test_bounds_of_the_fast_path_hold(pdg, charge):
    """No exact depth of a prompt particle is above the bound of its cell."""
    rng = stream(9, "bounds", "test", 0)
    n = 60000
    for name in ("belle2", "belle"):
        t = tables(name)
        tangent = rng.uniform(-2.3, 4.9, n)
        phi, turn = rng.uniform(-math.pi, math.pi, (2, n))
        rho, z = PROMPT_RHO_CM * np.sqrt(rng.random(n)), rng.uniform(-PROMPT_Z_CM, PROMPT_Z_CM, n)
        pt = 0.36 * 10.0 ** rng.uniform(0.0, 1.0, n)
        place = rho * np.cos(turn), rho * np.sin(turn), z
        state = np.stack([*place, pt * np.cos(phi), pt * np.sin(phi), pt * tangent], 1)
        depth = depths_along(t.pieces, t.numbers, state, np.full(n, charge))
        bound = t.bounds[:, ((tangent + TAN_HIGH) / TAN_STEP).astype(int)]
        assert np.all(depth[:, 0] <= bound[0]) and np.all(depth[:, 1] <= bound[1])


@kernel
def _walks(state, charge, limit, numbers, pieces, elements, strength, ends, arcs):
    path = np.empty(N_PATH)
    for i in range(len(state)):
        s = state[i]
        _start(path, s[0], s[1], s[2], s[3], s[4], s[5], charge, numbers[FIELD])
        end, _ = _reach(
            path, numbers[FRONT_RADIUS], numbers[FRONT_BACKWARD], numbers[FRONT_FORWARD], numbers[HALF_TURNS]
        )
        ends[i], arcs[i], _ = _walk(path, pieces, elements, limit[i], HADRON, strength, 0, 0.0, -1.0, 0.1, end)


@pytest.mark.parametrize("charge", [0.0, 1.0, -1.0])
def test_the_walk_meets_all_material_of_the_path(charge):
    """It ends inside if it may use up a little less than the summed depth, and comes through with a little more."""
    rng = stream(18, f"walk {charge}", "test", 0)
    n, strength = 20000, 0.7
    for name in ("belle2", "belle"):
        t = tables(name)
        rho, z = 60.0 * rng.random(n) ** 3, rng.uniform(-40.0, 80.0, n)
        rho[: n // 4], z[: n // 4] = 0.0, 0.0
        turn, phi = rng.uniform(-math.pi, math.pi, (2, n))
        pt = 0.04 * 10.0 ** rng.uniform(0.0, 2.0, n)
        place = rho * np.cos(turn), rho * np.sin(turn), z
        momentum = pt * np.cos(phi), pt * np.sin(phi), pt * rng.normal(0.3, 1.0, n)
        state = np.stack([*place, *momentum], 1)
        depth = strength * depths_along(t.pieces, t.numbers, state, np.full(n, charge))[:, 1]
        assert np.count_nonzero(depth > 0.0) > 0.9 * n
        ends, arcs = np.empty((2, n), dtype=np.int64), np.empty(n)
        for row, factor in enumerate((1.0 - 1e-9, 1.0 + 1e-9)):
            limit = factor * depth + (1e-300 if row else 0.0)
            _walks(state, charge, limit, t.numbers, t.pieces, t.elements, strength, ends[row], arcs)
            assert np.all(arcs >= 0.0)
        met = depth > 0.0
        assert np.all(ends[0, met] == INTERACTED) and np.all(ends[1] == THROUGH)


@pytest.mark.parametrize(
    "pdg, p, theta", [(22, 0.5, 80), (211, 0.5, 80), (-321, 0.7, 110), (130, 1.0, 40), (211, 0.2, 80), (-211, 0.3, 50)]
)
def test_fast_decisions_equal_the_walk(pdg, p, theta):
    """The same fates, with and without the bounds; the largest difference of all classes stays below 4.4 sigma."""
    n = 30000 if p > 0.25 else 10000
    rng = stream(10, f"fast {pdg} {p}", "test", 0)
    # half of them displaced
    batch = beam(pdg, p, theta, n, rng, np.where(np.arange(n)[:, None] % 2, (0.0, 0.0, 0.0), (2.5, 0.5, 0.8)))
    t = tables()
    slow = t._replace(bounds=np.full_like(t.bounds, 1e9), outside=np.full_like(t.outside, 1e9))
    counts = []
    for each in (t, slow):
        seen = transport(batch, each, rng)
        counts.append(np.bincount(seen.fate[generator_rows(batch, seen)], minlength=11))
    difference = counts[0] - counts[1]
    spread = np.sqrt(np.maximum(counts[0] + counts[1], 1))
    assert np.abs(difference / spread).max() < PULL


def test_fates_at_the_front():
    """Barrel, endcaps, hole, muon detector, neutrinos, what is made behind the front."""
    rng = stream(11, "front", "test", 0)
    directions = [90, 25, 140, 8, 175]
    electron = transport(particles(11, momenta(2.0, np.array(directions), np.zeros(5))), tables(), rng)
    assert electron.fate.tolist() == [7, 7, 7, 9, 9]
    muon = transport(particles(13, momenta(np.array([2.0, 0.5]), 90, np.zeros(2))), vacuum(), rng)
    assert muon.fate.tolist() == [8, 7]
    places = [(130.0, 0.0, 0.0), (250.0, 0.0, 0.0), (390.0, 0.0, 0.0), (0.0, 0.0, 210.0), (0.0, 0.0, -390.0)]
    behind = transport(particles(22, np.tile([1.0, 0.0, 0.0], (5, 1)), places), tables(), rng)
    assert behind.fate.tolist() == [7, 8, 9, 7, 9]
    # on the axis of the forward hole
    assert transport(particles(13, [[0.0, 0.0, 3.0]]), tables(), rng).fate.tolist() == [9]


def test_soft_particles_curl_or_range_out():
    rng = stream(12, "soft", "test", 0)
    n = 500
    # a pion of 150 MeV at 90 degrees never reaches the barrel
    pion = transport(beam(13, 0.15, 90, n, rng), vacuum(), rng)
    assert np.all(np.isin(pion.fate[pion.batch.mother == -1], (10, 3)))
    # protons: the beam pipe alone is 0.28 g/cm2, the range at 120 MeV (7.6 MeV) 0.07 g/cm2 in beryllium
    proton = transport(beam(2212, 0.12, 90, n, rng), tables(), rng)
    stopped = (proton.fate == 10) & (proton.batch.mother == -1)
    assert stopped.sum() > 0.97 * n
    assert proton.end_arc[stopped].max() < 1.3
    # at 400 MeV (82 MeV) it comes through
    proton = transport(beam(2212, 0.4, 90, n, rng), tables(), rng)
    assert ((proton.fate == 10) & (proton.batch.mother == -1)).sum() == 0


def test_codes_that_are_not_followed_escape():
    rng = stream(13, "codes", "test", 0)
    codes = np.array([15, 511, 1000022, 9900012, 12345678, 1000010020, 52, -16, 3000])
    seen = transport(particles(codes, momenta(np.full(9, 2.0), 90, np.zeros(9)), masses=np.full(9, 1.9)), tables(), rng)
    assert seen.fate.tolist() == [9, 9, 9, 9, 9, 7, 9, 9, 9]
    assert transport_class(1000010020) == "charged" and transport_class(22) == "photon"


def test_documentation_is_left_alone():
    batch = particles([310, 211], [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    batch.status[:] = (2, 3)
    seen = transport(batch, tables(), stream(14, "docs", "test", 0))
    assert seen.fate.tolist() == [0, 0] and seen.batch.status.tolist() == [2, 3]


@settings(max_examples=60, deadline=None)
@given(
    pdg=st.sampled_from([11, -13, 22, 211, -321, 2212, -2112, 130, 310, 3122, 3334, 111, 113, 15, 12, 1000010020]),
    momentum=st.tuples(*[st.floats(-20.0, 20.0)] * 3),
    place=st.tuples(*[st.floats(-400.0, 400.0)] * 3),
    m=st.one_of(st.just(0.0), st.floats(0.0, 3.0)),
)
def test_any_particle_comes_to_an_end(pdg, momentum, place, m):
    batch = particles([pdg], [momentum], [place], masses=[m])
    seen = transport(batch, tables(), stream(15, "any", "test", 0))
    seen.batch.validate()
    assert np.all((seen.fate >= 1) & (seen.fate <= 10))
    assert np.all(seen.end_arc >= 0.0)


@pytest.mark.parametrize("name", ["belle2", "belle2_run2", "belle"])
def test_many_random_particles(name):
    """1e5 of each kind of start, 1 MeV to 20 GeV, anywhere within 4 m, also along the axis: finite records."""
    n = 100000
    rng = stream(16, name, "test", 0)
    batch = mixture(n, rng, 1e-3)
    radius = 400.0 * rng.random(n) ** 2
    place = momenta(radius, np.degrees(np.arccos(rng.uniform(-1, 1, n))), rng.uniform(-math.pi, math.pi, n))
    batch.x[:], batch.y[:], batch.z[:] = place.T
    batch.px[:500] = batch.py[:500] = 0.0
    batch.x[:250] = batch.y[:250] = 0.0
    seen = transport(batch, tables(name), rng)
    seen.batch.validate()
    assert np.all((seen.fate >= 1) & (seen.fate <= 10))
    assert not np.any(np.isnan(seen.end_arc))
    # nothing is made behind the front but by what decays at once
    far = tables(name).numbers[FRONT_FORWARD] + 0.1
    outside = (np.hypot(seen.batch.x, seen.batch.y) > 125.1) | (seen.batch.z > far)
    made = np.flatnonzero(outside & (seen.batch.mother >= 0))
    mothers = made_by(seen.batch, None)[made]
    assert np.all(np.isin(seen.batch.pdg[mothers], (111, 3212)))
