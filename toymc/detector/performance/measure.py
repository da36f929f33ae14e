"""Performance beyond the grid of track resolutions, measured on probes that go through the whole simulation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import ctau_cm, mass
from toymc.detector.build import build_detector
from toymc.detector.calorimeter import recover_bremsstrahlung
from toymc.detector.identification import identification_error, identification_probability
from toymc.detector.performance.grid import PDG_OF_SPECIES
from toymc.detector.performance.probes import decays, found_rows, isotropic, single, unit_vectors, width
from toymc.detector.simulate import simulate
from toymc.detector.tables import Detector
from toymc.detector.transport import transport
from toymc.detector.vertex import fit_pairs
from toymc.events import FATE_CONVERTED, Reconstruction
from toymc.geometry import DetectorCard
from toymc.streams import stream

FloatArray = npt.NDArray[np.float64]
Rows = list[dict[str, Any]]

_N = 20_000
PHOTON_ENERGIES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
_PID_P = (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
_PID_THETA = (40.0, 60.0, 90.0, 120.0)
_CONVERSION_RADII = (1.0, 1.3, 1.8, 3.0, 5.0, 9.0, 12.0, 14.5, 16.1, 16.4, 60.0, 112.0)
_KLM_P = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
_NEUTRAL_P = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_PI0_P = (0.2, 0.5, 1.0, 1.5, 2.0, 3.0)
_TRIGGER_PT = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0)
_TRIGGER_E = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 2.5, 3.0)
# cos(theta) of the mothers of mass peaks, lab frame: their daughters stay in the acceptance
_COSINES = (-0.7, 0.9)
# name, codes of mother and daughters, lowest and highest momentum in the lab (GeV)
_PEAKS: tuple[tuple[str, tuple[int, int, int], float, float], ...] = (
    ("Jpsi_mumu", (443, -13, 13), 0.5, 3.0),
    ("Jpsi_ee", (443, -11, 11), 0.5, 3.0),
    ("Jpsi_ee_recovered", (443, -11, 11), 0.5, 3.0),
    ("D0_Kpi", (421, -321, 211), 2.0, 4.5),
    ("phi_KK", (333, 321, -321), 0.5, 2.5),
    ("KS_pipi", (310, 211, -211), 0.3, 2.0),
    ("pi0_gammagamma", (111, 22, 22), 0.5, 2.0),
    ("eta_gammagamma", (221, 22, 22), 1.0, 3.0),
)


def measure_performance(
    card: DetectorCard, ideal: bool = False, seed: int = 1, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Measure what a card makes of photons, decays, displaced particles, muons, hadrons and triggers.

    Parameters
    ----------
    card : DetectorCard
    ideal : bool
        Tracks without tuning factors, see `detector_performance`.
    seed : int
        The same seed gives the same numbers; 20 000 probes a point, statistical error of a width 0.7 %.
    progress : callable, optional
        Called with the number of parts done and of all parts.

    Returns
    -------
    dict
        Lists of rows: photons, pi0, masses, displaced, conversions, identification, klm, neutral_hadrons, trigger; and
        tuning, the factors of the card.

    Examples
    --------
    >>> # measure_performance(load_card("belle2"))["masses"]
    """
    detector = build_detector(card, ideal)
    parts: tuple[tuple[str, Callable[[Detector, np.random.Generator], Rows]], ...] = (
        ("photons", photon_response), ("pi0", pi0_width), ("masses", mass_peaks), ("displaced", displaced_efficiency),
        ("conversions", conversions), ("identification", identification), ("klm", muon_detector),
        ("neutral_hadrons", neutral_hadrons), ("trigger", trigger_curves),
    )  # fmt: skip
    result: dict[str, Any] = {"tuning": tuning_factors(card, ideal)}
    for index, (name, part) in enumerate(parts):
        result[name] = part(detector, stream(seed, f"performance {name}", "simulate", 0))
        if progress is not None:
            progress(index + 1, len(parts))
    return result


def tuning_factors(card: DetectorCard, ideal: bool) -> dict[str, float]:
    """The named factors of the card; all 1 for the ideal calculation."""
    factors = card.tracking.tuning
    return {name: 1.0 if ideal else getattr(factors, name).value for name in type(factors).model_fields}


