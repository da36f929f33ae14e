"""Efficiency and its uncertainty for tracks, by array."""

import math

import numpy as np
import numpy.typing as npt

from toymc.detector.finding.found import _probability
from toymc.detector.finding.layers import count_layers
from toymc.detector.finding.tables import finding_tables
from toymc.detector.tables import Detector
from toymc.errors import InputError
from toymc.geometry.numbers import SPECIES
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]


@kernel
def _probability_rows(state, d0, z0, hits, numbers, efficiency, out):
    flat, columns = efficiency.reshape(-1), efficiency.shape[1]
    for i in range(len(out)):
        s = state[i]
        pt = math.sqrt(s[3] * s[3] + s[4] * s[4])
        rho = math.sqrt(s[0] * s[0] + s[1] * s[1])
        out[i] = _probability(pt, s[5] / pt, rho, d0[i], z0[i], hits[i, 0], hits[i, 1], numbers, flat, columns)


def tracking_efficiency(
    detector: Detector,
    species: str,
    p: npt.ArrayLike,
    theta: npt.ArrayLike,
    rho: npt.ArrayLike = 0.0,
    finding: str | None = None,
) -> FloatArray:
    """Probability that a charged particle is found that flies straight away from the interaction point.

    It is made at radius rho on the line at polar angle theta and leaves a hit in every layer that its helix crosses
    within half a turn. Particles that decay or interact on the way are the transport's business: the efficiency of one
    that lives is the same for every species.

    Parameters
    ----------
    detector : Detector
    species : str
        e, mu, pi, K or p.
    p, theta, rho : float64, of one shape or numbers
        Momentum in GeV, polar angle in rad, production radius in cm.
    finding : str, optional
        Another algorithm of the card than the detector's.

    Returns
    -------
    float64

    Raises
    ------
    InputError
        For an unknown species or algorithm, a momentum or radius that is negative or not finite.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> from toymc.detector import build_detector
    >>> d = build_detector(load_card("belle2"))
    >>> tracking_efficiency(d, "pi", 0.8, 1.57, [0.0, 60.0]).round(2)
    array([0.96, 0.53])
    """
    if species not in SPECIES:
        raise InputError(f"unknown species '{species}': give one of {', '.join(SPECIES)}")
    tables = detector.finding if finding is None else finding_tables(detector.card, finding)
    momentum, angle, radius = np.broadcast_arrays(
        np.asarray(p, dtype=np.float64), np.asarray(theta, dtype=np.float64), np.asarray(rho, dtype=np.float64)
    )
    for name, values in (("p", momentum), ("theta", angle), ("rho", radius)):
        bad = values[~(np.isfinite(values) & (values >= 0.0))]
        if len(bad):
            raise InputError(f"{name} = {bad[0]}: give numbers that are finite and not negative")
    shape = momentum.shape
    momentum, angle, radius = momentum.ravel(), angle.ravel(), radius.ravel()
    sine, cosine = np.sin(angle), np.cos(angle)
    flies = (momentum > 0.0) & (sine > 1e-9)
    out = np.zeros(momentum.shape)
    zero = np.zeros(int(flies.sum()))
    r, z = radius[flies], radius[flies] * cosine[flies] / sine[flies]
    state = np.stack([r, zero, z, (momentum * sine)[flies], zero, (momentum * cosine)[flies]], axis=1)
    hits, d0, z0 = count_layers(detector.card, state, np.ones(len(zero)))
    some = np.empty(len(zero))
    _probability_rows(state, d0, z0, hits, tables.numbers, tables.efficiency, some)
    out[flies] = some
    return out.reshape(shape)


def tracking_error(detector: Detector, source: str, p: npt.ArrayLike, flight: npt.ArrayLike = 0.0) -> FloatArray:
    """Relative uncertainty of the tracking efficiency of each track from one source of the card.

    Tracks of one event share it: add it up linearly over the tracks of a candidate. `tracking` is for each track (newer
    samples; `tracking_older` for those until about 2022), `displaced` grows with the flight before the track,
    `slow_pion` is for momenta of 0.05 to 0.2 GeV and takes the place of `tracking` there.

    Parameters
    ----------
    detector : Detector
    source : str
        A name of the card.
    p : float64 (n,)
        Momentum in GeV, lab frame.
    flight : float64 (n,) or number
        Distance in cm that the mother flew before it made the track (0 for prompt tracks).

    Returns
    -------
    float64 (n,)
        0 outside the momenta that the source is for.

    Raises
    ------
    InputError
        For an unknown source, or a flight that is negative or not finite.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> from toymc.detector import build_detector
    >>> d = build_detector(load_card("belle2"))
    >>> tracking_error(d, "displaced", [0.5, 1.0], [10.0, 0.0])
    array([0.03, 0.  ])
    """
    rows = [row for row in detector.card.finding.uncertainties if row.uncertainty == source]
    if not rows:
        known = ", ".join(dict.fromkeys(row.uncertainty for row in detector.card.finding.uncertainties))
        raise InputError(f"unknown tracking uncertainty '{source}': card {detector.card.name} has {known}")
    momentum, path = np.broadcast_arrays(np.asarray(p, dtype=np.float64), np.asarray(flight, dtype=np.float64))
    if not np.all(np.isfinite(path) & (path >= 0.0)):
        raise InputError("flight before the track: give lengths in cm that are finite and not negative")
    error = np.zeros(momentum.shape)
    for row in rows:
        inside = (momentum >= row.p_min) & (momentum < row.p_max)
        error[inside] = row.error + row.error_per_cm * path[inside]
    return error
