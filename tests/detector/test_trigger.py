"""Trigger lines: turn-on, counts, openings, energies in the centre-of-mass system, vetoes; weights and draws agree."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detector.trigger_twin import lines_of_event, turn_on
from toymc.detector.trigger import (
    fire_trigger,
    fired,
    line_probabilities,
    trigger_efficiency,
    trigger_tables,
    turn_on_curve,
)
from toymc.detector.trigger.objects import _turn_on
from toymc.errors import InputError
from toymc.events import Clusters, EventBatch, Reconstruction, Tracks
from toymc.geometry import load_card
from toymc.kernels import kernel
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH
from toymc.streams import stream

CARD = load_card("belle2")
TABLES = trigger_tables(CARD)
BELLE = trigger_tables(load_card("belle"))
NAMES = [line.name for line in CARD.trigger.lines]
PLATEAU = {line.name: line.plateau for line in CARD.trigger.lines}
FOUND, NEURAL = CARD.trigger.track.found.value, CARD.trigger.track.neural.value


def tracks_of(rows, n=1):
    """n equal events of tracks: dicts of px, py, pz, and optionally q, d0, z0, ecl, klm."""
    k = len(rows)

    def column(name, default=0.0):
        return np.tile(np.array([row.get(name, default) for row in rows], dtype=float), n)

    px, py, pz = column("px"), column("py"), column("pz")
    with np.errstate(all="ignore"):
        pt = np.hypot(px, py)
        omega = np.where(pt > 0, 0.0045 * column("q", 1.0) / pt, 0.0)
        tangent = np.where(pt > 0, pz / pt, 0.0)
    ints = np.zeros(n * k, dtype=np.int32)
    return Tracks(
        offsets=np.arange(n + 1) * k, d0=column("d0"), phi0=np.arctan2(py, px), omega=omega, z0=column("z0"),
        tan_lambda=tangent, cov=np.zeros((n * k, 15)), px=px, py=py, pz=pz, charge=ints + 1, n_pxd=ints, n_svd=ints,
        n_cdc=ints, truth=ints, pid_uniform=np.zeros((n * k, 4)), brems_energy=np.zeros(n * k),
        ecl_energy=column("ecl"), klm_region=ints, klm_expected=ints,
        klm_layers=column("klm", -1).astype(np.int32), fate=ints,
    )  # fmt: skip


def clusters_of(rows, n=1):
    """n equal events of clusters (energy, theta, phi)."""
    k = len(rows)
    table = np.tile(np.array(rows, dtype=float).reshape(k, 3), (n, 1))
    ints = np.zeros(n * k, dtype=np.int32)
    return Clusters(
        offsets=np.arange(n + 1) * k, energy=table[:, 0].copy(), theta=table[:, 1].copy(), phi=table[:, 2].copy(),
        cov=np.zeros((n * k, 3)), region=ints, truth=ints, in_time=ints, truth2=ints,
    )  # fmt: skip


def lines(tracks=(), clusters=()):
    """Probability of every line of one event, by name."""
    return dict(zip(NAMES, line_probabilities(TABLES, tracks_of(tracks), clusters_of(clusters))[0], strict=True))


def photon(energy_cms, theta_cms, phi):
    """(energy, theta, phi) in the lab of a photon given in the centre-of-mass system."""
    beta = np.array(CARD.beam.boost)
    gamma = 1.0 / math.sqrt(1.0 - beta @ beta)
    u = np.array([math.sin(theta_cms) * math.cos(phi), math.sin(theta_cms) * math.sin(phi), math.cos(theta_cms)])
    energy = gamma * energy_cms * (1.0 + beta @ u)
    p = energy_cms * u + ((gamma - 1.0) * (energy_cms * u @ beta) / (beta @ beta) + gamma * energy_cms) * beta
    return energy, math.acos(p[2] / energy), math.atan2(p[1], p[0])


def reconstruction(tracks, clusters, bits, probability):
    n = tracks.n_events
    none = np.zeros(0)
    rows = np.zeros(0, dtype=np.int32)
    truth = EventBatch(
        offsets=np.zeros(n + 1, dtype=np.int64), pdg=rows, status=rows, mother=rows, px=none, py=none, pz=none,
        mass=none, x=none, y=none, z=none, t=none, helicity=none, weight=np.ones(n), event_id=np.arange(n),
    )  # fmt: skip
    fields = {
        "tracks": tracks, "clusters": clusters, "klm": None, "truth": truth, "fate": rows,
        "n_generated": np.zeros(n, np.int32), "trigger": bits, "trigger_weight": probability,
        "weight": np.ones(n), "event_id": np.arange(n),
    }  # fmt: skip
    known = Reconstruction.__dataclass_fields__
    fields |= {name: None for name in known if name not in fields and name != "process"}
    return Reconstruction(**{name: value for name, value in fields.items() if name in known})


def test_nothing_fires_nothing():
    assert set(lines().values()) == {0.0}
    bits, probability = fire_trigger(TABLES, tracks_of([]), clusters_of([]), stream(71, "none", "test", 0))
    assert bits.tolist() == [0]
    assert probability.tolist() == [0.0]


def test_two_tracks_fire_the_two_track_lines_if_they_open():
    """Products of the efficiencies of single tracks (neural 0.96, arXiv:2510.02762)."""
    apart = lines([{"px": 0.6, "pz": 0.1}, {"px": -0.6, "py": 0.1, "pz": 0.1}])
    assert apart["ffo"] == pytest.approx(FOUND**2 * PLATEAU["ffo"])
    neural = 1.0 - (1.0 - NEURAL / FOUND) ** 2
    assert apart["fyo"] == pytest.approx(FOUND**2 * neural * PLATEAU["fyo"])
    assert 0.85 < apart["fyo"] < 0.96  # l1_trigger_efficiencies.csv
    assert apart["fff"] == apart["hie"] == 0.0
    near = lines([{"px": 0.6, "pz": 0.1}, {"px": 0.6, "py": 0.3, "pz": 0.1}])
    assert near["fyo"] == near["ffo"] == 0.0
    forward = lines([{"px": 0.6, "pz": 2.0}, {"px": -0.6, "pz": 0.1}])
    assert forward["fyo"] == 0.0


def test_three_and_four_tracks():
    prongs = [{"px": 0.5, "py": y, "pz": 0.1} for y in (-0.2, 0.0, 0.2)]
    three, four = lines(prongs), lines([*prongs, {"px": -1.0, "pz": 0.2}])
    assert three["fff"] == pytest.approx(FOUND**3 * PLATEAU["fff"])
    assert four["fff"] == pytest.approx((4 * FOUND**3 * (1 - FOUND) + FOUND**4) * PLATEAU["fff"])
    assert four["fyo"] == pytest.approx(
        FOUND * (1 - (1 - FOUND) ** 3) * (1 - (1 - NEURAL / FOUND) ** 4) * PLATEAU["fyo"]
    )
    assert 0.94 < four["fff"] < 0.99  # l1_trigger_efficiencies.csv: 3-4 prompt tracks


def test_single_track_line_asks_for_momentum_and_origin():
    assert lines([{"px": 2.0}])["stt"] == pytest.approx(NEURAL * PLATEAU["stt"], rel=1e-6)
    assert lines([{"px": 0.7}])["stt"] == pytest.approx(0.5 * NEURAL * PLATEAU["stt"], rel=1e-6)
    assert lines([{"px": 0.4}])["stt"] < 1e-3
    for far in ({"z0": 20.0}, {"d0": 15.0}):
        assert lines([{"px": 2.0, **far}])["stt"] == 0.0
    two = [{"px": 0.6, "z0": 20.0}, {"px": -0.6, "z0": 20.0}]
    assert lines(two)["ffo"] > 0.9  # two-dimensional tracks have no z
    assert lines(two)["fyo"] == 0.0


@pytest.mark.parametrize("name, threshold", [("hie", 1.0), ("lml1", None), ("lml13", None)])
def test_turn_on_curves(belle2, name, threshold):
    energy = np.linspace(0.1, 4.0, 400)
    curve = turn_on_curve(belle2, name, energy, theta=1.3)
    assert np.all(np.diff(curve) >= -1e-12)
    assert curve[0] == 0.0
    assert curve[-1] == pytest.approx(PLATEAU[name])
    at = np.interp(0.5 * PLATEAU[name], curve, energy)
    if threshold is None:
        cms = photon(1.0, 1.0, 0.0)
        line = CARD.trigger.lines[NAMES.index(name)]
        beta = np.array(CARD.beam.boost)
        scale = (1.0 - beta @ [math.sin(1.3), 0.0, math.cos(1.3)]) / math.sqrt(1.0 - beta @ beta)
        threshold = line.cms / scale
        assert cms[0] > 1.0
    assert at == pytest.approx(threshold, rel=2e-3)


def test_turn_on_of_a_track(belle2):
    curve = turn_on_curve(belle2, "stt", np.linspace(0.0, 3.0, 200))
    assert np.all(np.diff(curve) >= -1e-12)
    assert 0.85 <= curve[-1] <= 0.97  # l1_trigger_efficiencies.csv: 0.92, 0.85-0.97


def test_energies_are_those_of_the_centre_of_mass_system():
    """lml1: E* > 2 GeV; the same lab energy passes backward and fails forward."""
    assert lines([], [photon(2.5, 1.5, 0.3)])["lml1"] == pytest.approx(PLATEAU["lml1"])
    assert lines([], [photon(1.5, 1.5, 0.3)])["lml1"] == 0.0
    backward, forward = lines([], [(2.0, 2.0, 0.3)]), lines([], [(2.0, 0.7, 0.3)])
    assert backward["lml1"] > 0.9
    assert forward["lml1"] < 0.05
    assert lines([], [(5.0, math.radians(25.0), 0.0)])["lml2"] == pytest.approx(PLATEAU["lml2"])
    assert lines([], [(5.0, math.radians(15.0), 0.0)])["lml4"] == pytest.approx(PLATEAU["lml4"])
    assert lines([], [(5.0, math.radians(25.0), 0.0)])["lml1"] == 0.0


def test_single_photon_line_wants_no_other_cluster():
    alone = (1.0, 1.2, 0.5)
    assert lines([], [alone])["lml13"] == pytest.approx(PLATEAU["lml13"])
    assert lines([], [alone, (0.15, 2.0, 2.0)])["lml13"] == pytest.approx(PLATEAU["lml13"], rel=1e-3)
    assert lines([], [alone, (0.6, 2.0, 2.0)])["lml13"] == 0.0
    assert lines([], [(1.0, 0.7, 0.5)])["lml13"] == 0.0


def test_bhabha_veto_takes_what_it_should():
    """Two 5 GeV electrons back to back: hie, stt and ffo are vetoed; not back to back, or of 4 GeV: not."""
    pair = [photon(5.28, 1.2, 0.4), photon(5.28, math.pi - 1.2, 0.4 - math.pi)]
    assert lines([], pair)["hie"] < 1e-3
    assert lines([], [pair[0], photon(5.28, math.pi - 1.2, 0.4 - math.pi + 0.6)])["hie"] > 0.9
    assert lines([], [photon(4.0, 1.2, 0.4), photon(4.0, math.pi - 1.2, 0.4 - math.pi)])["hie"] > 0.9
    # sum of theta in the CMS 195 degrees: outside 165-190
    assert lines([], [pair[0], photon(5.28, math.pi - 1.2 + math.radians(15.0), 0.4 - math.pi)])["hie"] > 0.9
    assert lines([], pair)["lml1"] > 0.9  # no veto there


def test_pair_lines():
    a, b = photon(0.5, 1.4, 1.0), photon(0.5, math.pi - 1.4, 1.0 - math.pi)
    both = lines([], [a, b])
    for name in ("lml8", "lml10", "ecltaub2b", "ecltaub2b3"):
        assert both[name] == pytest.approx(PLATEAU[name], rel=1e-2)
    off = lines([], [a, photon(0.5, math.pi - 1.4, 1.0 - math.pi + math.radians(40.0))])
    assert off["lml8"] == off["lml10"] == 0.0
    assert off["ecltaub2b"] == pytest.approx(PLATEAU["ecltaub2b"], rel=1e-2)
    soft = lines([], [a, photon(0.17, math.pi - 1.4, 1.0 - math.pi)])
    assert soft["lml8"] < 0.02
    assert soft["lml9"] == pytest.approx(PLATEAU["lml9"], rel=2e-2)
    hard = lines([], [a, photon(2.6, math.pi - 1.4, 1.0 - math.pi)])
    assert hard["lml8"] == hard["lml10"] == hard["ecltaub2b"] == 0.0


def test_clusters_count():
    four = [(0.3, 1.0 + 0.2 * k, 1.5 * k) for k in range(4)]
    assert lines([], four)["c4"] == pytest.approx(PLATEAU["c4"])
    assert lines([], four[:3])["c4"] == 0.0
    assert lines([], four[:3])["lml12"] == 0.0
    assert lines([], [*four[:2], (0.8, 1.2, 0.3)])["lml12"] == pytest.approx(PLATEAU["lml12"])
    with_tracks = lines([{"px": 0.8, "ecl": 0.7}, {"px": -0.8, "ecl": 0.2}], four[:2])
    assert with_tracks["c4"] == pytest.approx(PLATEAU["c4"])


def test_muon_lines():
    muon, other = {"px": 1.5, "klm": 12, "ecl": 0.2}, {"px": -1.4, "py": 0.1, "klm": 10, "ecl": 0.2}
    two = lines([muon, other])
    assert two["mu_b2b"] == PLATEAU["mu_b2b"]
    assert two["eklm2"] == PLATEAU["eklm2"]
    one = lines([muon])
    assert one["cdcklm"] == pytest.approx(FOUND * PLATEAU["cdcklm"])
    assert one["eklm2"] == one["mu_b2b"] == 0.0
    assert lines([{**muon, "klm": 3}])["cdcklm"] == 0.0
    assert lines([muon, {"px": 1.4, "klm": 10}])["mu_b2b"] == 0.0


def random_events(n, name):
    rng = stream(72, name, "test", 0)
    kt, kc = rng.integers(0, 7, n), rng.integers(0, 9, n)
    offsets_t, offsets_c = np.concatenate(([0], np.cumsum(kt))), np.concatenate(([0], np.cumsum(kc)))
    m, c = offsets_t[-1], offsets_c[-1]
    pt, phi = rng.exponential(0.8, m) + 0.01, rng.uniform(-math.pi, math.pi, m)
    rows = [
        {"px": a, "py": b, "pz": z, "q": q, "ecl": e, "klm": k, "z0": z0}
        for a, b, z, q, e, k, z0 in zip(
            pt * np.cos(phi), pt * np.sin(phi), pt * rng.normal(0.3, 0.8, m), rng.choice([-1, 1], m),
            rng.exponential(0.4, m), rng.choice([-1, -1, 3, 12], m), rng.normal(0.0, 5.0, m), strict=True,
        )
    ]  # fmt: skip
    import dataclasses

    tracks = dataclasses.replace(tracks_of(rows), offsets=offsets_t)
    table = np.stack([rng.exponential(0.6, c), rng.uniform(0.2, 2.7, c), rng.uniform(-math.pi, math.pi, c)], axis=1)
    clusters = dataclasses.replace(clusters_of(table), offsets=offsets_c)
    return tracks, clusters


@kernel
def _turn_ons(x, width, out):
    for i in range(0, len(x), WIDTH):
        stored(out, i, _turn_on(loaded(x, i), width))


def test_turn_on_is_the_error_function():
    """To 3e-8 within four widths, nothing and everything beyond."""
    x = np.concatenate([np.linspace(-1.0, 1.0, 4000), [-np.inf, np.inf, 0.4, -0.4, 0.0, 9.0, -9.0, 0.1]])
    out = np.empty(len(x))
    _turn_ons(x, 0.1, out)
    near = np.abs(x) < 0.4
    assert np.abs(out - [turn_on(v, 0.1) for v in x])[near].max() < 3e-8
    assert np.all(out[~near] == (x[~near] > 0.0))


@pytest.mark.parametrize("name", ["belle2", "belle"])
def test_lines_equal_their_formulas(name):
    """Against the slow twin: the turn-on ends at four widths, which leaves out 3e-5 of a factor there."""
    card = load_card(name)
    tracks, clusters = random_events(400, f"twin {name}")
    fast = line_probabilities(trigger_tables(card), tracks, clusters)
    slow = np.array([lines_of_event(card, tracks, clusters, i) for i in range(400)])
    assert np.abs(fast - slow).max() < 5e-4
    assert np.mean(slow > 0.5, axis=0).max() > 0.3 and np.all(slow.max(axis=0) > 0.01)


def test_an_event_does_not_depend_on_its_neighbours():
    """Events are sorted and share vectors: each alone gives the same."""
    tracks, clusters = random_events(200, "alone")
    together = line_probabilities(TABLES, tracks, clusters)
    for i in (0, 7, 8, 55, 199):
        rows = np.arange(*tracks.offsets[i : i + 2])
        mine = [
            {"px": tracks.px[j], "py": tracks.py[j], "pz": tracks.pz[j], "ecl": tracks.ecl_energy[j],
             "klm": tracks.klm_layers[j], "z0": tracks.z0[j], "q": np.sign(tracks.omega[j])} for j in rows
        ]  # fmt: skip
        showers = [
            (clusters.energy[j], clusters.theta[j], clusters.phi[j]) for j in range(*clusters.offsets[i : i + 2])
        ]
        alone = line_probabilities(TABLES, tracks_of(mine), clusters_of(showers))[0]
        assert np.abs(alone - together[i]).max() < 1e-12


def test_bits_and_weights_agree(belle2):
    """Every bit has its line's probability on average, the event its weight; any subset by `trigger_efficiency`."""
    tracks, clusters = random_events(20_000, "agree")
    bits, probability = fire_trigger(belle2.trigger, tracks, clusters, stream(73, "agree", "test", 0))
    table = line_probabilities(belle2.trigger, tracks, clusters)
    assert np.all((table >= 0.0) & (table <= 1.0))
    for k in range(len(NAMES)):
        p = table[:, k]
        seen = ((bits >> np.uint64(k)) & np.uint64(1)).astype(float)
        assert abs((seen - p).sum()) < 4.5 * math.sqrt(np.sum(p * (1 - p)) + 1.0)
    assert abs(((bits != 0) - probability).sum()) < 4.5 * math.sqrt(np.sum(probability * (1 - probability)) + 1.0)
    result = reconstruction(tracks, clusters, bits, probability)
    assert np.allclose(trigger_efficiency(belle2, None, result), probability)
    for subset in (["fyo"], ["hie", "stt"], ["fff", "fyo", "lml12", "mu_b2b"]):
        p = trigger_efficiency(belle2, subset, result)
        drawn = fired(belle2, subset, result)
        assert np.all(p <= probability + 1e-12)
        assert abs((drawn - p).sum()) < 4.5 * math.sqrt(np.sum(p * (1 - p)) + 1.0)


