"""Candidates: the best one of an event, and the properties of the tracks in it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.selection import Columns, Formula
from toymc.detector import Detector, identification_probability
from toymc.errors import InputError
from toymc.events import Reconstruction
from toymc.kernels import kernel
from toymc.lane_math import atan2_of
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, root

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def best_candidate(columns: Columns, by: str, lowest: bool = True, event: str = "event") -> BoolArray:
    """Keep one row per event: the one with the lowest (or highest) value of an expression.

    Parameters
    ----------
    columns : table of arrays (n_rows,)
        Rows of one event need not be neighbours.
    by : str
        Expression in the cut language, e.g. ``"abs(deltaE)"``.
    lowest : bool
        False keeps the highest value.
    event : str
        Column that tells events apart.

    Returns
    -------
    bool (n_rows,)
        True for one row of every event. Ties go to the first row; a NaN loses against any number (as in basf2's
        rankByLowest).

    Raises
    ------
    InputError
        If `by` cannot be evaluated or the table lacks the event column.

    Examples
    --------
    >>> table = {"event": np.array([0, 0, 1]), "deltaE": np.array([0.02, -0.01, 0.3])}
    >>> best_candidate(table, "abs(deltaE)")
    array([False,  True,  True])
    """
    value = Formula(by).evaluate(columns)
    if event not in columns:
        raise InputError(f"the table has no column '{event}' to tell events apart: it has {', '.join(columns)}")
    index = np.asarray(columns[event])
    if index.shape != value.shape:
        raise InputError(f"column '{event}' has {index.shape} entries, '{by}' has {value.shape}")
    key = value if lowest else -value  # NaN sorts last either way
    order = np.lexsort((np.arange(len(key)), key, index))
    first = np.ones(len(key), dtype=np.bool_)
    first[1:] = index[order][1:] != index[order][:-1]
    mask = np.zeros(len(key), dtype=np.bool_)
    mask[order[first]] = True
    return mask


@kernel
def _polar(rows, px, py, pz, n, p, pt, theta):
    """Momentum, its transverse part and polar angle of the tracks `rows`; the arrays end on a multiple of WIDTH."""
    for i in range(n):
        p[i], pt[i], theta[i] = px[rows[i]], py[rows[i]], pz[rows[i]]
    p[n:], pt[n:], theta[n:] = 1.0, 0.0, 0.0
    for i in range(0, n, WIDTH):
        x, y, z = loaded(p, i), loaded(pt, i), loaded(theta, i)
        pt2 = x * x + y * y
        across = root(pt2)
        stored(p, i, root(pt2 + z * z))
        stored(pt, i, across)
        stored(theta, i, atan2_of(across, z))


def track_columns(reco: Reconstruction, event: IntArray, rows: IntArray, prefix: str) -> dict[str, npt.NDArray[Any]]:
    """Columns ``<prefix>_p, _pt, _theta, _charge, _pdg`` of one track per event, laboratory frame.

    Parameters
    ----------
    reco : Reconstruction
    event, rows : int64 (n,)
        Row of the event in the batch and of the track in the track table.
    prefix : str

    Returns
    -------
    dict of str to array (n,)
        Momenta in GeV, polar angle in rad; pdg 0 for a track that no true particle belongs to.
    """
    tracks = reco.tracks
    n = len(rows)
    p, pt, theta = (np.empty(n + -n % WIDTH) for _ in range(3))
    _polar(rows, tracks.px, tracks.py, tracks.pz, n, p, pt, theta)
    pdg = np.zeros(len(rows), dtype=np.int64)
    truth = tracks.truth[rows]
    matched = truth >= 0
    pdg[matched] = reco.truth.pdg[reco.truth.offsets[event[matched]] + truth[matched]]
    return {
        f"{prefix}_p": p[:n],
        f"{prefix}_pt": pt[:n],
        f"{prefix}_theta": theta[:n],
        f"{prefix}_charge": tracks.charge[rows].astype(np.float64),
        f"{prefix}_pdg": pdg,
    }


def electron_veto(
    columns: Columns, prefixes: Sequence[str], detector: Detector, working_point: str = "electronID>0.5"
) -> npt.NDArray[np.float64]:
    """Probability that none of some tracks is identified as an electron, float64 (n,).

    Parameters
    ----------
    columns : table of arrays (n,)
        With the columns of `track_columns` for every prefix.
    prefixes : sequence of str
    detector : Detector
    working_point : str
        Of the card.
    """
    probability = np.ones(len(columns["event"]))
    for name in prefixes:
        track = [columns[f"{name}_{quantity}"] for quantity in ("pdg", "p", "theta", "charge")]
        probability *= 1.0 - identification_probability(detector, working_point, *track)
    return probability
