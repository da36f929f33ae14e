"""tau -> l alpha with an invisible alpha, l = e, mu [Belle II, PRL 130 (2023) 181803, arXiv:2212.03634].

One tau decays to three charged hadrons (tag), the other to one lepton. The lepton energy in the pseudo-rest frame of
its tau (energy sqrt(s)/2, direction opposite to the tag), x = 2 E / m_tau, is smeared for tau -> l nu nu and peaks for
tau -> l alpha. Model of the spectrum, with N_lnunu and N_b floating freely:

    N(x) = N_lnunu R (eff_la / eff_lnunu) f_la(x) + N_lnunu f_lnunu(x) + N_b f_b(x),   R = B(l alpha) / B(l nu nu)
"""

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from toymc.analysis.candidates import electron_veto, track_columns
from toymc.analysis.three_by_one import STAGES, three_by_one
from toymc.analysis.weights import (
    EFFICIENCY_SOURCE,
    MISID_SOURCE,
    EventWeights,
    Factor,
    combine,
    identification_factors,
    pi0_count_factor,
    split_by_bins,
)
from toymc.detector import Detector, identification_error, identification_probability
from toymc.errors import InputError
from toymc.events import Reconstruction
from toymc.generators.processes import PreparedProcess
from toymc.generators.tau.modes import MODE_NAMES, branching_fractions
from toymc.geometry.beam import load_beam
from toymc.inference import Channel as ModelChannel
from toymc.inference import HistoSys, Model, NormFactor, StatError
from toymc.inference import Sample as ModelSample
from toymc.inference.projections import Floor
from toymc.studies.study import Channel, Columns, Hypothesis, Sample, Spectra, Spectrum, Study, published

Lepton = Literal["e", "mu"]
LEPTONS: tuple[Lepton, ...] = ("e", "mu")
PUBLISHED = published("tau_l_alpha")
MASSES = tuple(PUBLISHED["e"]["masses_GeV"])
PAIRS_PER_FB = published("common")["tau_pair_cross_section_nb"]["value"] * 1e6
WORKING_POINT = {"e": "electronID>0.9", "mu": "muonID>0.9"}
DECAY = {"e": "e_nu_nu", "mu": "mu_nu_nu"}
# Decay of the signal-side tau -> events at scale 1. tau -> l nu nu needs a few times the data (3.0 million pairs each);
# hadrons count with their misidentification as weight, so that fewer do.
TAU_SAMPLES = {"e_nu_nu": 12_000_000, "mu_nu_nu": 12_000_000, "one_prong_hadronic": 6_000_000}
STANDARD_MODEL = (*(f"tau_{decay}" for decay in TAU_SAMPLES), "continuum")
PDG = {"e": 11, "mu": 13}
CARD = "belle2"
# bins of 0.017 in x over [0, 2], as published; the last one ends at 2.006
EDGES: npt.NDArray[np.float64] = 0.017 * np.arange(119, dtype=np.float64)
# A template bin with fewer simulated events than this carries no usable statistical error: both tails end there.
MINIMUM_RAW_EVENTS = 10
# the parameter of interest counts R in thousandths, so that it is of order one
UNIT = 1e-3

# Table I of the publication lists four cuts. That photons outside pi0 candidates and electrons among the tag tracks are
# vetoed is taken from the public 3x1 analysis code of the same group (tau mass, selection "phase3_3pi") [R].
_NO_PHOTON = "nPhotons_1prong == 0 and nPhotons_3prong == 0"
_THETA_MISS = "0.34907 < missingMomentumOfEventCMS_theta < 2.79253"
CUTS = {
    "e": {
        "thrust": "0.90 < thrust < 0.99",
        "20 < theta_miss < 160 deg": _THETA_MISS,
        "tag energy": "1.2 < tag3hEnergyCMS < 5.3",
        "tag mass": "0.5 < tag3hM < 1.7",
        "no further photon": _NO_PHOTON,
    },
    "mu": {
        "thrust": "0.90 < thrust < 1.00",
        "20 < theta_miss < 160 deg": _THETA_MISS,
        "tag energy": "1.1 < tag3hEnergyCMS < 5.3",
        "tag mass": "0.4 < tag3hM < 1.7",
        "no further photon": _NO_PHOTON,
    },
}
TEMPLATES = ("direct", "other")
ID_BINS = {lepton: PUBLISHED["systematics"]["lepton_id_bins_GeV"][lepton] for lepton in LEPTONS}
SOURCES = {
    lepton: (
        *(f"{source}{part}" for source in (EFFICIENCY_SOURCE[lepton], MISID_SOURCE[lepton])
          for part in ("", *(f"_bin{k}" for k in range(len(ID_BINS[lepton]) + 1)))),
        "trigger",
        "pi0_efficiency",
    )
    for lepton in LEPTONS
}  # fmt: skip


