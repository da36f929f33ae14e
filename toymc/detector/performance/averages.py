"""The samples behind the published averages of displaced tracks and kinks."""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import M_MU
from toymc.detector.build import build_detector
from toymc.detector.covariance.exact import exact_covariance, tracker
from toymc.detector.finding import count_layers, finding_tables
from toymc.detector.finding.public import _probability_rows
from toymc.detector.performance.probes import decays, found_rows, isotropic, single
from toymc.detector.simulate import simulate
from toymc.events import FATE_DECAYED_CDC
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]

_N = 20_000
_LEAST_WIRES = 7
"""Wire layers that a particle must cross to be counted, as in the publications."""


def _cosines(card: DetectorCard) -> tuple[float, float]:
    acceptance = card.tracking.acceptance
    low, high = acceptance.theta_max_deg.value, acceptance.theta_min_deg.value
    return math.cos(math.radians(low)), math.cos(math.radians(high))


def _mean(card: DetectorCard, algorithm: str, state: FloatArray, charge: FloatArray, strips: bool) -> float:
    """Mean probability of those in the acceptance that cross enough wire layers."""
    tables = finding_tables(card, algorithm)
    crossed, d0, z0 = count_layers(card, state, charge)
    hits = exact_covariance(tracker(card), state, charge, M_MU)[1]
    layers = np.where(hits[:, :1] >= 0, hits[:, 1:], 0)
    if not strips:
        layers[:, 0] = 0
    pt = np.hypot(state[:, 3], state[:, 4])
    cosine = state[:, 5] / np.hypot(pt, state[:, 5])
    low, high = _cosines(card)
    counted = (cosine > low) & (cosine < high) & (pt > card.tracking.acceptance.pt_min.value)
    counted &= crossed[:, 1] >= _LEAST_WIRES
    found = np.empty(len(charge))
    _probability_rows(state, d0, z0, layers, tables.numbers, tables.efficiency, found)
    return float(found[counted].mean()) if counted.any() else math.nan


def displaced_averages(card: DetectorCard, algorithm: str, rng: np.random.Generator) -> tuple[float, float]:
    """Efficiency per track of two published samples with one of the card's algorithms.

    Displaced two-body decays (arXiv:2411.13596): neutral particles of 0.5 to 5 GeV and 1 GeV mass decay into two muons,
    uniformly along their flight inside the chamber; the chamber alone. Displaced muons (arXiv:2602.10897): 0.05 to 6
    GeV, production radius uniform to 100 cm, any direction; chamber and strips. What the abstracts leave open (mass,
    momenta) is chosen here; the first average changes by less than a tenth between masses of 0.5 and 2 GeV.

    Parameters
    ----------
    card : DetectorCard
    algorithm : str
        A name of the card's finding section.
    rng : numpy.random.Generator

    Returns
    -------
    (float, float)
        Decays, muons. Statistical error 0.003.
    """
    chamber = card.regions.drift_chamber
    axis = isotropic(rng, _N, *_cosines(card))
    p = rng.uniform(0.5, 5.0, _N)
    sine, cosine = np.hypot(axis[:, 0], axis[:, 1]), axis[:, 2]
    ends = np.where(cosine > 0.0, chamber.z_max_cm.value, chamber.z_min_cm.value)
    flight = np.minimum(chamber.radius_cm.value / sine, ends / np.where(np.abs(cosine) > 1e-9, cosine, 1e-9))
    batch = decays(1.0, (35, -13, 13), p, axis, rng, rng.random(_N) * flight)
    rows = np.stack([batch.x, batch.y, batch.z, batch.px, batch.py, batch.pz], axis=1).reshape(_N, 3, 6)
    state = np.ascontiguousarray(rows[:, 1:].reshape(-1, 6))
    pairs = _mean(card, algorithm, state, np.tile([1.0, -1.0], _N), strips=False)
    place = isotropic(rng, 2 * _N, *_cosines(card))
    vertex = place * (rng.uniform(0.0, 100.0, 2 * _N) / np.hypot(place[:, 0], place[:, 1]))[:, None]
    momentum = isotropic(rng, 2 * _N, *_cosines(card)) * rng.uniform(0.05, 6.0, 2 * _N)[:, None]
    charge = np.where(rng.random(2 * _N) < 0.5, 1.0, -1.0)
    return pairs, _mean(card, algorithm, np.hstack([vertex, momentum]), charge, strips=True)


def kink_share(card: DetectorCard, algorithm: str, rng: np.random.Generator) -> float:
    """Share of decays of pions and kaons inside the chamber of which both mother and daughter become tracks.

    Momenta of 0.2 to 2.5 GeV, kink between the first wires and 100 cm; mean of pions and kaons. arXiv:2511.14171 asks
    for hits of both besides, so this share lies below its definition by the kinks near the edges.

    Returns
    -------
    float
        NaN where nothing decays. Statistical error 0.01.
    """
    detector = build_detector(card, finding=algorithm)
    first = min(wires.waist_radius_cm for wires in card.tracking.chamber)
    shares = []
    for code in (211, 321):
        n = 5 * _N
        batch = single(code, rng.uniform(0.2, 2.5, n), isotropic(rng, n, *_cosines(card)))
        reco = simulate(batch, detector, rng)
        truth, t = reco.truth, reco.tracks
        event = truth.event_index
        decayed = reco.fate[truth.offsets[:-1]] == FATE_DECAYED_CDC
        rho = np.hypot(truth.x, truth.y)
        daughter = (truth.mother == 0) & np.isin(np.abs(truth.pdg), (11, 13, 211)) & decayed[event]
        daughter &= (rho > first) & (rho < 100.0)
        # decays into one charged particle: a kink
        single_daughter = np.bincount(event[daughter], minlength=n) == 1
        daughter &= single_daughter[event]
        row = np.zeros(n, dtype=np.int64)
        row[event[daughter]] = np.flatnonzero(daughter) - truth.offsets[event[daughter]]
        mother_found = found_rows(t.offsets, t.truth, 0) >= 0
        seen = np.zeros(n, dtype=bool)
        owner = t.event_index
        seen[owner[t.truth == row[owner]]] = True
        counted = row > 0
        shares.append(float((mother_found & seen)[counted].mean()) if counted.any() else math.nan)
    return float(np.mean(shares))
