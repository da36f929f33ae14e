"""Tau pairs: spin correlations against closed forms, spectra against Pythia 8, kinematics, weights, parameters."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.generators.pair_observables import CLASSES, OBSERVABLES, fill_arrays, new_histograms
from toymc.constants import GEV2_TO_FB, M_E, M_MU, M_PI, M_TAU
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators import tau_pair
from toymc.generators.processes import prepare
from toymc.generators.tau import modes
from toymc.geometry.beam import BeamCard, load_beam
from toymc.streams import stream

DATA = Path(__file__).parent / "data"
BARE = {"isr": False, "fsr": False}


def _head_on() -> BeamCard:
    """Beams in their centre-of-mass frame, without spread: lab = e+e- rest frame, e- along +z."""
    exact = {"value": 0.0, "source": "test"}
    beam = {"energy_GeV": {"value": 5.29, "source": "test"}, "energy_spread_GeV": exact, "tilt_rad": exact}
    keys = [f"{kind}_{axis}_cm" for kind in ("centre", "sigma") for axis in "xyz"]
    return BeamCard.model_validate(
        {
            "name": "head_on",
            "description": "test",
            "electron": beam,
            "positron": beam,
            "luminous_region": dict.fromkeys(keys, exact),
        }
    )


def _generate(parameters, n, seed=1, beam=None) -> EventBatch:
    process = prepare("tau_pair", parameters, beam)
    batches = [
        process.generate(stream(seed, "tau_pair", "test", chunk), min(16_384, n - first), first)
        for chunk, first in enumerate(range(0, n, 16_384))
    ]
    return EventBatch.concatenate(batches)


def _four(batch, rows):
    return np.stack([batch.px[rows], batch.py[rows], batch.pz[rows], batch.energy[rows]], axis=-1)


def _daughters(batch, code, side):
    """Four-momenta (n, 4) of the daughters with |pdg| = code of the tau- (side 0) or tau+ (1), summed per event."""
    rows = (np.abs(batch.pdg) == code) & (batch.mother == side)
    p = _four(batch, rows)
    return np.stack([np.bincount(batch.event_index[rows], p[:, k], batch.n_events) for k in range(4)], axis=1)


def _visible(batch, side):
    rows = (batch.mother == side) & ~np.isin(np.abs(batch.pdg), (12, 14, 16))
    p = _four(batch, rows)
    return np.stack([np.bincount(batch.event_index[rows], p[:, k], batch.n_events) for k in range(4)], axis=1)


def _taus(batch):
    return np.stack([_four(batch, batch.offsets[:-1] + side) for side in (0, 1)], axis=1)


def _cosine(p, tau):
    """Cosine between p in the rest frame of tau and the flight direction of tau (pure boost from this frame)."""
    momentum = np.linalg.norm(tau[:, :3], axis=1)
    along = np.sum(p[:, :3] * tau[:, :3], axis=1) / momentum
    longitudinal = (along * tau[:, 3] - p[:, 3] * momentum) / M_TAU
    energy = (p[:, 3] * tau[:, 3] - along * momentum) / M_TAU
    mass2 = p[:, 3] ** 2 - np.sum(p[:, :3] ** 2, axis=1)
    return longitudinal / np.sqrt(energy**2 - mass2)


def _mean_cll(sqrt_s=10.58):
    """C_ll averaged over the Born angular distribution: (2 - g)/(2 + g), g = 1/gamma^2."""
    g = 4 * M_TAU**2 / sqrt_s**2
    return (2 - g) / (2 + g)


def _correlation(mode_a, mode_b, code_a, code_b, n, seed):
    """Mean product of the two helicity-frame cosines, with its error; visible systems where code is 0."""
    batch = _generate({**BARE, "decay": mode_a, "tag": mode_b}, n, seed, _head_on())
    tau = _taus(batch)
    product, alpha = [], []
    charged = np.stack([_daughters(batch, code_a, 0)[:, 3] > 0, _daughters(batch, code_a, 1)[:, 3] > 0], axis=1)
    for a_side in (0, 1):
        rows = charged[:, a_side] if mode_a != mode_b else np.full(len(tau), a_side == 0)
        if not rows.any():
            continue
        a = _visible(batch, a_side)[rows]
        b = _visible(batch, 1 - a_side)[rows]
        product.append(_cosine(a, tau[rows, a_side]) * _cosine(b, tau[rows, 1 - a_side]))
        alpha.append(_analysing_power(a) * _analysing_power(b))
    values, powers = np.concatenate(product), np.concatenate(alpha)
    return values.mean(), values.std() / np.sqrt(len(values)), powers.mean()


def _analysing_power(p):
    """(m^2 - 2 Q^2)/(m^2 + 2 Q^2) of a vector meson of mass^2 Q^2; 1 for a pion [Y.-S. Tsai, PRD 4 (1971) 2821]."""
    q2 = p[:, 3] ** 2 - np.sum(p[:, :3] ** 2, axis=1)
    vector = (M_TAU**2 - 2 * q2) / (M_TAU**2 + 2 * q2)
    return np.where(q2 < 1.5 * M_PI**2, 1.0, vector)


def test_pion_pion_correlation():
    assert _mean_cll() / 9 == pytest.approx(0.0992, abs=5e-5)
    mean, error, _ = _correlation("pi_nu", "pi_nu", 211, 211, 300_000, 11)
    assert mean == pytest.approx(_mean_cll() / 9, abs=4 * error)
    assert error < 7e-4


def test_rho_rho_correlation():
    mean, error, power = _correlation("pi_pi0_nu", "pi_pi0_nu", 111, 111, 200_000, 12)
    assert mean == pytest.approx(_mean_cll() / 9 * power, abs=4 * error)
    assert 0.1 < power < 0.3


def test_pion_rho_correlation():
    mean, error, power = _correlation("pi_pi0_nu", "pi_nu", 111, 211, 200_000, 13)
    assert mean == pytest.approx(_mean_cll() / 9 * power, abs=4 * error)


@pytest.mark.parametrize(("mode", "code", "mass"), [("e_nu_nu", 11, M_E), ("mu_nu_nu", 13, M_MU)])
def test_lepton_pion_correlation(mode, code, mass):
    # V-A with all energies integrated: the lepton of a tau- prefers the direction against the spin with power -1/3
    # (lowered by the muon mass by less than 2 %)
    mean, error, _ = _correlation(mode, "pi_nu", code, 211, 150_000, 14)
    assert mean == pytest.approx(-_mean_cll() / 27, abs=4 * error + 0.02 * (mass > 0.01) * _mean_cll() / 27)


def test_no_correlation_without_spin():
    batch = _generate({**BARE, "decay": "pi_nu", "tag": "pi_nu", "spin": False}, 200_000, 15, _head_on())
    tau = _taus(batch)
    product = [_cosine(_visible(batch, side), tau[:, side]) for side in (0, 1)]
    assert np.mean(product[0] * product[1]) == pytest.approx(0.0, abs=4 / 3 / np.sqrt(200_000))


def test_all_nine_correlations_of_pions_in_the_laboratory():
    # Belle II beams with radiation off: the spin triad is reached through the e+e- frame of the tilted, unequal beams
    batch = _generate({**BARE, "decay": "pi_nu", "tag": "pi_nu"}, 300_000, 16)
    card = load_beam("belle2")
    total = _taus(batch).sum(axis=1)
    electron = np.tile(_beam_momentum(card), (len(total), 1))
    axis = _unit(_to_rest(electron, total)[:, :3])
    tau = np.stack([_to_rest(_taus(batch)[:, side], total) for side in (0, 1)], axis=1)
    pions = [_unit(_to_rest(_to_rest(_visible(batch, side), total), tau[:, side])[:, :3]) for side in (0, 1)]
    ell = _unit(tau[:, 0, :3])
    cos_theta = np.sum(ell * axis, axis=1)
    t = _unit(axis - cos_theta[:, None] * ell)
    triad = np.stack([np.cross(ell, t), t, ell], axis=1)
    minus, plus = (np.einsum("nij,nj->ni", triad, p) for p in pions)
    g = 4 * M_TAU**2 / card.sqrt_s**2
    # averages over the angular distribution; C_tl is odd in cos(Theta): weighted with it
    c = np.linspace(-1, 1, 20_001)
    weight = 1 + c**2 + g * (1 - c**2)
    s2 = 1 - c**2
    expected = {
        (0, 0): -(1 - g) * s2, (1, 1): (1 + g) * s2, (2, 2): 1 + c**2 - g * s2, (1, 2): 2 * c * np.sqrt(s2 * g) * c
    }  # fmt: skip
    for (i, j), numerator in expected.items():
        factor = cos_theta if (i, j) == (1, 2) else 1.0
        # a pi+ analyses the spin of its tau with the opposite sign
        for first, second in {(i, j), (j, i)}:
            values = -minus[:, first] * plus[:, second] * factor
            assert values.mean() == pytest.approx(numerator.mean() / weight.mean() / 9, abs=4.5 * values.std() / 548)
    for i, j in ((0, 1), (0, 2), (1, 0), (2, 0)):
        assert np.mean(minus[:, i] * plus[:, j]) == pytest.approx(0.0, abs=4.5 / 3 / 548)


def _beam_momentum(card):
    energy, tilt = card.electron.energy_GeV.value, card.electron.tilt_rad.value
    return np.array([energy * np.sin(tilt), 0.0, energy * np.cos(tilt), energy])


def _unit(v):
    return v / np.linalg.norm(v, axis=1)[:, None]


def _to_rest(p, frame):
    """Four-momenta p seen from the rest frame of `frame`, by a pure boost."""
    mass = np.sqrt(frame[:, 3] ** 2 - np.sum(frame[:, :3] ** 2, axis=1))
    energy = (p[:, 3] * frame[:, 3] - np.sum(p[:, :3] * frame[:, :3], axis=1)) / mass
    factor = (p[:, 3] + energy) / (frame[:, 3] + mass)
    return np.concatenate([p[:, :3] - factor[:, None] * frame[:, :3], energy[:, None]], axis=1)


@pytest.fixture(scope="module")
def pythia_like():
    """Our events in the four classes of the reference, filled into its histograms."""
    names = "e_nu_nu, mu_nu_nu, pi_nu, pi_pi0_nu"
    histograms = new_histograms()
    for seed in range(4):
        batch = _generate({**BARE, "decay": names, "tag": names}, 65_536, 20 + seed, _head_on())
        ell = [np.zeros((batch.n_events, 2), dtype=int) for _ in range(2)]
        charged = np.zeros((batch.n_events, 2, 4))
        for side in (0, 1):
            ell[1][:, side] = np.bincount(batch.event_index[batch.mother == side], minlength=batch.n_events)
            for code in (11, 13, 211):
                p = _daughters(batch, code, side)
                found = p[:, 3] > 0
                ell[0][found, side] = code
                charged[found, side] = p[found]
        visible = np.stack([_visible(batch, side) for side in (0, 1)], axis=1)
        fill_arrays(histograms, _taus(batch), ell[0], ell[1], charged, visible)
    return histograms


def _two_sample(a, b, minimum=12):
    """chi2 probability that two histograms of counts have one shape; bins with few entries are joined."""
    a, b = np.ravel(a).astype(float), np.ravel(b).astype(float)
    small = b < minimum
    if small.any():
        a, b = np.append(a[~small], a[small].sum()), np.append(b[~small], b[small].sum())
        if b[-1] < minimum:
            a, b = np.append(a[:-2], a[-2:].sum()), np.append(b[:-2], b[-2:].sum())
    na, nb = a.sum(), b.sum()
    chi2 = np.sum((a * np.sqrt(nb / na) - b * np.sqrt(na / nb)) ** 2 / np.maximum(a + b, 1))
    return float(stats.chi2.sf(chi2, len(a) - 1))


@pytest.mark.parametrize("name", sorted(OBSERVABLES))
def test_pair_distributions_against_pythia(pythia_like, name):
    reference = json.loads((DATA / "pythia_pairs_spin.json").read_text())["histograms"][name]
    for edges, used in zip(reference["edges"], OBSERVABLES[name], strict=True):
        np.testing.assert_allclose(edges, used)
    ours, theirs = pythia_like[name], np.array(reference["counts"])
    if name in ("acollinearity_all", "cos_theta_tau"):
        # all classes together: the mixture of decay modes differs by the branching fractions in use
        assert _two_sample(ours, theirs) > 1e-4
    else:
        assert _two_sample(ours, theirs) > 1e-3


# pi 2pi0 is not here: Pythia's current for it is not symmetric in the two pi0 (test_tau_pythia.py shows that ours,
# reweighted to Pythia's current, has its spectra).
_CHANNELS = {
    "e": "e_nu_nu",
    "mu": "mu_nu_nu",
    "pi": "pi_nu",
    "rho": "pi_pi0_nu",
    "3pi": "3pi_nu",
    "K": "K_nu",
    "Kpi0": "K_pi0_nu",
    "K0pi": "pi_K0_nu",
    "3pipi0": "3pi_pi0_nu",
}


def _energy_fractions(mode, n, seed):
    batch = _generate({**BARE, "decay": mode, "tag": mode}, n, seed, _head_on())
    return np.concatenate([_visible(batch, side)[:, 3] / _taus(batch)[:, side, 3] for side in (0, 1)])


@pytest.mark.parametrize("channel", list(_CHANNELS))
def test_visible_energy_against_pythia(channel):
    # reference: 200 000 pairs of Pythia 8.318 in C++, without radiation (provenance in the file)
    reference = json.loads((DATA / "pythia_tau_spectra.json").read_text())["channels"][channel]
    low, high, bins = reference["x_edges"]
    x = _energy_fractions(_CHANNELS[channel], 50_000, 31)
    ours = np.histogram(x, np.linspace(low, high, bins + 1))[0]
    assert _two_sample(ours, reference["x"]) > 1e-3


def test_labels_of_the_pythia_classes():
    assert set(CLASSES) == {"e", "mu", "pi", "rho"}


def test_weights_of_forced_modes():
    fraction = dict(zip(modes.MODE_NAMES, modes.branching_fractions(), strict=False))
    n = 40_000
    # both lists overlap in pi_nu: sum of weights = 2 AB - (A and B)^2
    batch = _generate({"decay": "pi_nu,e_nu_nu", "tag": "pi_nu,mu_nu_nu"}, n, 41)
    a = fraction["pi_nu"] + fraction["e_nu_nu"]
    b = fraction["pi_nu"] + fraction["mu_nu_nu"]
    expected = 2 * a * b - fraction["pi_nu"] ** 2
    assert batch.weight.mean() == pytest.approx(expected, abs=4 * batch.weight.std() / np.sqrt(n))
    assert _generate({}, 1000, 42).weight == pytest.approx(1.0)
    signal = {"signal": "e_alpha", "mass": 1.0, "branching_fraction": 1e-3, "tag": "3pi_nu"}
    assert _generate(signal, 1000, 43).weight == pytest.approx(2 * 1e-3 * fraction["3pi_nu"])


def test_signal_side_has_both_charges_and_the_two_body_momentum():
    n = 20_000
    batch = _generate({**BARE, "signal": "mu_alpha", "mass": 1.2, "tag": "pi_nu"}, n, 44, _head_on())
    alpha = batch.pdg == modes.ALPHA_PDG
    assert alpha.sum() == n
    assert np.all(batch.mass[alpha] == 1.2)
    sides = batch.mother[alpha]
    assert abs(np.mean(sides) - 0.5) < 4 * 0.5 / np.sqrt(n)
    for side in (0, 1):
        rows = sides == side
        muon = _to_rest(_daughters(batch, 13, side)[rows], _taus(batch)[rows, side])
        np.testing.assert_allclose(muon[:, 3], (M_TAU**2 + M_MU**2 - 1.2**2) / (2 * M_TAU), rtol=1e-9)
        charge = batch.pdg[(np.abs(batch.pdg) == 13) & (batch.mother == side)]
        assert np.all(charge == (13 if side == 0 else -13))


def test_radiation_is_there_and_can_be_switched_off():
    def photons(**switches):
        batch = _generate({"decay": "pi_nu", "tag": "pi_nu", **switches}, 8192, 45)
        return np.sum((batch.pdg == 22) & (batch.mother == -1)), np.sum((batch.pdg == 22) & (batch.mother >= 0))

    assert photons(isr=False, fsr=False) == (0, 0)
    primary, secondary = photons(isr=False)
    assert primary > 100
    assert secondary > 100
    assert photons(fsr=False)[0] > 4000
    assert photons(fsr=False)[1] == 0


def test_events_do_not_depend_on_the_room_they_are_given(monkeypatch):
    process = prepare("tau_pair", {})
    roomy = process.generate(stream(7, "tau_pair", "test", 0), 3000, 5)
    monkeypatch.setattr(tau_pair, "_ROWS_PER_EVENT", 1)
    tight = process.generate(stream(7, "tau_pair", "test", 0), 3000, 5)
    for name in ("offsets", "pdg", "mother", "px", "z", "helicity", "weight", "event_id"):
        assert np.array_equal(getattr(roomy, name), getattr(tight, name)), name


def test_helicities_are_those_of_a_vector_current():
    # opposite helicities (parallel spins) with probability (1 + <C_ll>)/2
    batch = _generate({**BARE}, 60_000, 46, _head_on())
    minus, plus = (batch.helicity[batch.offsets[:-1] + side] for side in (0, 1))
    assert set(np.unique(minus)) == {-1.0, 1.0}
    opposite = np.mean(minus * plus < 0)
    assert opposite == pytest.approx((1 + _mean_cll()) / 2, abs=4 * 0.25 / np.sqrt(60_000) + 0.002)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"isr": "maybe"}, ("isr", "true or false")),
        ({"colour": "red"}, ("colour", "signal, mass")),
        ({"signal": "e_axion"}, ("e_axion", "e_alpha")),
        ({"signal": "e_alpha", "mass": 1.9}, ("mass", "1.9")),
        ({"signal": "mu_alpha", "mass": M_TAU - M_MU + 1e-4}, ("threshold", "mu_alpha")),
        ({"signal": "mu_alpha", "mass": -0.1}, ("mass", "-0.1")),
        ({"signal": "mu_alpha", "mass": "heavy"}, ("mass", "heavy")),
        ({"signal": "mu_alpha", "mass": "nan"}, ("mass", "nan")),
        ({"signal": "mu_phi", "mass": 0.5}, ("mu_phi", "mass")),
        ({"mass": 0.5}, ("mass", "signal")),
        ({"decay": "pi_nu", "signal": "e_gamma"}, ("decay", "signal")),
        ({"decay": "pi_mu"}, ("pi_mu", "pi_nu")),
        ({"tag": ""}, ("all",)),
        ({"chirality": "up"}, ("chirality", "left")),
        ({"signal": "e_alpha", "branching_fraction": 2}, ("branching_fraction", "0 to 1")),
    ],
)
def test_bad_parameters_are_refused_in_one_line(parameters, words):
    with pytest.raises(InputError) as error:
        prepare("tau_pair", parameters)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_bad_event_numbers_and_beams_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        prepare("tau_pair", {}).generate(stream(1, "tau_pair", "test", 0), 0)
    low = _head_on().model_dump()
    low["electron"]["energy_GeV"]["value"] = low["positron"]["energy_GeV"]["value"] = 1.5
    with pytest.raises(InputError, match="threshold"):
        prepare("tau_pair", {}, BeamCard.model_validate(low))


@pytest.mark.parametrize("more", [{}, {"fsr": False}])
def test_lowest_order_is_that_of_the_reference_energy(more):
    """alpha = 1/137.036 at 10.579 GeV, neither vacuum polarisation nor corrections of the final state."""
    beta = np.sqrt(1 - 4 * M_TAU**2 / 10.579**2)
    expected = 4 * np.pi / 137.036**2 / (3 * 10.579**2) * beta * (3 - beta**2) / 2 * GEV2_TO_FB
    assert prepare("tau_pair", {"isr": False, **more}).cross_section_fb == pytest.approx(expected, rel=1e-9)
    info = prepare("tau_hnl", {"isr": False, **more}).info
    assert info["sigma_tau_tau_fb"] == pytest.approx(expected, rel=1e-9)
