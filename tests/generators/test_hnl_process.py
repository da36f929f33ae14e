"""Process tau_hnl: cross-section and its pieces, lifetimes, vertices, conservation, spin correlation, refusals."""

import numpy as np
import pytest
from scipy import stats

from toymc.constants import M_E, M_MU, M_PI, M_RHO, M_TAU, SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_FINAL
from toymc.generators.hnl.layout import N_PDG
from toymc.generators.models import hnl
from toymc.generators.processes import prepare
from toymc.streams import stream

MIXED = {"v_e2": 1e-5, "v_mu2": 1e-5, "v_tau2": 1e-4}
VARIANTS = {
    "everything": {"mass": 0.99, **MIXED},
    "heavy": {"mass": 1.5, **MIXED},
    "light": {"mass": 2e-3, "production": "pi", "decay": "ee"},
    "dirac": {"mass": 0.9, "dirac": True, **MIXED},
    "Kstar": {"mass": 0.7, "production": "Kstar", "decay": "mupi,epi", **MIXED},
    "omega": {"mass": 1.2, "production": "pi", "decay": "omega,phi,etap"},
    "plain": {"mass": 0.6, "isr": False, "fsr": False, "decay": "mumu"},
}


def generate(values, n=6000, chunk=0):
    process = prepare("tau_hnl", values)
    return process, process.generate(stream(1, "tau_hnl", "test", chunk), n)


@pytest.mark.parametrize("variant", VARIANTS)
def test_four_momentum_charge_and_lepton_number(variant):
    _, batch = generate(VARIANTS[variant], 4000)
    batch.validate()
    absolute = batch.offsets[batch.event_index] + batch.mother
    has = batch.mother >= 0
    daughters = np.bincount(absolute[has], minlength=batch.n_particles)
    assert np.array_equal(daughters > 0, batch.status == STATUS_DECAYED)
    for name in ("px", "py", "pz", "energy"):
        values = getattr(batch, name)
        total = np.bincount(absolute[has], values[has], batch.n_particles)
        # light N are boosted by up to 3000
        tolerance = 1e-13 if variant != "light" else 1e-11
        assert np.all(np.abs(total - values)[daughters > 0] < tolerance * np.maximum(batch.energy[daughters > 0], 1.0))
    heavy = np.abs(batch.pdg) == N_PDG
    assert np.array_equal(np.bincount(batch.event_index[heavy], minlength=batch.n_events), np.ones(batch.n_events))
    assert np.all(batch.mass[heavy] == VARIANTS[variant]["mass"])
    codes = np.abs(batch.pdg)
    charge = np.where(np.isin(codes, (11, 13, 15)), -1, np.isin(codes, (211, 213, 321, 323))) * np.sign(batch.pdg)
    total = np.bincount(absolute[has], charge[has], batch.n_particles)
    assert np.array_equal(total[daughters > 0], charge[daughters > 0])
    if variant == "dirac":
        final = batch.status == STATUS_FINAL
        # pions that decayed keep no lepton number; secondary decays here make none but in pairs
        lepton = np.where((codes >= 11) & (codes <= 16), np.sign(batch.pdg), 0)
        assert np.all(np.bincount(batch.event_index[final], lepton[final]) == 0)
    else:
        assert np.all(batch.pdg[heavy] == N_PDG)


def test_cross_section_is_the_product_of_its_pieces():
    values = {"mass": 0.5, "coupling": 2e-5, "production": "pi", "decay": "mumu"}
    process = prepare("tau_hnl", values)
    info, point = process.info, hnl.mixed_point(0.5, {"tau": 2e-5})
    assert info["sigma_tau_tau_fb"] == prepare("tau_pair").cross_section_fb
    assert info["b_production"] == pytest.approx(point.production["tau_to_pi_N"])
    assert info["b_decay"] == pytest.approx(point.branching_fractions["nu_mu_mu"])
    assert process.cross_section_fb == pytest.approx(
        info["sigma_tau_tau_fb"] * info["factor"] * info["b_production"] * info["b_decay"], rel=1e-12
    )
    # SensCalc tables: B(tau -> pi N)/|V|^2 = 0.08273, B(N -> nu mu mu) = 0.01129, ctau |V|^2 = 2.986 cm
    assert info["b_production"] / 2e-5 == pytest.approx(0.08273, rel=0.005)
    assert info["b_decay"] == pytest.approx(0.01129, rel=0.01)
    assert info["ctau_cm"] * 2e-5 == pytest.approx(2.986, rel=0.01)
    assert info["ctau_cm"] == info["ctau_model_cm"] == pytest.approx(point.ctau_cm)
    dirac = prepare("tau_hnl", {**values, "dirac": True})
    assert dirac.info["ctau_cm"] == pytest.approx(2.0 * info["ctau_cm"])
    assert dirac.cross_section_fb == pytest.approx(process.cross_section_fb)
    tagged = prepare("tau_hnl", {**values, "tag": "leptonic"})
    batch = tagged.generate(stream(1, "tau_hnl", "test", 0), 10)
    assert np.all(batch.weight == tagged.info["tag_fraction"]) and 0.34 < batch.weight[0] < 0.36


