"""Particle identification as probabilities (weights) and as draws, from tables or from the range of muons.

Working points of the card's tables have the card's names. Besides, ``muonID_range>x`` for any x from 0 up to 1 is the
likelihood ratio of the muon detector alone (`toymc.detector.muons.likelihood`): its probability comes out of the range
tables, its draw follows the layers that each track fired. The tables of muonID stay the default of the studies: they
hold published data, the range tables an ideal detector.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.detector.identification.tables import _lookup
from toymc.detector.muons.likelihood import muon_likelihood, range_probability, range_probability_of_tracks
from toymc.detector.tables import Detector, IdentificationTable
from toymc.errors import InputError
from toymc.events import Tracks

FloatArray = npt.NDArray[np.float64]

RANGE_PREFIX = "muonID_range>"
_MUON_COLUMN = 1
_ERRORS = {13: "error_mu", 211: "error_pi", 321: "error_K", 2212: "error_p"}


@dataclass(frozen=True)
class RangePoint:
    """A cut on the range likelihood."""

    threshold: float


def _working_point(detector: Detector, name: str) -> IdentificationTable | RangePoint:
    if name.startswith(RANGE_PREFIX):
        try:
            return RangePoint(float(name.removeprefix(RANGE_PREFIX)))
        except ValueError:
            raise InputError(f"working point '{name}': give a number, as in {RANGE_PREFIX}0.9") from None
    table = detector.identification.get(name)
    if table is None:
        known = ", ".join(detector.identification)
        raise InputError(
            f"unknown identification working point '{name}': card {detector.card.name} has {known}, and {RANGE_PREFIX}x"
        )
    return table


def _kaons(detector: Detector) -> bool:
    return detector.card.muons.likelihood.kaon_hypothesis.value


def _evaluate(
    table: IdentificationTable,
    values: FloatArray,
    pdg: npt.ArrayLike,
    p: npt.ArrayLike,
    theta: npt.ArrayLike,
    charge: npt.ArrayLike,
) -> FloatArray:
    codes = np.ascontiguousarray(pdg, dtype=np.int32)
    momenta = np.ascontiguousarray(p, dtype=np.float64)
    angles = np.ascontiguousarray(theta, dtype=np.float64)
    charges = np.ascontiguousarray(charge, dtype=np.int32)
    if not codes.shape == momenta.shape == angles.shape == charges.shape:
        raise InputError("pdg, p, theta and charge differ in length: give one entry of each for each track")
    out = np.empty(codes.shape)
    _lookup(values, table.p_edges, table.theta_edges, table.zero_below, codes, momenta, angles, charges, out)
    return out


def identification_probability(
    detector: Detector,
    working_point: str,
    true_pdg: npt.ArrayLike,
    p: npt.ArrayLike,
    theta: npt.ArrayLike,
    charge: npt.ArrayLike,
) -> FloatArray:
    """Probability that each track passes a working point.

    Parameters
    ----------
    detector : Detector
    working_point : str
        A name of the card, e.g. ``electronID>0.9``, or ``muonID_range>x``.
    true_pdg : int (n,)
        PDG code of the true particle (e, mu, pi, K, p; others give 0).
    p, theta : float64 (n,)
        Momentum in GeV and polar angle in rad, lab frame.
    charge : int (n,)
        Charge of the track.

    Returns
    -------
    float64 (n,)
        0 outside the table in theta; below it in p as the card says; above it in p its last cell.

    Raises
    ------
    InputError
        For an unknown working point or columns of different length.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> from toymc.detector import build_detector
    >>> d = build_detector(load_card("belle2"))
    >>> bool(identification_probability(d, "electronID>0.9", [11], [1.2], [1.5], [-1])[0] > 0.8)
    True
    """
    point = _working_point(detector, working_point)
    if isinstance(point, RangePoint):
        return range_probability(detector.klm, _kaons(detector), point.threshold, true_pdg, p, theta, charge)
    return _evaluate(point, point.value, true_pdg, p, theta, charge)


def identification_error(
    detector: Detector,
    working_point: str,
    true_pdg: npt.ArrayLike,
    p: npt.ArrayLike,
    theta: npt.ArrayLike,
    charge: npt.ArrayLike,
) -> FloatArray:
    """Relative uncertainty of `identification_probability` for each track (same arguments; 0 where that is 0).

    The card's absolute error divided by its value, both of the cell the track falls in; for ``muonID_range>x`` one
    number of the card for each species.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> from toymc.detector import build_detector
    >>> d = build_detector(load_card("belle2"))
    >>> bool(0.0 < identification_error(d, "muonID>0.9", [13], [1.2], [1.5], [-1])[0] < 0.2)
    True
    """
    point = _working_point(detector, working_point)
    if isinstance(point, RangePoint):
        codes = np.abs(np.asarray(true_pdg, dtype=np.int64))
        error = np.zeros(codes.shape)
        for code, name in _ERRORS.items():
            error[codes == code] = getattr(detector.card.muons.likelihood, name).value
        probability = identification_probability(detector, working_point, true_pdg, p, theta, charge)
        return np.where(probability > 0.0, error, 0.0)
    relative = np.divide(point.error, point.value, out=np.zeros_like(point.value), where=point.value > 0.0)
    return _evaluate(point, relative, true_pdg, p, theta, charge)


def identification_decision(
    detector: Detector, working_point: str, tracks: Tracks, probability: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether each track passes, drawn from its own `pid_uniform`.

    Parameters
    ----------
    detector : Detector
    working_point : str
    tracks : Tracks
    probability : float64 (n_tracks,)
        From `identification_probability` for the same working point; for ``muonID_range>x`` from
        `identification_probability_of_tracks`, which follows the layers of each track.

    Returns
    -------
    bool (n_tracks,)
        For two working points of the same draw, the tighter one passes a subset of the looser one.

    Raises
    ------
    InputError
        For an unknown working point or a probability of the wrong length.
    """
    point = _working_point(detector, working_point)
    if isinstance(point, RangePoint):
        column, mirrored = _MUON_COLUMN, False
    else:
        column, mirrored = point.column, point.mirrored
    uniform = tracks.pid_uniform[:, column]
    if len(probability) != len(uniform):
        raise InputError(f"probability has {len(probability)} entries for {len(uniform)} tracks: give one for each")
    passed: npt.NDArray[np.bool_] = (1.0 - uniform if mirrored else uniform) < probability
    return passed