def _pairs(process: PreparedProcess, luminosity_fb: float) -> float:
    """tau pairs in data: the weights carry the branching fractions."""
    return float(luminosity_fb * PAIRS_PER_FB)


def _cross_section(process: PreparedProcess, luminosity_fb: float) -> float:
    return luminosity_fb * process.cross_section_fb


def _signal(lepton: Lepton, mass: float) -> Sample:
    parameters = {"signal": f"{lepton}_alpha", "mass": mass, "tag": "three_prong"}
    return Sample(f"{lepton}_alpha_{mass:g}", "tau_pair", parameters, 400_000, _pairs, (lepton,))


def _samples() -> tuple[Sample, ...]:
    both = ("e", "mu")
    pairs = [
        Sample(f"tau_{decay}", "tau_pair", {"decay": decay, "tag": "three_prong"}, events, _pairs, both)
        for decay, events in TAU_SAMPLES.items()
    ]
    signals = [_signal(lepton, mass) for lepton in LEPTONS for mass in MASSES]
    return (
        *pairs,
        Sample("continuum", "continuum", {}, 1_500_000, _cross_section, both, estimate="tau_l_alpha_continuum.json"),
        *signals,
    )


def _observe(reco: Reconstruction) -> tuple[Columns, npt.NDArray[np.int8]]:
    beam = load_beam(CARD)
    found = three_by_one(reco, beam.boost, beam.sqrt_s)
    for name in ("tag1", "tag2", "tag3"):
        found.columns.update(track_columns(reco, found.columns["event"], found.columns[f"{name}_row"], name))
    found.columns["signal_origin"] = _mother_pdg(reco, found.columns)
    return found.columns, found.stage


def _mother_pdg(reco: Reconstruction, columns: Columns) -> npt.NDArray[np.int64]:
    """PDG code of the mother of the true particle behind the signal track, 0 for none."""
    truth, row = reco.truth, reco.tracks.truth[columns["signal_row"]]
    first = truth.offsets[columns["event"]]
    mother = np.where(row >= 0, truth.mother[first + np.maximum(row, 0)], -1)
    return np.where(mother >= 0, truth.pdg[first + np.maximum(mother, 0)], 0)


def _classify(lepton: Lepton, columns: Columns) -> npt.NDArray[np.int64]:
    """0 for the lepton of the channel straight from a tau (tau -> l nu nu in the Standard Model), 1 for the rest."""
    direct = (np.abs(columns["signal_pdg"]) == PDG[lepton]) & (np.abs(columns["signal_origin"]) == 15)
    return np.where(direct, 0, 1)


def _trigger_factor(lepton: Lepton, momentum: npt.NDArray[np.float64]) -> Factor:
    """Trigger uncertainty: the range of Table II, over the turn-on of the calorimeter lines."""
    table = PUBLISHED["systematics"][f"trigger_{lepton}"]
    least, most = table["relative"]
    relative = np.interp(momentum, PUBLISHED["systematics"]["trigger_turn_on_GeV"]["value"], (most, least))
    return Factor("trigger", np.ones_like(relative), 1.0 + relative, 1.0 - relative)


