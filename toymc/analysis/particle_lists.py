"""Which tracks and photons an event is made of: lists of cuts with their sources, and the kernels that apply them.

The numbers stand in ``data/particle_lists.toml``. basf2's ``dr`` and ``dz`` (point of closest approach to the
interaction point) are taken as ``|d0|`` and ``|z0|``, which refer to the origin: the luminous region is smaller than a
tenth of the cuts.
"""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from toymc.constants import M_PI
from toymc.errors import InputError
from toymc.events import Clusters, Tracks
from toymc.kernels import lean_kernel
from toymc.kinematics import _boost

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
TrackArrays = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""d0, z0, px, py, pz"""
PhotonArrays = tuple[FloatArray, FloatArray, FloatArray, Int32Array, Int32Array]
"""energy, theta, phi, in_time, region"""


@cache
def _tables() -> dict[str, Any]:
    text = resources.files("toymc.analysis").joinpath("data/particle_lists.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class ParticleLists:
    """Cuts that define the charged tracks and the photons of an event (laboratory frame).

    Attributes
    ----------
    track_dr_max, track_dz_max : float
        |d0| and |z0| must be smaller, cm.
    track_pt_min : float
        Transverse momentum must be larger, GeV.
    track_cos_theta_min, track_cos_theta_max : float
    photon_energy_min : float
        GeV.
    photon_cos_theta_min, photon_cos_theta_max : float
        Photons must also be in time (basf2: |clusterTiming| < 200 ns).
    """

    track_dr_max: float
    track_dz_max: float
    track_pt_min: float
    track_cos_theta_min: float
    track_cos_theta_max: float
    photon_energy_min: float
    photon_cos_theta_min: float
    photon_cos_theta_max: float

    @classmethod
    def named(cls, name: str) -> Self:
        """Lists by name: ``tau_3x1`` (tau group) or ``basf2_default`` (buildEventShape without arguments).

        Raises
        ------
        InputError
            For an unknown name.

        Examples
        --------
        >>> ParticleLists.named("tau_3x1").photon_energy_min
        0.1
        """
        names = [key for key, table in _tables().items() if "track_dr_max" in table]
        if name not in names:
            raise InputError(f"unknown particle lists '{name}': allowed are {', '.join(names)}")
        return cls(**{f.name: float(_tables()[name][f.name]["value"]) for f in fields(cls)})

    def as_array(self) -> FloatArray:
        """The cuts in declaration order, as the kernels take them."""
        return np.array([getattr(self, f.name) for f in fields(self)], dtype=np.float64)


@dataclass(frozen=True)
class Pi0Cuts:
    """Cuts on photon pairs, by calorimeter region (laboratory frame).

    Attributes
    ----------
    mass_min, mass_max : float
        GeV.
    regions : float64 (4, 4, 4)
        ``regions[a, b]`` for regions a, b (1 forward, 2 barrel, 3 backward): lower cuts on harder photon energy, softer
        photon energy, cosine of the opening angle, pi0 momentum. Infinite where a pair is not combined.
    """

    mass_min: float
    mass_max: float
    regions: FloatArray

    @classmethod
    def tau_3x1(cls) -> Self:
        """The candidates of the Belle II tau 3x1 analyses.

        Examples
        --------
        >>> Pi0Cuts.tau_3x1().mass_max
        0.152
        """
        table = _tables()["pi0"]
        regions = np.full((4, 4, 4), np.inf)
        for row in table["regions"]:
            a, b = row["pair"]
            cuts = [row["hard"], row["soft"], row["cos_angle"], row["momentum"]]
            regions[a, b] = regions[b, a] = cuts
        return cls(float(table["mass_min"]["value"]), float(table["mass_max"]["value"]), regions)


def track_arrays(tracks: Tracks) -> TrackArrays:
    """The track columns that the kernels read."""
    columns = (tracks.d0, tracks.z0, tracks.px, tracks.py, tracks.pz)
    d0, z0, px, py, pz = (np.ascontiguousarray(c, dtype=np.float64) for c in columns)
    return d0, z0, px, py, pz


def photon_arrays(clusters: Clusters) -> PhotonArrays:
    """The cluster columns that the kernels read."""
    energy, theta, phi = (
        np.ascontiguousarray(c, dtype=np.float64) for c in (clusters.energy, clusters.theta, clusters.phi)
    )
    in_time, region = (np.ascontiguousarray(c, dtype=np.int32) for c in (clusters.in_time, clusters.region))
    return energy, theta, phi, in_time, region


def largest(offsets: IntArray) -> int:
    """Largest number of rows of any event (the size of a work array)."""
    return int(np.max(np.diff(offsets), initial=0))


@lean_kernel
def _good_tracks(lo: int, hi: int, tracks: TrackArrays, cuts: FloatArray, rows: IntArray) -> int:
    """Rows of the good tracks among lo..hi-1 into `rows`; their number."""
    d0, z0, px, py, pz = tracks
    n = 0
    for k in range(lo, hi):
        if abs(d0[k]) < cuts[0] and abs(z0[k]) < cuts[1]:
            pt2 = px[k] * px[k] + py[k] * py[k]
            cos_theta = pz[k] / np.sqrt(pt2 + pz[k] * pz[k])
            if pt2 > cuts[2] * cuts[2] and cuts[3] <= cos_theta <= cuts[4]:
                rows[n] = k
                n += 1
    return n


@lean_kernel
def _good_photons(
    lo: int, hi: int, photons: PhotonArrays, cuts: FloatArray, rows: IntArray, p_lab: FloatArray
) -> int:
    """Rows of the good photons into `rows` and (px, py, pz, E) into p_lab."""
    energy, theta, phi, in_time, _region = photons
    n = 0
    for k in range(lo, hi):
        if energy[k] > cuts[5] and in_time[k] == 1:
            cos_theta = np.cos(theta[k])
            if cuts[6] <= cos_theta <= cuts[7]:
                pt = energy[k] * np.sqrt(1.0 - cos_theta * cos_theta)
                p_lab[n, 0] = pt * np.cos(phi[k])
                p_lab[n, 1] = pt * np.sin(phi[k])
                p_lab[n, 2] = energy[k] * cos_theta
                p_lab[n, 3] = energy[k]
                rows[n] = k
                n += 1
    return n


@lean_kernel
def _fill_cms(
    tracks: TrackArrays,
    track_rows: IntArray,
    n_tracks: int,
    photon_lab: FloatArray,
    n_photons: int,
    boost: FloatArray,
    p: FloatArray,
) -> int:
    """Momenta (px, py, pz, E) in the e+e- centre of mass into p: tracks as pions first, then photons."""
    px, py, pz = tracks[2], tracks[3], tracks[4]
    bx, by, bz = -boost[0], -boost[1], -boost[2]
    for k in range(n_tracks):
        r = track_rows[k]
        e = np.sqrt(px[r] * px[r] + py[r] * py[r] + pz[r] * pz[r] + M_PI * M_PI)
        p[k, 0], p[k, 1], p[k, 2], p[k, 3] = _boost(px[r], py[r], pz[r], e, bx, by, bz)
    for k in range(n_photons):
        p[n_tracks + k, 0], p[n_tracks + k, 1], p[n_tracks + k, 2], p[n_tracks + k, 3] = _boost(
            photon_lab[k, 0], photon_lab[k, 1], photon_lab[k, 2], photon_lab[k, 3], bx, by, bz
        )
    return n_tracks + n_photons