def test_modes_come_in_their_fractions():
    process, batch = generate({"mass": 0.95, **MIXED}, 30_000)
    absolute = batch.offsets[batch.event_index] + batch.mother
    from_n = (batch.mother >= 0) & (np.abs(batch.pdg[absolute]) == N_PDG)
    counted = {name: code for name, code in (("pi0", 111), ("eta", 221), ("rho", 113), ("omega", 223))}
    for name, code in counted.items():
        found = np.count_nonzero(from_n & (batch.pdg == code))
        share = process.info["decay"][name]
        assert stats.binomtest(found, batch.n_events, share / process.info["b_decay"]).pvalue > 1e-4, name
    rows = np.flatnonzero(np.abs(batch.pdg) == N_PDG)
    beside = np.abs(batch.pdg[rows + 1])
    for name, code in (("pi", 211), ("rho", 213), ("K", 321), ("e", 11), ("mu", 13)):
        share = process.info["production"][name] / process.info["b_production"]
        assert stats.binomtest(int(np.sum(beside == code)), batch.n_events, share).pvalue > 1e-4, name


@pytest.mark.parametrize(("coupling", "ctau"), [(1e-2, "model"), (1e-4, 7.5), (1e-4, 0.0)])
def test_lifetime_and_vertex(coupling, ctau):
    values = {"mass": 1.0, "coupling": coupling, "production": "pi", "decay": "mumu", "ctau": ctau}
    process, batch = generate(values)
    expected = process.info["ctau_model_cm"] if ctau == "model" else ctau
    assert process.info["ctau_cm"] == expected
    rows = np.flatnonzero(batch.pdg == N_PDG)
    absolute = batch.offsets[batch.event_index] + batch.mother
    first = np.full(batch.n_particles, -1)
    order = np.flatnonzero(batch.mother >= 0)[::-1]
    first[absolute[order]] = order
    place = [np.stack([getattr(batch, k)[r] for k in "xyz"], axis=1) for r in (first[rows], rows)]
    step = place[0] - place[1]
    if expected == 0.0:
        assert np.all(step == 0.0)
        return
    p = np.stack([batch.px[rows], batch.py[rows], batch.pz[rows]], axis=1)
    length, momentum = np.linalg.norm(step, axis=1), np.linalg.norm(p, axis=1)
    np.testing.assert_allclose(np.sum(step * p, axis=1), length * momentum, rtol=1e-6)
    proper = length * batch.mass[rows] / momentum
    assert stats.kstest(proper / expected, stats.expon.cdf).pvalue > 1e-3
    time = (batch.t[first[rows]] - batch.t[rows]) * SPEED_OF_LIGHT_CM_PER_NS
    np.testing.assert_allclose(time * momentum / batch.energy[rows], length, rtol=1e-6)


