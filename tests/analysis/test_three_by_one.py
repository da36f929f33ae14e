"""The 3x1 kernels against a slow twin (the `vector` package, brute-force thrust), and against closed forms."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import vector

from toymc.analysis import (
    STAGES,
    VARIABLES,
    ParticleLists,
    Pi0Cuts,
    ThreeByOneConfig,
    beam_axis_cms,
    event_variables,
    pseudo_mass,
    three_by_one,
    track_columns,
)
from toymc.constants import M_E, M_MU, M_PI, M_TAU
from toymc.errors import InputError
from toymc.streams import stream

# 7.007 x 4.000 GeV beams that cross at 83 mrad, z the bisector; massless
HALF = 0.0415
E1, E2 = 7.007, 4.000
ELECTRON = vector.obj(px=E1 * np.sin(HALF), py=0.0, pz=E1 * np.cos(HALF), E=E1)
POSITRON = vector.obj(px=E2 * np.sin(HALF), py=0.0, pz=-E2 * np.cos(HALF), E=E2)
BEAMS = ELECTRON + POSITRON
BOOST = np.array([BEAMS.px, BEAMS.py, BEAMS.pz]) / BEAMS.E
SQRT_S = float(BEAMS.mass)
TO_CMS = -BEAMS.to_beta3()


def brute_thrust(p):
    """max over all signs of |sum +-p| / sum |p|, and the axis."""
    signs = np.array(list(itertools.product([1.0], *[[1.0, -1.0]] * (len(p) - 1))))
    sums = signs @ p
    sizes = np.linalg.norm(sums, axis=1)
    best = np.argmax(sizes)
    return sizes[best] / np.linalg.norm(p, axis=1).sum(), sums[best] / sizes[best]


def momentum_of(v):
    return np.array([v.px, v.py, v.pz])


def slow_pi0s(photons, regions, cuts):
    """Pairs of photon indices that make a pi0 candidate."""
    pairs = []
    for a, b in itertools.combinations(range(len(photons)), 2):
        hard, soft, angle, momentum = cuts.regions[regions[a], regions[b]]
        pair = photons[a] + photons[b]
        energies = sorted([photons[a].E, photons[b].E])
        cosine = np.cos(photons[a].deltaangle(photons[b]))
        if cuts.mass_min < pair.mass < cuts.mass_max and energies[1] > hard and energies[0] > soft:
            if cosine > angle and pair.mag > momentum:
                pairs.append((a, b))
    return pairs


def slow_event(reco, i, lists, cuts):
    """One event, written for the eye: how far it comes and its variables."""
    t, c = reco.tracks, reco.clusters
    good = [
        k for k in range(t.offsets[i], t.offsets[i + 1])
        if abs(t.d0[k]) < lists.track_dr_max and abs(t.z0[k]) < lists.track_dz_max
    ]  # fmt: skip
    if len(good) != 4:
        return 0, {}
    if t.charge[good].sum() != 0:
        return 1, {}
    photons, regions = [], []
    for k in range(c.offsets[i], c.offsets[i + 1]):
        cosine = np.cos(c.theta[k])
        if c.in_time[k] and c.energy[k] > lists.photon_energy_min:
            if lists.photon_cos_theta_min <= cosine <= lists.photon_cos_theta_max:
                pt = c.energy[k] * np.sin(c.theta[k])
                photons.append(vector.obj(pt=pt, phi=c.phi[k], theta=c.theta[k], mass=0.0))
                regions.append(c.region[k])
    pions = [vector.obj(px=t.px[k], py=t.py[k], pz=t.pz[k], mass=M_PI).boost(TO_CMS) for k in good]
    gammas = [photon.boost(TO_CMS) for photon in photons]
    value, axis = brute_thrust(np.array([momentum_of(v) for v in pions + gammas]))
    side = [momentum_of(v) @ axis > 0 for v in pions]
    if sum(side) not in (1, 3):
        return 2, {}
    signal = side.index(sum(side) == 1)
    positive = side[signal]
    visible = sum((v for v in (pions + gammas)[1:]), start=pions[0])
    tag = sum((pions[k] for k in range(4) if k != signal), start=vector.obj(px=0.0, py=0.0, pz=0.0, E=0.0))
    row = good[signal]
    out = {
        "signal_row": row, "thrust": value, "visibleEnergyOfEventCMS": visible.E,
        "missingMomentumOfEventCMS": visible.mag, "totalPhotonsEnergyOfEvent": sum(v.E for v in photons),
        "missingMomentumOfEventCMS_theta": (-1.0 * visible.to_3D()).deltaangle(electron_cms().to_3D()),
        "tag3hEnergyCMS": tag.E, "tag3hPCMS": tag.mag, "tag3hM": tag.mass,
        "missingMass2OfEvent": (SQRT_S - visible.E) ** 2 - visible.mag2,
        "signal_p": np.sqrt(t.px[row] ** 2 + t.py[row] ** 2 + t.pz[row] ** 2), "signal_charge": t.charge[row],
    }  # fmt: skip
    # pseudo-rest frame: energy sqrt(s)/2, direction against the tag
    direction = -momentum_of(tag) / tag.mag
    p_tau = np.sqrt(SQRT_S**2 / 4 - M_TAU**2)
    tau = vector.obj(px=direction[0] * p_tau, py=direction[1] * p_tau, pz=direction[2] * p_tau, E=SQRT_S / 2)
    for name, mass in (("e", M_E), ("mu", M_MU)):
        lepton = vector.obj(px=t.px[row], py=t.py[row], pz=t.pz[row], mass=mass).boost(TO_CMS)
        out[f"signalLeptonECMS_{name}"] = lepton.E
        out[f"signalLeptonEnergyFraction_{name}"] = 2.0 * lepton.boost(-tau.to_beta3()).E / M_TAU
    pairs = slow_pi0s(photons, regions, cuts)
    near = [momentum_of(gammas[a] + gammas[b]) @ axis > 0 for a, b in pairs]
    out["nPi0s_1prong"] = sum(s == positive for s in near)
    out["nPi0s_3prong"] = sum(s != positive for s in near)
    used = {k for pair in pairs for k in pair}
    for name, here in (("1prong", positive), ("3prong", not positive)):
        mine = [k for k in range(len(gammas)) if k not in used and (momentum_of(gammas[k]) @ axis > 0) == here]
        out[f"nPhotons_{name}"] = len(mine)
        out[f"photonE_{name}"] = sum(photons[k].E for k in mine)
        out[f"photonECMS_{name}"] = sum(gammas[k].E for k in mine)
    return 3, out


def electron_cms():
    return ELECTRON.boost(TO_CMS)


@pytest.fixture(scope="module")
def fast(random_batch):
    return three_by_one(random_batch[0], BOOST, SQRT_S)


def test_kernels_agree_with_the_slow_twin(random_batch, fast):
    reco, _ = random_batch
    lists, cuts = ParticleLists.named("tau_3x1"), Pi0Cuts.tau_3x1()
    row = 0
    seen = np.zeros(2)
    for i in range(reco.n_events):
        stage, expected = slow_event(reco, i, lists, cuts)
        assert fast.stage[i] == stage
        if stage == len(STAGES) - 1:
            assert fast.columns["event"][row] == i
            for name, value in expected.items():
                assert fast.columns[name][row] == pytest.approx(value, rel=1e-9, abs=1e-9), (i, name)
            seen += expected["nPi0s_1prong"], expected["nPi0s_3prong"]
            row += 1
    assert row == len(fast)
    assert row > 200 and np.all(seen > 3)  # every branch was reached
    assert set(np.unique(fast.stage)) == {0, 1, 2, 3}


def test_tag_rows_are_the_other_three_good_tracks(random_batch, fast):
    reco, batch = random_batch
    c = fast.columns
    rows = np.stack([c["signal_row"], c["tag1_row"], c["tag2_row"], c["tag3_row"]], axis=1)
    assert np.all(np.diff(rows[:, 1:], axis=1) > 0)
    assert all(len(set(r)) == 4 for r in rows.tolist())
    assert np.all(np.repeat(c["event"][:, None], 4, axis=1) == reco.tracks.event_index[rows])
    assert np.all(reco.tracks.charge[rows].sum(axis=1) == 0)
    tag = track_columns(reco, c["event"], c["tag2_row"], "tag2")
    np.testing.assert_array_equal(tag["tag2_pdg"], batch.pdg[c["tag2_row"]])  # truth rows are places in the event
    np.testing.assert_array_equal(c["signal_pdg"], batch.pdg[c["signal_row"]])
    np.testing.assert_allclose(tag["tag2_pt"], tag["tag2_p"] * np.sin(tag["tag2_theta"]), rtol=1e-12)


def test_event_variables_agree_with_the_topology(random_batch, fast):
    reco, _ = random_batch
    all_events = event_variables(reco, BOOST, SQRT_S, ParticleLists.named("tau_3x1"))
    shared = set(all_events) & set(fast.columns) - {"event"}
    assert {"thrust", "missingMass2OfEvent", "totalPhotonsEnergyOfEvent", "weight"} <= shared
    for name in shared:
        np.testing.assert_allclose(fast.columns[name], all_events[name][fast.columns["event"]], rtol=1e-12)
    assert np.array_equal(all_events["nGoodTracks"] == 4, fast.stage >= 1)


def test_event_variables_against_vector(random_batch):
    reco, _ = random_batch
    lists = ParticleLists.named("basf2_default")
    columns = event_variables(reco, BOOST, SQRT_S)
    t, c = reco.tracks, reco.clusters
    for i in range(60):
        parts = []
        for k in range(t.offsets[i], t.offsets[i + 1]):
            v = vector.obj(px=t.px[k], py=t.py[k], pz=t.pz[k], mass=M_PI)
            inside = np.radians(17.0) < v.theta < np.radians(150.0)
            if abs(t.d0[k]) < 0.5 and abs(t.z0[k]) < 3.0 and v.pt > 0.1 and inside:
                parts.append(v)
        n_tracks = len(parts)
        for k in range(c.offsets[i], c.offsets[i + 1]):
            if c.in_time[k] and c.energy[k] > 0.05 and np.radians(17.0) < c.theta[k] < np.radians(150.0):
                parts.append(vector.obj(pt=c.energy[k] * np.sin(c.theta[k]), phi=c.phi[k], theta=c.theta[k], mass=0.0))
        assert columns["nGoodTracks"][i] == n_tracks
        if not parts:
            assert columns["thrust"][i] == 0.0 and np.isnan(columns["foxWolframR2"][i])
            continue
        missing = BEAMS - sum(parts[1:], start=parts[0])
        assert columns["missingMomentumOfEvent"][i] == pytest.approx(missing.mag, rel=1e-9)
        assert columns["missingMomentumOfEvent_theta"][i] == pytest.approx(missing.theta, rel=1e-9)
        assert columns["missingMass2OfEvent"][i] == pytest.approx(missing.mass2, rel=1e-9, abs=1e-9)
        p = np.array([momentum_of(v.boost(TO_CMS)) for v in parts])
        size = np.linalg.norm(p, axis=1)
        cosine = np.clip(p @ p.T / np.outer(size, size), -1.0, 1.0)
        for order in (1, 2, 3, 4):
            legendre = np.polynomial.legendre.Legendre.basis(order)(cosine)
            ratio = (np.outer(size, size) * legendre).sum() / np.outer(size, size).sum()
            assert columns[f"foxWolframR{order}"][i] == pytest.approx(ratio, abs=1e-9)
    assert lists.photon_energy_min == 0.05


def test_all_columns_are_documented(random_batch, fast):
    produced = set(fast.for_lepton("e")) | set(event_variables(random_batch[0], BOOST, SQRT_S))
    assert produced <= set(VARIABLES)


def test_beam_axis_is_the_boosted_electron():
    np.testing.assert_allclose(beam_axis_cms(BOOST), momentum_of(electron_cms()) / electron_cms().mag, atol=1e-12)
    turned = np.array([-BOOST[1], BOOST[0], BOOST[2]])
    axis = momentum_of(electron_cms()) / electron_cms().mag
    np.testing.assert_allclose(beam_axis_cms(turned), [-axis[1], axis[0], axis[2]], atol=1e-12)
    np.testing.assert_allclose(beam_axis_cms(BOOST, momentum_of(ELECTRON)), axis, atol=1e-12)
    # Belle: z along the positron beam, electrons at 22 mrad
    electron = vector.obj(px=8.0 * np.sin(0.022), py=0.0, pz=8.0 * np.cos(0.022), E=8.0)
    total = electron + vector.obj(px=0.0, py=0.0, pz=-3.5, E=3.5)
    expected = electron.boost(-total.to_beta3())
    boost = momentum_of(total) / total.E
    axis = momentum_of(expected) / expected.mag
    np.testing.assert_allclose(beam_axis_cms(boost, momentum_of(electron)), axis, atol=1e-12)
    assert np.arccos(beam_axis_cms(boost) @ axis) > 1e-3
    with pytest.raises(InputError, match="not all zero"):
        beam_axis_cms(BOOST, [0.0, 0.0, 0.0])


def tau_pair_batch(make_batch, n, alpha_mass, rng):
    """tau -> l alpha against a tau whose three pions carry all its momentum: two-body kinematics in closed form."""
    gamma = SQRT_S / (2.0 * M_TAU)
    beta = np.sqrt(1.0 - 1.0 / gamma**2)
    axis = rng.normal(size=(n, 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    rest = rng.normal(size=(n, 3))
    rest /= np.linalg.norm(rest, axis=1)[:, None]
    energy = (M_TAU**2 + M_MU**2 - alpha_mass**2) / (2.0 * M_TAU)
    p_rest = rest * np.sqrt(energy**2 - M_MU**2)
    along = np.sum(p_rest * axis, axis=1)
    p_lepton = p_rest + axis * ((gamma - 1.0) * along + gamma * beta * energy)[:, None]
    tracks = np.empty((n, 4, 3))
    tracks[:, 0] = p_lepton
    transverse = np.cross(axis, rest)
    # three pions whose momenta sum exactly along -axis
    for k, (share, kick) in enumerate(((0.5, 0.0), (0.3, 0.25), (0.2, -0.25))):
        tracks[:, 1 + k] = -axis * 4.5 * share + transverse * kick
    cms = vector.array({"px": tracks[..., 0], "py": tracks[..., 1], "pz": tracks[..., 2],
                        "mass": np.broadcast_to([M_MU, M_PI, M_PI, M_PI], (n, 4))})  # fmt: skip
    lab = cms.boost(BEAMS.to_beta3())
    flat = np.stack([lab.px, lab.py, lab.pz], axis=-1).reshape(-1, 3)
    offsets = np.arange(n + 1) * 4
    charge = np.tile([-1, 1, 1, -1], n)
    pdg = np.tile([13, 211, 211, -211], n)
    return make_batch(flat, charge, offsets, np.empty((0, 3)), np.zeros(n + 1, dtype=np.int64), pdg)


@pytest.mark.parametrize("alpha_mass", [0.0, 0.7, 1.2, 1.6])
def test_pseudo_rest_frame_is_exact_when_the_tag_shows_the_tau_direction(make_batch, alpha_mass):
    rng = stream(21, "x", "test", 0)
    reco, batch = tau_pair_batch(make_batch, 400, alpha_mass, rng)
    result = three_by_one(reco, BOOST, SQRT_S)
    assert len(result) > 350
    muon = result.columns["signal_pdg"] == 13
    assert muon.mean() > 0.95  # a slow lepton may swap sides with a pion
    x = result.for_lepton("mu")["signalLeptonEnergyFraction"][muon]
    # x = 1 - M_a^2/m_tau^2 + m_l^2/m_tau^2
    np.testing.assert_allclose(x, 1.0 - (alpha_mass / M_TAU) ** 2 + (M_MU / M_TAU) ** 2, rtol=1e-10)


def test_pseudo_mass_is_bounded_by_the_tau_mass():
    """tau -> h nu in flight: M_min <= m_tau for any neutrino direction, equal for parallel h and nu [2305.19116]."""
    rng = stream(22, "mmin", "test", 0)
    n = 20000
    mass = rng.uniform(0.5, 1.7, n)
    cosine = rng.uniform(-1.0, 1.0, n)
    # h backwards in the tau frame, but slower than the tau: in the CMS it flies along the neutrino
    cosine[0], mass[0] = -1.0, 1.5
    p = (M_TAU**2 - mass**2) / (2.0 * M_TAU)
    e = np.sqrt(p**2 + mass**2)
    gamma = SQRT_S / (2.0 * M_TAU)
    beta = np.sqrt(1.0 - 1.0 / gamma**2)
    energy = gamma * (e + beta * p * cosine)
    momentum = np.sqrt(energy**2 - mass**2)
    m_min = pseudo_mass(mass, energy, momentum, SQRT_S)
    assert np.all(m_min <= M_TAU + 1e-9)
    assert m_min[0] == pytest.approx(M_TAU, rel=1e-12)
    assert pseudo_mass(np.array(1.3), np.array(SQRT_S / 2), np.array(5.0), SQRT_S) == pytest.approx(1.3)
    assert np.isnan(pseudo_mass(np.array(0.1), np.array(6.0), np.array(1.0), SQRT_S))


def test_empty_batches(make_batch):
    none = np.zeros(1, dtype=np.int64)
    reco, batch = make_batch(np.empty((0, 3)), np.empty(0), none, np.empty((0, 3)), none, np.empty(0))
    assert len(three_by_one(reco, BOOST, SQRT_S)) == 0
    assert event_variables(reco, BOOST, SQRT_S)["thrust"].shape == (0,)
    two = np.zeros(3, dtype=np.int64)
    reco, batch = make_batch(np.empty((0, 3)), np.empty(0), two, np.empty((0, 3)), two, np.empty(0))
    assert three_by_one(reco, BOOST, SQRT_S).stage.tolist() == [0, 0]


def test_unmatched_tracks_have_no_truth_and_stages_count_down(random_batch, fast):
    reco, _ = random_batch
    unmatched = replace(reco, tracks=replace(reco.tracks, truth=np.full_like(reco.tracks.truth, -1)))
    blind = three_by_one(unmatched, BOOST, SQRT_S)
    assert np.all(blind.columns["signal_pdg"] == 0)
    np.testing.assert_array_equal(blind.columns["thrust"], fast.columns["thrust"])
    np.testing.assert_array_equal(fast.columns["weight"], reco.weight[fast.columns["event"]])


def test_configuration_changes_the_selection(random_batch, fast):
    config = ThreeByOneConfig()
    tight = replace(config, lists=replace(config.lists, track_pt_min=0.5))
    assert 0 < len(three_by_one(random_batch[0], BOOST, SQRT_S, tight)) != len(fast)


def test_bad_input(random_batch):
    reco, _ = random_batch
    for boost in ((0.0, 0.0), (0.0, 0.8, 0.7), (0.0, 0.0, np.nan)):
        with pytest.raises(InputError, match="CMS velocity"):
            three_by_one(reco, boost, SQRT_S)
    with pytest.raises(InputError, match="centre-of-mass energy"):
        event_variables(reco, BOOST, -1.0)
    with pytest.raises(InputError, match="tau-pair threshold"):
        three_by_one(reco, BOOST, 3.5)
    with pytest.raises(InputError, match="allowed are tau_3x1, basf2_default"):
        ParticleLists.named("tau_1x1")
    with pytest.raises(InputError, match="allowed are e, mu"):
        three_by_one(reco, BOOST, SQRT_S).for_lepton("tau")  # type: ignore[arg-type]
