"""Muon identification from the range in the muon detector, as probability and as a drawn value.

For a track with expected layer e in region r, last layer l (deficit d = e - l) and transverse scattering in bin t,

    L = P_mu(d | r, e) P_mu(t | l) / sum over hypotheses h of P_h(d | r, e) P_h(t | l),

h = muon, pion and, if the card says so, kaon; the P are the tables that the layers are drawn from, so nothing here is
fitted. A lost track (crack, no hit) has the likelihood of "no hit"; tracks without expected layer have L = 0.
Given its layers a track of true species s has a given bin t with P_s(t | l), muons with theirs and hadrons with theirs;
the bin is picked by the `muon` column of `pid_uniform`, bins in falling order of L, so that a tighter cut keeps a
subset.
The number of transverse measurements is taken as one point for each layer up to the last (chambers all efficient).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.detector.muons.kernels import _klm_expected
from toymc.detector.muons.tables import KlmTables
from toymc.errors import InputError
from toymc.events import Tracks
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

_COLUMN = 1  # of Tracks.pid_uniform: muon


@kernel
def _likelihoods(region, expected, last, probability, transverse, kaon, values, order):
    """Likelihood ratio of every bin of the transverse chi2 for one track, and the bins in falling order of it."""
    deficit = expected - last if last >= 0 else 15
    n = transverse.shape[2]
    hits = last + 1
    for t in range(n):
        muon = probability[0, region, expected, deficit] * transverse[0, hits, t]
        others = probability[1, region, expected, deficit] * transverse[1, hits, t]
        if kaon:
            others += probability[2, region, expected, deficit] * transverse[1, hits, t]
        values[t] = muon / (muon + others) if muon > 0.0 else 0.0
        order[t] = t
    for i in range(1, n):
        k = order[i]
        j = i - 1
        while j >= 0 and values[order[j]] < values[k]:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = k


@kernel
def _species_row(pdg, charge):
    """Row of the range tables: 0 mu, 1 pi, 2 K, 3 p, 4 anti-p; -1 for what fires nothing."""
    code = abs(pdg)
    if code == 13:
        return 0
    if code == 211:
        return 1
    if code == 321:
        return 2
    if code == 2212:
        return 3 if charge > 0 else 4
    return -1


@kernel
def _above_given_layers(pdg, charge, region, expected, last, threshold, probability, transverse, kaon, values, order):
    """Probability that L is above a threshold, given the layers of one track."""
    if region <= 0 or expected < 0:
        return 0.0
    _likelihoods(region, expected, last, probability, transverse, kaon, values, order)
    kind = 0 if abs(pdg) == 13 else 1
    total = 0.0
    for t in range(len(values)):
        if values[t] > threshold:
            total += transverse[kind, last + 1, t]
    return min(total, 1.0)


@kernel
def _marginal(pdg, charge, p, tan_lambda, threshold, numbers, reach, probability, transverse, kaon, out):
    """Probability that L is above a threshold, over all layers, for each track."""
    values = np.empty(transverse.shape[2])
    order = np.empty(transverse.shape[2], np.int64)
    flat, columns = reach.reshape(-1), reach.shape[1]
    for i in range(len(out)):
        region, expected = _klm_expected(p[i], tan_lambda[i], numbers, flat, columns)
        row = _species_row(pdg[i], charge[i])
        out[i] = 0.0
        if region == 0:
            continue
        missed = _above_given_layers(
            pdg[i], charge[i], region, expected, -1, threshold, probability, transverse, kaon, values, order
        )
        if row < 0:
            out[i] = missed
            continue
        total = 0.0
        for last in range(-1, expected + 1):
            weight = probability[row, region, expected, expected - last if last >= 0 else 15]
            if weight > 0.0:
                total += weight * _above_given_layers(
                    pdg[i], charge[i], region, expected, last, threshold, probability, transverse, kaon, values, order
                )
        out[i] = min((1.0 - numbers.loss) * total + numbers.loss * missed, 1.0)


@kernel
def _conditional(pdg, charge, region, expected, last, threshold, probability, transverse, kaon, out):
    values = np.empty(transverse.shape[2])
    order = np.empty(transverse.shape[2], np.int64)
    for i in range(len(out)):
        out[i] = _above_given_layers(
            pdg[i], charge[i], region[i], expected[i], last[i], threshold, probability, transverse, kaon, values, order
        )


@kernel
def _drawn(pdg, region, expected, last, uniform, probability, transverse, kaon, out):
    """Likelihood ratio of each track, its bin of the transverse chi2 picked by `uniform`."""
    values = np.empty(transverse.shape[2])
    order = np.empty(transverse.shape[2], np.int64)
    for i in range(len(out)):
        out[i] = 0.0
        if region[i] <= 0 or expected[i] < 0:
            continue
        _likelihoods(region[i], expected[i], last[i], probability, transverse, kaon, values, order)
        kind = 0 if abs(pdg[i]) == 13 else 1
        total = 0.0
        out[i] = values[order[0]]
        for t in range(len(values)):
            share = transverse[kind, last[i] + 1, order[t]]
            if share > 0.0:
                out[i] = values[order[t]]
            total += share
            if uniform[i] < total:
                break


def _columns(*arrays: npt.ArrayLike, kinds: str) -> list[Any]:
    types = {"f": np.float64, "i": np.int32}
    made = [np.ascontiguousarray(a, dtype=types[k]) for a, k in zip(arrays, kinds, strict=True)]
    if len({a.shape for a in made}) != 1 or made[0].ndim != 1:
        raise InputError("columns of tracks differ in length: give one entry of each for each track")
    return made


def _check_threshold(threshold: float) -> None:
    if not 0.0 <= threshold < 1.0:
        raise InputError(f"threshold {threshold} on muonID_range: give a number from 0 up to, not including, 1")


def range_probability(
    tables: KlmTables,
    kaon_hypothesis: bool,
    threshold: float,
    true_pdg: npt.ArrayLike,
    p: npt.ArrayLike,
    theta: npt.ArrayLike,
    charge: npt.ArrayLike,
) -> FloatArray:
    """Probability that the range likelihood of each track is above a threshold, over all outcomes.

    Parameters
    ----------
    tables : KlmTables
    kaon_hypothesis : bool
        Whether kaons are in the sum of the likelihood.
    threshold : float
        From 0 up to 1.
    true_pdg : int (n,)
        e, mu, pi, K, p; others count as electrons: no layer fires.
    p, theta : float64 (n,)
        GeV, rad.
    charge : int (n,)

    Returns
    -------
    float64 (n,)
        0 outside the acceptance of the muon detector and below its threshold momentum.

    Raises
    ------
    InputError
        For a threshold outside [0, 1) or columns of different length.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> from toymc.detector.muons import klm_tables
    >>> tables = klm_tables(load_card("belle2"))
    >>> range_probability(tables, False, 0.9, [13, 211], [2.0, 2.0], [1.5, 1.5], [1, 1]).round(2)
    array([0.91, 0.01])
    """
    _check_threshold(threshold)
    pdg, momentum, angle, sign = _columns(true_pdg, p, theta, charge, kinds="iffi")
    out = np.empty(len(pdg))
    with np.errstate(all="ignore"):
        tangent = np.cos(angle) / np.sin(angle)
    _marginal(
        pdg, sign, momentum, tangent, float(threshold), tables.numbers, tables.reach, tables.probability,
        tables.transverse, bool(kaon_hypothesis), out,
    )  # fmt: skip
    return out


def range_probability_of_tracks(
    tables: KlmTables, kaon_hypothesis: bool, threshold: float, true_pdg: npt.ArrayLike, tracks: Tracks
) -> FloatArray:
    """Probability that the range likelihood of each track is above a threshold, given its layers.

    Parameters
    ----------
    tables : KlmTables
    kaon_hypothesis : bool
    threshold : float
    true_pdg : int (n_tracks,)
        Code of the particle each track is matched to.
    tracks : Tracks

    Returns
    -------
    float64 (n_tracks,)
        What `identification_decision` compares with the track's uniform number.
    """
    _check_threshold(threshold)
    columns = _columns(
        true_pdg, tracks.charge, tracks.klm_region, tracks.klm_expected, tracks.klm_layers, kinds="iiiii"
    )
    out = np.empty(len(columns[0]))
    scalars: list[Any] = [float(threshold), tables.probability, tables.transverse, bool(kaon_hypothesis)]
    _conditional(*[*columns, *scalars, out])
    return out


def muon_likelihood(tables: KlmTables, kaon_hypothesis: bool, true_pdg: npt.ArrayLike, tracks: Tracks) -> FloatArray:
    """Drawn value of the range likelihood of each track: muonID from the muon detector alone.

    Parameters
    ----------
    tables : KlmTables
    kaon_hypothesis : bool
    true_pdg : int (n_tracks,)
    tracks : Tracks
        Its layers and its `pid_uniform` decide: the value is the same at every call.

    Returns
    -------
    float64 (n_tracks,)
        Between 0 and 1; 0 for tracks outside the muon detector.
    """
    columns = _columns(true_pdg, tracks.klm_region, tracks.klm_expected, tracks.klm_layers, kinds="iiii")
    uniform = np.ascontiguousarray(tracks.pid_uniform[:, _COLUMN])
    out = np.empty(len(columns[0]))
    if uniform.shape != out.shape:
        raise InputError(f"{len(out)} PDG codes for {len(uniform)} tracks: give one for each")
    rest: list[Any] = [uniform, tables.probability, tables.transverse, bool(kaon_hypothesis)]
    _drawn(*[*columns, *rest, out])
    return out
