"""Event shape and event kinematics of whole batches, as of basf2's buildEventShape and buildEventKinematics.

Both are made of one set of particles: charged tracks with the pion mass and photons, chosen by `ParticleLists`, in the
e+e- centre of mass whose z axis is the electron beam.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.frames import beam_axis_cms, check_frame
from toymc.analysis.particle_lists import (
    FloatArray,
    IntArray,
    ParticleLists,
    PhotonArrays,
    TrackArrays,
    _fill_cms,
    _good_photons,
    _good_tracks,
    largest,
    photon_arrays,
    track_arrays,
)
from toymc.events import Reconstruction
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _fox_wolfram, _thrust

_COLUMNS = (
    "nGoodTracks", "thrust", "thrustAxisCosTheta", "visibleEnergyOfEventCMS", "missingMomentumOfEventCMS",
    "missingMomentumOfEventCMS_theta", "missingMomentumOfEvent", "missingMomentumOfEvent_theta",
    "totalPhotonsEnergyOfEvent", "foxWolframR1", "foxWolframR2", "foxWolframR3", "foxWolframR4",
)  # fmt: skip


@lean_kernel
def _event_kinematics(
    p: FloatArray, total: int, boost: FloatArray, beam: FloatArray, sqrt_s: float, out: FloatArray, i: int
) -> None:
    """Visible energy and missing momentum, CMS and laboratory, of the first rows of p."""
    mx, my, mz, visible = 0.0, 0.0, 0.0, 0.0
    for j in range(total):
        mx -= p[j, 0]
        my -= p[j, 1]
        mz -= p[j, 2]
        visible += p[j, 3]
    missing = np.sqrt(mx * mx + my * my + mz * mz)
    out[3, i] = visible
    out[4, i] = missing
    out[5, i] = np.arccos((mx * beam[0] + my * beam[1] + mz * beam[2]) / missing)
    # the missing four-vector is at rest in the CMS but for (m, sqrt(s) - visible): boost it to the laboratory
    energy = sqrt_s - visible
    bx, by, bz = boost[0], boost[1], boost[2]
    gamma = 1.0 / np.sqrt(1.0 - bx * bx - by * by - bz * bz)
    factor = gamma * gamma / (1.0 + gamma) * (bx * mx + by * my + bz * mz) + gamma * energy
    mx, my, mz = mx + factor * bx, my + factor * by, mz + factor * bz
    out[6, i] = np.sqrt(mx * mx + my * my + mz * mz)
    out[7, i] = np.arccos(mz / out[6, i])


@kernel
def _event_variables(
    track_offsets: IntArray, tracks: TrackArrays, photon_offsets: IntArray, photons: PhotonArrays, cuts: FloatArray,
    boost: FloatArray, beam: FloatArray, sqrt_s: float, rows: IntArray, photon_rows: IntArray, p_lab: FloatArray,
    p: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    for i in range(len(track_offsets) - 1):
        n_tracks = _good_tracks(track_offsets[i], track_offsets[i + 1], tracks, cuts, rows)
        n_photons = _good_photons(photon_offsets[i], photon_offsets[i + 1], photons, cuts, photon_rows, p_lab)
        total = _fill_cms(tracks, rows, n_tracks, p_lab, n_photons, boost, p)
        out[0, i] = n_tracks
        thrust, nx, ny, nz = _thrust(p, total)
        out[1, i] = thrust
        out[2, i] = nx * beam[0] + ny * beam[1] + nz * beam[2]
        _event_kinematics(p, total, boost, beam, sqrt_s, out, i)
        out[8, i] = 0.0
        for j in range(n_photons):
            out[8, i] += p_lab[j, 3]
        h0, h1, h2, h3, h4 = _fox_wolfram(p, total)
        out[9, i], out[10, i], out[11, i], out[12, i] = h1 / h0, h2 / h0, h3 / h0, h4 / h0


def event_variables(
    reco: Reconstruction,
    boost: npt.ArrayLike,
    sqrt_s: float,
    lists: ParticleLists | None = None,
    electron: npt.ArrayLike | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Global variables of every event under their basf2 names.

    Parameters
    ----------
    reco : Reconstruction
    boost : array-like (3,)
        Velocity of the e+e- centre of mass in the laboratory, units of c.
    sqrt_s : float
        Centre-of-mass energy in GeV.
    lists : ParticleLists, optional
        Which tracks and photons count; default: those of basf2's buildEventShape.
    electron : array-like (3,), optional
        Direction of the electron beam in the laboratory, see `beam_axis_cms`; default: beams symmetric about z.

    Returns
    -------
    dict of str to array (n_events,)
        GeV and rad; see `toymc.analysis.variables.VARIABLES`. Where an event has no particle at all, thrust is 0 and
        the Fox-Wolfram ratios and the CMS angle are NaN.

    Raises
    ------
    InputError
        For a boost or an energy that cannot be.
    """
    b = check_frame(boost, sqrt_s)
    lists = lists or ParticleLists.named("basf2_default")
    n_tracks, n_photons = largest(reco.tracks.offsets), largest(reco.clusters.offsets)
    out = np.empty((len(_COLUMNS), reco.n_events))
    _event_variables(
        reco.tracks.offsets, track_arrays(reco.tracks), reco.clusters.offsets, photon_arrays(reco.clusters),
        lists.as_array(), b, beam_axis_cms(b, electron), float(sqrt_s), np.empty(n_tracks, dtype=np.int64),
        np.empty(n_photons, dtype=np.int64), np.empty((n_photons, 4)), np.empty((n_tracks + n_photons, 4)), out,
    )  # fmt: skip
    columns: dict[str, npt.NDArray[Any]] = dict(zip(_COLUMNS, out, strict=True))
    columns["event"] = np.arange(reco.n_events)
    columns["nTracks"] = reco.tracks.counts.astype(np.float64)
    columns["nNeutralECLClusters"] = reco.clusters.counts.astype(np.float64)
    energy = sqrt_s - columns["visibleEnergyOfEventCMS"]
    columns["missingEnergyOfEventCMS"] = energy
    columns["missingMass2OfEvent"] = energy**2 - columns["missingMomentumOfEventCMS"] ** 2
    columns["weight"] = reco.weight
    columns["triggerWeight"] = reco.trigger_weight
    return columns