@pytest.mark.parametrize("spin", [True, False])
def test_spin_correlation_reaches_the_other_tau(spin):
    """tau -> pi N against tau -> pi nu: mean product of the cosines is h_N times that of pi nu."""
    _, batch = generate(
        {"mass": 0.3, "production": "pi", "decay": "nunu", "tag": "pi_nu", "isr": False, "fsr": False, "spin": spin},
        40_000,
    )
    taus = np.flatnonzero(batch.mother < 0).reshape(-1, 2)
    pions = np.flatnonzero((np.abs(batch.pdg) == 211) & (batch.mother >= 0)).reshape(-1, 2)

    def four(rows):
        return np.stack([batch.px[rows], batch.py[rows], batch.pz[rows], batch.energy[rows]], axis=-1)

    def moved(p, frame):
        m = np.sqrt(frame[:, 3] ** 2 - np.sum(frame[:, :3] ** 2, axis=1))[:, None]
        along = np.sum(p[:, :3] * frame[:, :3], axis=1)[:, None]
        shift = (along / (frame[:, 3:] + m) - p[:, 3:]) / m
        e = (p[:, 3:] * frame[:, 3:] - along) / m
        return np.concatenate([p[:, :3] + shift * frame[:, :3], e], axis=1)

    pair = four(taus[:, 0]) + four(taus[:, 1])
    cosines = []
    for side in range(2):
        tau, pion = moved(four(taus[:, side]), pair), moved(four(pions[:, side]), pair)
        inner = moved(pion, tau)
        axis = tau[:, :3] / np.linalg.norm(tau[:, :3], axis=1)[:, None]
        cosines.append(np.sum(inner[:, :3] * axis, axis=1) / np.linalg.norm(inner[:, :3], axis=1))
    product = np.array(cosines[0] * cosines[1])
    g = 4.0 * M_TAU**2 / 10.58**2
    # C_ll averaged over the production angle is (4/3 - 2g/3)/(4/3 + 2g/3) along the tau-; the axis of the tau+ is the
    # opposite, and so is its h against the pion
    c_ll = (4.0 - 2.0 * g) / (4.0 + 2.0 * g)
    x, r = (0.3 / M_TAU) ** 2, (M_PI / M_TAU) ** 2
    root = np.sqrt(1.0 + x * x + r * r - 2.0 * (x + r + x * r))
    h = (1.0 - x) * root / ((1.0 - x) ** 2 - r * (1.0 + x))
    expected = c_ll * h / 9.0 if spin else 0.0
    assert abs(product.mean() - expected) < 4.0 * product.std() / np.sqrt(len(product))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mass": 1.7, "production": "pi"}, f"below {M_TAU - M_PI:.6g} GeV"),
        ({"mass": 0.2, "decay": "mumu", "production": "pi"}, f"above {2 * M_MU:.6g} and below {M_TAU - M_PI:.6g} GeV"),
        ({"mass": 0.7, "production": "rho", "decay": "omega,mumu"}, "decay omega, mumu allow masses above 0.782"),
        ({"mass": 1.1, "production": "rho"}, f"below {M_TAU - M_RHO:.6g} GeV"),
        ({"mass": 0.9, "production": "Kstar", "decay": "phi"}, "they never go together"),
        ({"mass": 5.0}, f"mass = 5.0: give a number from 0.001 to {M_TAU - M_E:.6g}"),
        ({"mass": -1.0}, "give a number from 0.001"),
        ({"mass": float("nan")}, "give a number from 0.001"),
        ({"ctau": -1.0}, "model, or a number from 0"),
        ({"coupling": 0.0}, "give a number from 1e-20 to 1"),
        ({"coupling": 1e-3, "v_mu2": 1e-4}, "give one or the other"),
        ({"v_mu2": 0.6, "v_tau2": 0.6}, "at most 1"),
        ({"decay": "mu"}, "decay = 'mu' is not known: allowed are all, visible, nunu"),
        ({"production": "a1"}, "production = 'a1' is not known: allowed are all, pi, rho"),
        ({"production": ""}, "production = '' is not known"),
        ({"flavour": "mu", "production": "pi"}, "production pi does not happen at mass 1 GeV with |V_e|^2 = 0"),
        ({"flavour": "tau", "decay": "mupi"}, "decay mupi does not happen"),
        ({"flavour": "x"}, "e | mu | tau"),
        ({"tag": "x"}, "unknown tau decay mode 'x'"),
        ({"dirac": "maybe"}, "true or false"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values, message):
    with pytest.raises(InputError) as caught:
        prepare("tau_hnl", values)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_too_few_events_are_refused():
    with pytest.raises(InputError, match="give at least 1"):
        prepare("tau_hnl").generate(stream(1, "tau_hnl", "test", 0), 0)


@pytest.mark.parametrize("mass", [1e-3, 0.0011, 0.2114, 0.7753, 1.0015, 1.28, 1.6, 1.7, 1.77])
@pytest.mark.parametrize("flavour", ["e", "mu", "tau"])
def test_every_mass_gives_finite_events(mass, flavour):
    values = {"mass": mass, "flavour": flavour, "ctau": 1.0}
    if flavour != "e" and mass > M_TAU - M_MU:
        return
    _, batch = generate(values, 300)
    batch.validate()
    assert np.all(batch.mass >= 0.0)