def photon_response(detector: Detector, rng: np.random.Generator) -> Rows:
    """Width and bias of energy and angles, efficiency, by energy (GeV) and region; half the central 68.3 %."""
    rows: Rows = []
    for region in ("fwd", "barrel", "bwd"):
        edges = getattr(detector.card.calorimeter.regions, region)
        low, high = edges.theta_min_deg.value, edges.theta_max_deg.value
        # the middle of the region: away from its edges by a crystal
        theta_low, theta_high = (math.radians(a) for a in (low + 0.15 * (high - low), high - 0.15 * (high - low)))
        for energy in PHOTON_ENERGIES:
            theta = rng.uniform(theta_low, theta_high, _N)
            phi = rng.uniform(-math.pi, math.pi, _N)
            reco = simulate(single(22, np.full(_N, energy), unit_vectors(theta, phi)), detector, rng)
            at = found_rows(reco.clusters.offsets, reco.clusters.truth, 0)
            seen = at >= 0
            c, k = reco.clusters, at[seen]
            ratio = c.energy[k] / energy
            turn = np.remainder(c.phi[k] - phi[seen] + math.pi, 2.0 * math.pi) - math.pi
            rows.append(
                {
                    "region": region, "E_GeV": energy, "sigma_E_over_E": width(ratio),
                    "median_E_over_E": float(np.median(ratio)) if len(k) else math.nan,
                    "sigma_theta_mrad": 1e3 * width(c.theta[k] - theta[seen]),
                    "sigma_phi_mrad": 1e3 * width(turn), "efficiency": float(seen.mean()),
                }
            )  # fmt: skip
    return rows


def _pair_mass(
    reco: Reconstruction, codes: tuple[int, int, int], detector: Detector, recover: bool = False
) -> FloatArray:
    """Mass of the two daughters (truth rows 1 and 2) where both were found; electrons with their photons if asked."""
    if codes[1] == 22:
        c = reco.clusters
        one, two = (found_rows(c.offsets, c.truth, row) for row in (1, 2))
        both = (one >= 0) & (two >= 0)
        one, two = one[both], two[both]
        cosine = np.sum(unit_vectors(c.theta[one], c.phi[one]) * unit_vectors(c.theta[two], c.phi[two]), axis=1)
        return np.asarray(np.sqrt(np.maximum(2.0 * c.energy[one] * c.energy[two] * (1.0 - cosine), 0.0)))
    t = reco.tracks
    one, two = (found_rows(t.offsets, t.truth, row) for row in (1, 2))
    both = (one >= 0) & (two >= 0)
    one, two = one[both], two[both]
    masses = (mass(codes[1]), mass(codes[2]))
    if codes[0] == 310:  # far from the beam: the momenta at the common vertex
        fit = fit_pairs(reco, one, two, masses, detector.card.field.solenoid_tesla.value)
        return np.asarray(fit.mass[fit.status == 0])
    source = recover_bremsstrahlung(reco, detector) if recover else t
    p = [np.stack([source.px[k], source.py[k], source.pz[k]], axis=1) for k in (one, two)]
    energy = sum(np.sqrt(np.sum(q * q, axis=1) + m * m) for q, m in zip(p, masses, strict=True))
    total = p[0] + p[1]
    return np.asarray(np.sqrt(np.maximum(energy**2 - np.sum(total * total, axis=1), 0.0)))


def mass_peaks(detector: Detector, rng: np.random.Generator) -> Rows:
    """Half of the central 68.3 % of two-body mass peaks (MeV), natural widths left out."""
    rows: Rows = []
    for name, codes, low, high in _PEAKS:
        p, axis = rng.uniform(low, high, _N), isotropic(rng, _N, *_COSINES)
        flight = None
        if codes[0] == 310:
            flight = rng.exponential(1.0, _N) * ctau_cm(310) * p / mass(310)
        reco = simulate(decays(mass(codes[0]), codes, p, axis, rng, flight), detector, rng)
        values = _pair_mass(reco, codes, detector, recover=name.endswith("recovered"))
        rows.append(
            {
                "name": name, "p_low_GeV": low, "p_high_GeV": high, "sigma68_MeV": 1e3 * width(values),
                "median_minus_mass_MeV": 1e3 * (float(np.median(values)) - mass(codes[0])) if len(values) else math.nan,
                "efficiency": len(values) / _N,
            }
        )  # fmt: skip
    return rows


