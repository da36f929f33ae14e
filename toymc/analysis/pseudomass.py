"""Pseudomass of three tracks under changed assumptions, and of true tau decays.

M_min = sqrt(M^2 + 2 (sqrt(s)/2 - E)(E - p)) with E, p the energy and momentum of the three pions in the e+e- centre of
mass [arXiv:2305.19116]. With the true momenta, energy and no radiation it does not exceed the mass of the tau: the
neutrino would have to fly along the hadrons. The three tracks are taken as pions, as in the published analysis.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.frames import check_frame, pseudo_mass
from toymc.constants import M_PI
from toymc.events import EventBatch, Reconstruction

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
TAG_TRACKS = ("tag1", "tag2", "tag3")


def tracks_pseudo_mass(momenta: FloatArray, boost: npt.ArrayLike, sqrt_s: float) -> FloatArray:
    """Pseudomass of three pions.

    Parameters
    ----------
    momenta : float64 (n, 3, 3)
        Events, tracks, components in GeV, laboratory.
    boost : array-like (3,)
        Velocity of the centre of mass in the laboratory, units of c.
    sqrt_s : float
        GeV.

    Returns
    -------
    float64 (n,)
        GeV; NaN where the square is negative.

    Raises
    ------
    InputError
        For a boost or an energy that cannot be.

    Examples
    --------
    >>> p = np.array([[[0.9, 0.1, 0.2], [0.7, -0.2, 0.3], [0.8, 0.2, -0.3]]])
    >>> round(float(tracks_pseudo_mass(p, (0.0, 0.0, 0.0), 10.58)[0]), 4)
    1.4949
    """
    b = check_frame(boost, sqrt_s)
    energies = np.sqrt(np.sum(momenta**2, axis=2) + M_PI**2)
    total, energy = momenta.sum(axis=1), energies.sum(axis=1)
    mass = np.sqrt(np.maximum(energy**2 - np.sum(total**2, axis=1), 0.0))
    energy_cms = (energy - total @ b) / np.sqrt(1.0 - b @ b)
    return pseudo_mass(mass, energy_cms, np.sqrt(np.maximum(energy_cms**2 - mass**2, 0.0)), sqrt_s)


def tag_momenta(reco: Reconstruction, event: IntArray, rows: dict[str, IntArray]) -> dict[str, npt.NDArray[Any]]:
    """Columns ``<track>_px, _py, _pz`` of tracks and ``<track>_true_px, ...`` of the particles behind them.

    Parameters
    ----------
    reco : Reconstruction
    event : int64 (n,)
        Row of the event in the batch.
    rows : mapping of prefix to int64 (n,)
        Rows of the track table.

    Returns
    -------
    dict of str to float64 (n,)
        GeV; the momentum of the track itself where no true particle belongs to it.
    """
    columns: dict[str, npt.NDArray[Any]] = {}
    for prefix, row in rows.items():
        truth = reco.tracks.truth[row]
        place = reco.truth.offsets[event] + np.maximum(truth, 0)
        for axis in ("px", "py", "pz"):
            seen = getattr(reco.tracks, axis)[row]
            columns[f"{prefix}_{axis}"] = seen
            columns[f"{prefix}_true_{axis}"] = np.where(truth >= 0, getattr(reco.truth, axis)[place], seen)
    return columns


def stacked(columns: dict[str, npt.NDArray[Any]], true: bool = False) -> FloatArray:
    """The columns of `tag_momenta` of the three tag tracks as one array (n, 3, 3)."""
    name = "_true" if true else ""
    return np.stack(
        [np.stack([columns[f"{t}{name}_{a}"] for a in ("px", "py", "pz")], axis=1) for t in TAG_TRACKS], axis=1
    )


def radiated_energy(batch: EventBatch, mothers: tuple[int, ...] = (-1,)) -> FloatArray:
    """Energy of the photons of every event that come from given rows, GeV, laboratory; float64 (n_events,).

    Of the process tau_pair: row -1 stands for the beams and the primary taus, 0 and 1 for the decays of the taus.
    """
    photons = (batch.pdg == 22) & np.isin(batch.mother, mothers)
    event = np.repeat(np.arange(batch.n_events), np.diff(batch.offsets))[photons]
    momentum = np.sqrt(batch.px[photons] ** 2 + batch.py[photons] ** 2 + batch.pz[photons] ** 2)
    energy: FloatArray = np.bincount(event, momentum, batch.n_events).astype(np.float64)
    return energy


def true_pseudo_mass(batch: EventBatch, boost: npt.ArrayLike, sqrt_s: float) -> FloatArray:
    """Largest pseudomass of the taus (rows 0 and 1 of an event) that give three charged daughters.

    Parameters
    ----------
    batch : EventBatch
        Of the process tau_pair.
    boost : array-like (3,)
    sqrt_s : float
        GeV.

    Returns
    -------
    float64 (n_events,)
        GeV, the charged daughters taken as pions; NaN without such a tau.
    """
    b = check_frame(boost, sqrt_s)
    code = np.abs(batch.pdg)
    charged = (batch.mother >= 0) & (batch.mother < 2) & ((code == 211) | (code == 321) | (code == 11) | (code == 13))
    slot = (2 * np.repeat(np.arange(batch.n_events), np.diff(batch.offsets)) + batch.mother)[charged]
    size = 2 * batch.n_events
    parts = [getattr(batch, axis)[charged] for axis in ("px", "py", "pz")]
    total = np.stack([np.bincount(slot, part, size) for part in parts], axis=1)
    energy = np.bincount(slot, np.sqrt(sum(part**2 for part in parts) + M_PI**2), size)
    mass = np.sqrt(np.maximum(energy**2 - np.sum(total**2, axis=1), 0.0))
    energy_cms = (energy - total @ b) / np.sqrt(1.0 - b @ b)
    value = pseudo_mass(mass, energy_cms, np.sqrt(np.maximum(energy_cms**2 - mass**2, 0.0)), sqrt_s)
    three = np.bincount(slot, minlength=size) == 3
    both = np.where(three, value, -np.inf).reshape(-1, 2).max(axis=1)
    return np.where(np.isfinite(both), both, np.nan)