def _identification_error(
    lepton: Lepton, kind: str, relative: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Relative uncertainty up and down: shape in (p, theta) of the card, size and largest value of Table II."""
    table = PUBLISHED["systematics"][f"{'electron' if lepton == 'e' else 'muon'}_{kind}"]
    scaled = relative / table["card_average"]
    largest = table["relative"][1]
    return np.minimum(scaled * table["average_up"], largest), np.minimum(scaled * table["average_down"], largest)


def _lepton_factors(lepton: Lepton, columns: Columns, detector: Detector) -> list[Factor]:
    """Identification of the signal track, with efficiency and misidentification as separate sources."""
    track = [columns[f"signal_{name}"] for name in ("pdg", "p", "theta", "charge")]
    probability = identification_probability(detector, WORKING_POINT[lepton], *track)
    relative = identification_error(detector, WORKING_POINT[lepton], *track)
    true_lepton = np.abs(columns["signal_pdg"]) == PDG[lepton]
    efficiency = _identification_error(lepton, "id", relative)
    misid = _identification_error(lepton, "misid", relative)
    error = tuple(np.where(true_lepton, a, b) for a, b in zip(efficiency, misid, strict=True))
    share = PUBLISHED["systematics"]["lepton_id_common_share"]["value"]
    factors = identification_factors(lepton, probability, (error[0], error[1]), columns["signal_pdg"])
    return [part for factor in factors for part in split_by_bins(factor, columns["signal_p"], ID_BINS[lepton], share)]


def _weigh(lepton: Lepton, columns: Columns, detector: Detector) -> EventWeights:
    """Identification as a weight, so that every simulated hadron tells about misidentification; pi0 veto; trigger.

    No tag track is an electron (E/p < 0.8 in the public code).
    """
    pi0 = PUBLISHED["systematics"]["pi0_efficiency"]
    factors = [
        *_lepton_factors(lepton, columns, detector),
        _trigger_factor(lepton, columns["signal_p"]),
        pi0_count_factor(columns["nPi0s"], pi0["value"], pi0["error"]),
    ]
    veto = electron_veto(columns, ("tag1", "tag2", "tag3"), detector)
    return combine(columns["weight"] * columns["triggerWeight"] * veto, factors)


def _channel(lepton: Lepton) -> Channel:
    return Channel(
        name=lepton,
        cuts=CUTS[lepton],
        observable=f"signalLeptonEnergyFraction_{lepton}",
        edges=EDGES,
        label=r"$x_{e}$ in the pseudo-rest frame" if lepton == "e" else r"$x_{\mu}$ in the pseudo-rest frame",
        weigh=partial(_weigh, lepton),
        classify=partial(_classify, lepton),
        templates=TEMPLATES,
        sources=SOURCES[lepton],
    )


def fitted_bins(spectra: Spectra, lepton: str) -> slice:
    """Bins of the fit: from the first to the last in which the Standard Model has enough simulated events."""
    raw = np.sum([s.raw for s in _standard_model(spectra, lepton).values()], axis=0)
    filled = np.flatnonzero(raw >= MINIMUM_RAW_EVENTS)
    if len(filled) == 0:
        raise InputError(f"channel {lepton}: no bin has {MINIMUM_RAW_EVENTS} simulated events: raise --scale")
    # the longest run without a gap
    runs = np.split(filled, np.flatnonzero(np.diff(filled) > 1) + 1)
    longest = max(runs, key=len)
    return slice(int(longest[0]), int(longest[-1]) + 1)


def _standard_model(spectra: Spectra, lepton: str) -> Spectra:
    return {key: s for key, s in spectra.items() if key[0] in STANDARD_MODEL and key[1] == lepton}


def _model_sample(
    name: str, spectrum: Spectrum, bins: slice, lepton: Lepton, factors: Sequence[str], sources: Sequence[str],
    statistics: bool, unit: float = 1.0,
) -> ModelSample:  # fmt: skip
    """A sample of the likelihood: free factors, one correlated shape per source, statistics of the simulation."""
    shapes = [
        HistoSys(f"{source}_{lepton}", unit * spectrum.down[source][bins], unit * spectrum.up[source][bins])
        for source in SOURCES[lepton]
        if source in sources
    ]
    statistical = [StatError(f"simulation_{lepton}", np.sqrt(spectrum.variance[bins]))] if statistics else []
    free = [NormFactor(factor) for factor in factors]
    return ModelSample(name, unit * spectrum.nominal[bins], (*free, *shapes, *statistical))


def _hypotheses(spectra: Spectra, sources: Sequence[str]) -> list[Hypothesis]:
    found = []
    for lepton in LEPTONS:
        bins = fitted_bins(spectra, lepton)
        lnunu = _tau_pairs(spectra, lepton, "direct")
        # a few true electrons and muons carry most of the weight of the continuum: its shape is smoothed
        other = _tau_pairs(spectra, lepton, "other") + _both(spectra, "continuum", lepton).smoothed()
        standard_model = (
            _model_sample("lnunu", lnunu, bins, lepton, [f"N_lnunu_{lepton}"], sources, True),
            _model_sample("background", other, bins, lepton, [f"N_b_{lepton}"], sources, True),
        )
        for mass in MASSES:
            name = f"{lepton}_alpha_{mass:g}"
            poi = f"R_{name}"
            signal = _model_sample(
                name, _both(spectra, name, lepton), bins, lepton, [poi, f"N_lnunu_{lepton}"], sources, False,
                UNIT * _leptonic_fraction(lepton),
            )  # fmt: skip
            model = Model((ModelChannel(lepton, (signal, *standard_model)),), poi=poi, name=name)
            found.append(
                Hypothesis(
                    parameters={"channel": lepton, "mass_GeV": mass},
                    model=model,
                    unit=UNIT,
                    sample=name,
                    background=float(sum(s.nominal.sum() for s in _standard_model(spectra, lepton).values())),
                    multiplicity=2.0,
                )
            )
    return found


def _leptonic_fraction(lepton: Lepton) -> float:
    """B(tau -> l nu nu) as generated."""
    return float(branching_fractions()[MODE_NAMES.index(DECAY[lepton])])


def _tau_pairs(spectra: Spectra, lepton: str, template: str) -> Spectrum:
    """All Standard Model tau pairs in a template of a channel."""
    first, *others = (spectra[f"tau_{decay}", lepton, template] for decay in TAU_SAMPLES)
    return reduce(Spectrum.__add__, others, first)


def _both(spectra: Spectra, sample: str, lepton: Lepton) -> Spectrum:
    """All of a sample in a channel, whatever the true particle behind the lepton."""
    return spectra[sample, lepton, "direct"] + spectra[sample, lepton, "other"]


def _inject(signal: Mapping[str, str | float]) -> tuple[Sample, float]:
    """A signal of any mass with R = value in one channel."""
    channel, mass, value = (signal.get(key) for key in ("channel", "mass_GeV", "value"))
    if channel not in LEPTONS or not isinstance(mass, float) or not isinstance(value, float) or not value >= 0.0:
        raise InputError(f"signal {dict(signal)}: give channel = e or mu, mass_GeV, and value = R >= 0")
    lepton: Lepton = "e" if channel == "e" else "mu"
    return _signal(lepton, mass), value * _leptonic_fraction(lepton)


def _published() -> list[dict[str, Any]]:
    """The electron channel; the muon table is not among the published numbers that are at hand."""
    table = PUBLISHED["e"]
    rows = []
    for i, mass in enumerate(MASSES):
        for cl, observed in ((0.95, table["observed_95"]), (0.90, table["observed_90"])):
            row: dict[str, Any] = {
                "parameters": {"channel": "e", "mass_GeV": mass},
                "cl": cl,
                "observed": observed[i],
                "value": table["fit_value"][i],
                "error": table["fit_error"][i],
                "source": table["source"],
                "tag": table["tag_table"],
            }
            if cl == 0.95:
                row["expected"] = table["expected_95"][i]
                row["note"] = "1.96 x published fit error"
            rows.append(row)
    return rows


TAU_L_ALPHA = Study(
    name="tau_l_alpha",
    title=PUBLISHED["title"],
    reference=PUBLISHED["reference"],
    limit_on=PUBLISHED["limit_on"],
    card=CARD,
    luminosity_fb=PUBLISHED["luminosity_fb"]["value"],
    confidence_levels=(0.95, 0.90),
    samples=_samples(),
    channels=tuple(_channel(lepton) for lepton in LEPTONS),
    stages=STAGES,
    observe=_observe,
    hypotheses=_hypotheses,
    fitted_bins=fitted_bins,
    sources=tuple(dict.fromkeys(source for lepton in LEPTONS for source in SOURCES[lepton])),
    standard_model=STANDARD_MODEL,
    inject=_inject,
    reactions=("E+ E- --> TAU+ TAU-",),
    published=_published,
    floors={name: Floor(**entry) for name, entry in PUBLISHED["floors"].items()},
    notes=(
        "Identification enters as a weight per track, so that misidentified hadrons carry small weights.",
        "N_lnunu and N_b float freely in each channel; one background shape of other tau decays and e+e- -> qq.",
        "Efficiencies are per tau -> l alpha, the branching fraction of the three-prong tag included.",
        "Four-lepton final states are not part of the background.",
    ),
)