@settings(max_examples=80, deadline=None)
@given(
    tracks=st.lists(st.fixed_dictionaries({
        "px": st.floats(-20, 20), "py": st.floats(-20, 20), "pz": st.floats(-20, 20), "ecl": st.floats(0, 20),
        "klm": st.integers(-1, 14), "d0": st.floats(-300, 300), "z0": st.floats(-400, 400)}), max_size=70),
    clusters=st.lists(
        st.tuples(st.floats(0, 20), st.floats(0, math.pi), st.floats(-math.pi, math.pi)), max_size=70),
)  # fmt: skip
def test_any_event(tracks, clusters):
    for table in (TABLES, BELLE):
        p = line_probabilities(table, tracks_of(tracks), clusters_of(clusters))
        assert np.all((p >= 0.0) & (p <= 1.0 + 1e-12))


def test_bad_requests(belle2):
    tracks, clusters = random_events(5, "bad")
    result = reconstruction(tracks, clusters, np.zeros(5, np.uint64), np.zeros(5))
    with pytest.raises(InputError, match="unknown trigger line 'ffz': card belle2 has fyo"):
        trigger_efficiency(belle2, ["ffz"], result)
    for nothing in ([], "fyo"):
        with pytest.raises(InputError, match="give a sequence of names"):
            trigger_efficiency(belle2, nothing, result)
    for values in ([-1.0], [math.nan], [[1.0]]):
        with pytest.raises(InputError, match="turn-on curve"):
            turn_on_curve(belle2, "hie", values)
    with pytest.raises(InputError, match="same events"):
        fire_trigger(TABLES, tracks, clusters_of([]), stream(74, "bad", "test", 0))