def pi0_width(detector: Detector, rng: np.random.Generator) -> Rows:
    """Half of the central 68.3 % of the two-photon mass at 90 degrees, share with both photons found, by momentum."""
    rows: Rows = []
    for p in _PI0_P:
        axis = unit_vectors(np.full(_N, math.pi / 2.0), rng.uniform(-math.pi, math.pi, _N))
        reco = simulate(decays(mass(111), (111, 22, 22), np.full(_N, p), axis, rng), detector, rng)
        values = _pair_mass(reco, (111, 22, 22), detector)
        rows.append({"p_GeV": p, "sigma68_MeV": 1e3 * width(values), "efficiency": len(values) / _N})
    return rows


def displaced_efficiency(detector: Detector, rng: np.random.Generator) -> Rows:
    """Probability that muons are found, by production radius: straight from the beam, and in any direction.

    Momenta 0.5 to 3 GeV, polar angle (of the radius vector and of the momentum) between 17 and 150 degrees.
    """
    edges = np.concatenate([[0.0, 1.0], np.arange(5.0, 101.0, 5.0)])
    n = 4 * _N
    cosines = tuple(math.cos(math.radians(a)) for a in (150.0, 17.0))
    rho, place = rng.uniform(0.0, 100.0, n), isotropic(rng, n, *cosines)
    vertex = place * (rho / np.hypot(place[:, 0], place[:, 1]))[:, None]
    inside = (vertex[:, 2] > detector.card.regions.drift_chamber.z_min_cm.value) & (
        vertex[:, 2] < detector.card.regions.drift_chamber.z_max_cm.value
    )
    rho, place, vertex, n = rho[inside], place[inside], vertex[inside], int(inside.sum())
    columns = {}
    for name, direction in (("along_radius", place), ("any_direction", isotropic(rng, n, *cosines))):
        reco = simulate(single(13, rng.uniform(0.5, 3.0, n), direction, vertex), detector, rng)
        seen = found_rows(reco.tracks.offsets, reco.tracks.truth, 0) >= 0
        all_, good = np.histogram(rho, edges)[0], np.histogram(rho[seen], edges)[0]
        columns[name] = good / np.maximum(all_, 1)
        columns[f"average_{name}"] = float(seen.mean())
    return [
        {
            "rho_low_cm": float(edges[k]), "rho_high_cm": float(edges[k + 1]),
            **{name: float(columns[name][k]) for name in ("along_radius", "any_direction")},
        }
        for k in range(len(edges) - 1)
    ]  # fmt: skip


def conversions(detector: Detector, rng: np.random.Generator) -> Rows:
    """Probability that a photon has converted inside a radius, for three polar angles and two energies."""
    rows: Rows = []
    n = 10 * _N
    for theta in (90.0, 60.0, 30.0):
        for energy in (0.1, 1.0):
            phi = rng.uniform(-math.pi, math.pi, n)
            batch = single(22, np.full(n, energy), unit_vectors(np.full(n, math.radians(theta)), phi))
            moved = transport(batch, detector.card, rng)
            truth = moved.batch
            # the first electron of the pair marks the place
            converted = moved.fate[truth.offsets[:-1]] == FATE_CONVERTED
            electron = (truth.pdg == 11) & (truth.mother == 0) & converted[truth.event_index]
            rho = np.sort(np.hypot(truth.x[electron], truth.y[electron]))
            inside = np.searchsorted(rho, _CONVERSION_RADII) / n
            rows += [
                {"theta_deg": theta, "E_GeV": energy, "radius_cm": r, "probability": float(value)}
                for r, value in zip(_CONVERSION_RADII, inside, strict=True)
            ]
    return rows