def identification_probability_of_tracks(
    detector: Detector, working_point: str, true_pdg: npt.ArrayLike, tracks: Tracks
) -> FloatArray:
    """Probability that decides each track: from its momentum and angle, or given the layers it fired.

    Parameters
    ----------
    detector : Detector
    working_point : str
    true_pdg : int (n_tracks,)
        PDG code of the particle that each track is matched to.
    tracks : Tracks

    Returns
    -------
    float64 (n_tracks,)
        For `identification_decision`. Averaged over tracks of one momentum and angle it is
        `identification_probability`.

    Raises
    ------
    InputError
        For an unknown working point or columns of different length.
    """
    point = _working_point(detector, working_point)
    if isinstance(point, RangePoint):
        return range_probability_of_tracks(detector.klm, _kaons(detector), point.threshold, true_pdg, tracks)
    p = np.sqrt(tracks.px**2 + tracks.py**2 + tracks.pz**2)
    theta = np.arctan2(np.hypot(tracks.px, tracks.py), tracks.pz)
    return identification_probability(detector, working_point, true_pdg, p, theta, tracks.charge)


def muon_range_likelihood(detector: Detector, true_pdg: npt.ArrayLike, tracks: Tracks) -> FloatArray:
    """Drawn likelihood ratio of the muon detector of each track: the variable that ``muonID_range>x`` cuts on.

    Parameters
    ----------
    detector : Detector
    true_pdg : int (n_tracks,)
        PDG code of the particle that each track is matched to.
    tracks : Tracks

    Returns
    -------
    float64 (n_tracks,)
        Between 0 and 1; 0 for tracks that a muon would not reach the muon detector with.
    """
    return muon_likelihood(detector.klm, _kaons(detector), true_pdg, tracks)
