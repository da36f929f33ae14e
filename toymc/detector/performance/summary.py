"""Single numbers of a card, by name: what the published ones are compared with."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import M_MU
from toymc.detector.build import build_detector
from toymc.detector.covariance import SIGMAS, resolution_grid
from toymc.detector.identification import identification_probability
from toymc.detector.performance.averages import displaced_averages, kink_share
from toymc.detector.performance.grid import prompt_efficiency
from toymc.detector.tables import Detector
from toymc.geometry import DetectorCard
from toymc.streams import stream

FloatArray = npt.NDArray[np.float64]

# what, code, lowest and highest momentum (GeV), the working point of each experiment
_STANDARD: tuple[tuple[str, int, float, float, tuple[str, ...]], ...] = (
    ("muon_id", 13, 1.0, 3.0, ("muonID>0.9", "muIDBelle>0.9")),
    ("electron_id", 11, 1.0, 3.0, ("electronID>0.9", "eIDBelle>0.9")),
    ("kaon_id", 321, 0.5, 4.0, ("kaonID>0.6", "atcPIDBelle(3,2)>0.6")),
)
_FIT_P = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.0])


def two_terms(sigma: FloatArray, rising: FloatArray, falling: FloatArray) -> tuple[float, float]:
    """a, b of sigma^2 = (a rising)^2 + (b falling)^2, least squares of the relative deviations; 0 where negative."""
    weight = 1.0 / sigma**2
    design = np.stack([rising**2, falling**2], axis=1) * weight[:, None]
    found, *_ = np.linalg.lstsq(design, np.ones(len(sigma)), rcond=None)
    a, b = (math.sqrt(max(float(c), 0.0)) for c in found)
    return a, b


def chamber_alone(card: DetectorCard) -> DetectorCard:
    """The card without its silicon sensors (their material is gone too)."""
    tracking = card.tracking.model_copy(update={"silicon_layers": (), "silicon_sensors": ()})
    return card.model_copy(update={"tracking": tracking})


def _tracks(card: DetectorCard, ideal: bool) -> dict[str, float]:
    beta = _FIT_P / np.hypot(_FIT_P, M_MU)
    numbers: dict[str, float] = {}
    for prefix, which in (("", card), ("chamber_", chamber_alone(card))):
        table = resolution_grid(which, [M_MU], _FIT_P.tolist(), [90.0], ideal)[0, :, 0]
        sigma = dict(zip(SIGMAS, table.T, strict=True))
        a, b = two_terms(100.0 * sigma["sigma_pt_over_pt"], _FIT_P, 1.0 / beta)
        numbers |= {f"{prefix}pt_measurement_percent": a, f"{prefix}pt_scattering_percent": b}
        if not prefix:
            for name in ("d0", "z0"):
                a, b = two_terms(sigma[f"sigma_{name}_um"], np.ones_like(_FIT_P), 1.0 / (_FIT_P * beta))
                numbers |= {f"{name}_measurement_um": a, f"{name}_scattering_um": b}
                numbers[f"{name}_high_p_um"] = float(sigma[f"sigma_{name}_um"][-1])
    return numbers


def _finding(detector: Detector, seed: int) -> dict[str, float]:
    card = detector.card
    numbers: dict[str, float] = {}
    acceptance = card.tracking.acceptance
    low, high = (math.radians(a.value) for a in (acceptance.theta_min_deg, acceptance.theta_max_deg))
    theta = np.arccos(np.linspace(math.cos(high), math.cos(low), 402)[1:-1])
    for pt in (0.2, 0.3, 1.0):
        mean = float(np.mean(prompt_efficiency(card, pt / np.sin(theta), np.degrees(theta))))
        numbers[f"efficiency_pt_{pt:g}"] = mean
    for name, algorithm in card.finding.algorithms.items():
        decays, muons = displaced_averages(card, name, stream(seed, f"displaced {name}", "simulate", 0))
        numbers |= {f"displaced_decays_{name}": decays, f"displaced_muons_{name}": muons}
        numbers[f"kinks_{name}"] = kink_share(card, name, stream(seed, f"kinks {name}", "simulate", 0))
        numbers[f"fake_rate_{name}"] = algorithm.fake_rate.value
    for row in card.finding.uncertainties:
        names = {"tracking": "tracking_uncertainty_percent", "tracking_older": "tracking_uncertainty_older_percent"}
        if row.uncertainty in names:
            numbers[names[row.uncertainty]] = 100.0 * row.error
    return numbers


def _mean_probability(detector: Detector, point: str, code: int, low: float, high: float) -> float:
    """Probability averaged over momentum (flat), the cosine of the polar angle from 40 to 120 degrees, and charge."""
    cosines = np.cos(np.radians(np.linspace(40.0, 120.0, 41)))
    p, cosine = (grid.ravel() for grid in np.meshgrid(np.linspace(low, high, 60), cosines))
    theta = np.arccos(cosine)
    total = 0.0
    for sign in (1, -1):
        codes, charge = np.full(len(p), sign * code), np.full(len(p), sign)
        total += 0.5 * float(np.mean(identification_probability(detector, point, codes, p, theta, charge)))
    return total


def _identification(detector: Detector) -> dict[str, float]:
    points = detector.identification
    numbers: dict[str, float] = {}
    if {"muonID>0.5", "muonID>0.9"} <= set(points):
        curve = [
            tuple(_mean_probability(detector, name, code, 0.7, 4.0) for code in (13, 211))
            for name in ("muonID>0.5", "muonID>0.9")
        ]
        numbers["muon_id_fake_at_90"] = _at(0.90, curve)
    for name, code, low, high, names in _STANDARD:
        for point in (n for n in names if n in points):
            numbers[f"{name}_efficiency"] = _mean_probability(detector, point, code, low, high)
            numbers[f"{name}_fake"] = _mean_probability(detector, point, 211, low, high)
    if {"electronID>0.9", "electronID_BDT>0.9"} <= set(points):
        likelihood = _mean_probability(detector, "electronID>0.9", 211, 0.4, 1.0)
        tree = _mean_probability(detector, "electronID_BDT>0.9", 211, 0.4, 1.0)
        numbers["electron_bdt_gain"] = likelihood / max(tree, 1e-9)
    return numbers


def _at(efficiency: float, curve: list[tuple[float, ...]]) -> float:
    """Misidentification at an efficiency, its logarithm linear between the working points (and beyond them)."""
    (e1, f1), (e2, f2) = curve
    if e1 == e2 or min(f1, f2) <= 0.0:
        return math.nan
    return math.exp(math.log(f1) + (efficiency - e1) / (e2 - e1) * (math.log(f2) - math.log(f1)))


def _value(rows: list[dict[str, Any]], key: str, **where: Any) -> float:
    for row in rows:
        if all(row[name] == value for name, value in where.items()):
            return float(row[key])
    return math.nan


def _threshold(rows: list[dict[str, Any]], probe: str) -> float:
    """Where a rising curve reaches half of its last value, linear between points."""
    points = [(row["value_GeV"], row["probability"]) for row in rows if row["probe"] == probe]
    half = 0.5 * points[-1][1]
    for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):
        if y1 < half <= y2:
            return float(x1 + (half - y1) / (y2 - y1) * (x2 - x1))
    return math.nan


def summarise(card: DetectorCard, measured: dict[str, Any], ideal: bool = False, seed: int = 1) -> dict[str, float]:
    """Single numbers of a card by name.

    Parameters
    ----------
    card : DetectorCard
    measured : dict
        From `measure_performance` of the same card.
    ideal : bool
    seed : int

    Returns
    -------
    dict of str to float
        NaN where the measurement has no such number.

    Examples
    --------
    >>> # summarise(card, measure_performance(card))["d0_high_p_um"]
    """
    detector = build_detector(card, ideal)
    numbers = _tracks(card, ideal) | _finding(detector, seed) | _identification(detector)
    for row in measured["masses"]:
        numbers[f"mass_{row['name']}"] = row["sigma68_MeV"]
    for energy in (0.1, 1.0, 3.0):
        photons = measured["photons"]
        numbers[f"photon_barrel_{energy:g}"] = 100.0 * _value(photons, "sigma_E_over_E", region="barrel", E_GeV=energy)
        numbers[f"photon_angle_{energy:g}"] = _value(photons, "sigma_theta_mrad", region="barrel", E_GeV=energy)
    hadrons, curves = measured["neutral_hadrons"], measured["trigger"]
    numbers["KL_efficiency_1"] = _value(hadrons, "klm", particle="K_L", p_GeV=1.0)
    numbers["KL_efficiency_3"] = _value(hadrons, "klm", particle="K_L", p_GeV=3.0)
    numbers["KL_either_1"] = _value(hadrons, "either", particle="K_L", p_GeV=1.0)
    numbers["KL_either_2"] = _value(hadrons, "either", particle="K_L", p_GeV=2.0)
    numbers["KL_angle_deg"] = _value(hadrons, "sigma_angle_deg", particle="K_L", p_GeV=2.0)
    one = "one muon at 90 degrees, pT"
    numbers["trigger_one_track"] = _value(curves, "probability", probe=one, value_GeV=1.0)
    numbers["trigger_one_track_threshold"] = _threshold(curves, one)
    return numbers