def identification(detector: Detector, rng: np.random.Generator) -> Rows:
    """Efficiency and misidentification of every working point, mean of both charges."""
    rows: Rows = []
    p, theta = (grid.ravel() for grid in np.meshgrid(_PID_P, _PID_THETA, indexing="ij"))
    angles = np.radians(theta)
    for point in detector.identification:
        for species, code in PDG_OF_SPECIES.items():
            value, error = np.zeros(len(p)), np.zeros(len(p))
            for sign in (1, -1):
                arguments = (point, np.full(len(p), sign * code), p, angles, np.full(len(p), sign))
                probability = identification_probability(detector, *arguments)
                value += 0.5 * probability
                error += 0.5 * probability * identification_error(detector, *arguments)
            rows += [
                {
                    "working_point": point, "species": species, "p_GeV": float(p[k]), "theta_deg": float(theta[k]),
                    "probability": float(value[k]), "error": float(error[k]),
                }
                for k in range(len(p))
            ]  # fmt: skip
    return rows


def muon_detector(detector: Detector, rng: np.random.Generator) -> Rows:
    """Share of found tracks with a hit in the KLM and with the expected range, by species and momentum."""
    rows: Rows = []
    for species in ("mu", "pi", "K"):
        for theta in (90.0, 30.0):
            for p in _KLM_P:
                direction = unit_vectors(np.full(_N, math.radians(theta)), rng.uniform(-math.pi, math.pi, _N))
                t = simulate(single(PDG_OF_SPECIES[species], np.full(_N, p), direction), detector, rng).tracks
                n = max(len(t.d0), 1)
                expected = t.klm_expected >= 0
                rows.append(
                    {
                        "species": species, "theta_deg": theta, "p_GeV": p,
                        "expected": float(np.sum(expected)) / n,
                        "hit": float(np.sum(t.klm_layers >= 0)) / n,
                        "full_range": float(np.sum(expected & (t.klm_expected - t.klm_layers <= 1))) / n,
                    }
                )  # fmt: skip
    return rows


def neutral_hadrons(detector: Detector, rng: np.random.Generator) -> Rows:
    """Share of K_L and neutrons that leave a cluster in the KLM, in the ECL, in either; angular width (degrees)."""
    rows: Rows = []
    for name, code in (("K_L", 130), ("n", 2112)):
        for p in _NEUTRAL_P:
            direction = isotropic(rng, _N, math.cos(math.radians(120.0)), math.cos(math.radians(40.0)))
            reco = simulate(single(code, np.full(_N, p), direction), detector, rng)
            klm = found_rows(reco.klm.offsets, reco.klm.truth, 0)
            ecl = found_rows(reco.clusters.offsets, reco.clusters.truth, 0) >= 0
            seen = klm >= 0
            theta = np.arccos(direction[seen, 2])
            rows.append(
                {
                    "particle": name, "p_GeV": p, "klm": float(seen.mean()), "ecl": float(ecl.mean()),
                    "either": float((seen | ecl).mean()),
                    "sigma_angle_deg": math.degrees(width(reco.klm.theta[klm[seen]] - theta)),
                }
            )  # fmt: skip
    return rows


def trigger_curves(detector: Detector, rng: np.random.Generator) -> Rows:
    """Probability that an event is triggered: by two opposite muons or one muon of a pT, by one photon of an energy."""
    rows: Rows = []
    n = _N // 4

    def record(probe: str, value: float, reco: Reconstruction) -> None:
        lines = {
            name: float(np.mean(reco.trigger >> np.uint64(bit) & np.uint64(1)))
            for bit, name in enumerate(detector.trigger_lines)
        }
        fired = {name: share for name, share in lines.items() if share > 0.0}
        row = {"probe": probe, "value_GeV": value, "probability": float(reco.trigger_weight.mean()), "lines": fired}
        rows.append(row)

    for pt in _TRIGGER_PT:
        phi = rng.uniform(-math.pi, math.pi, n)
        one = unit_vectors(np.full(n, math.pi / 2.0), phi)
        record("one muon at 90 degrees, pT", pt, simulate(single(13, np.full(n, pt), one), detector, rng))
        pair = decays(2.0 * math.hypot(pt, mass(13)), (443, -13, 13), np.zeros(n), one, rng)
        record("two opposite muons, p", pt, simulate(pair, detector, rng))
    for energy in _TRIGGER_E:
        one = unit_vectors(np.full(n, math.pi / 2.0), rng.uniform(-math.pi, math.pi, n))
        record("one photon at 90 degrees, E", energy, simulate(single(22, np.full(n, energy), one), detector, rng))
    return rows
