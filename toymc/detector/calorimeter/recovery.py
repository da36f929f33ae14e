"""Recovery of bremsstrahlung: photons near an electron's track are added to its four-momentum.

Two ways, as in basf2. "finder": the track's direction at the beam pipe, the silicon layers and the inner wall of the
chamber is extrapolated straight to the calorimeter; a cluster belongs to the electron if both angles, seen from that
point, agree within `acceptance` times the sum of the errors of cluster and track, and if it has between 2 % and 100 %
of the momentum [basf2 ECLTrackBremFinderModule.cc, BremFindingMatchCompute.cc]. "cone": the angle between the track's
momentum at its perigee and the cluster is below `angle` [BelleBremRecoveryModule.cc; 0.05 rad is its default, the tau
group found up to 0.2 useful]. A photon is given to one track: the one to which it is closest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E
from toymc.detector.calorimeter.tables import CalorimeterNumbers, CalorimeterTables
from toymc.errors import InputError
from toymc.events import Reconstruction
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

VIRTUAL_RADII_CM = (1.05, 1.4, 2.2, 3.9, 8.0, 10.4, 13.5, 16.0)
"""Beam pipe and inner wall [basf2 ECLTrackBremFinderModule.h, m_virtualHitRadii], silicon layers [VXD geometry]."""
_SMALLEST_SHARE = 0.02
"""Of the track's momentum [basf2 ECLTrackBremFinderModule.h, m_relativeClusterEnergy]."""


@dataclass(frozen=True)
class RecoveredElectrons:
    """Tracks with the photons added.

    Attributes
    ----------
    px, py, pz, energy : float64 (n_tracks,)
        GeV, lab; electron mass for every track.
    photon_energy : float64 (n_tracks,)
        Energy that was added.
    n_photons : int32 (n_tracks,)
    track : int64 (n_clusters,)
        Row of the track to which each cluster was added (in the table of all tracks), -1 for none.
    """

    px: FloatArray
    py: FloatArray
    pz: FloatArray
    energy: FloatArray
    photon_energy: FloatArray
    n_photons: npt.NDArray[np.int32]
    track: npt.NDArray[np.int64]


@lean_kernel
def _wrapped(angle):
    return angle - 2.0 * math.pi * round(angle / (2.0 * math.pi))


@lean_kernel
def _position(theta, phi, numbers):
    """Point on the front faces at a direction from the origin."""
    s, c = math.sin(theta), math.cos(theta)
    distance = numbers.barrel_radius / max(s, 1e-9)
    if c * distance > numbers.forward_z:
        distance = numbers.forward_z / c
    elif c * distance < numbers.backward_z:
        distance = numbers.backward_z / c
    return distance * s * math.cos(phi), distance * s * math.sin(phi), distance * c


@lean_kernel
def _finder_match(d0, phi0, omega, z0, tan_lambda, sigma_phi, sigma_theta, cx, cy, cz, cp, ct, radii, acceptance):
    """Smallest angle between track directions at `radii` and the cluster at c, -1 if none agrees; cp, ct its errors."""
    best = -1.0
    cos_lambda = 1.0 / math.sqrt(1.0 + tan_lambda * tan_lambda)
    theta_track = math.atan2(1.0, tan_lambda)
    for k in range(len(radii)):
        reach = radii[k] * radii[k] - d0 * d0
        if reach <= 0.0:
            continue
        half = 0.5 * abs(omega) * math.sqrt(reach)
        if half >= 1.0:
            continue
        turn = math.copysign(2.0 * math.asin(half), omega)
        phi = phi0 - turn
        chord = 2.0 * half / abs(omega)
        # perigee at d0 (sin phi0, -cos phi0), then along the chord
        x = d0 * math.sin(phi0) + chord * math.cos(phi0 - 0.5 * turn)
        y = -d0 * math.cos(phi0) + chord * math.sin(phi0 - 0.5 * turn)
        z = z0 + turn / omega * tan_lambda
        gx, gy, gz = cx - x, cy - y, cz - z
        off_phi = _wrapped(math.atan2(gy, gx) - phi)
        off_theta = math.atan2(math.sqrt(gx * gx + gy * gy), gz) - theta_track
        if abs(off_phi) < acceptance * (cp + sigma_phi) and abs(off_theta) < acceptance * (ct + sigma_theta):
            off = math.sqrt(off_theta * off_theta + (off_phi * cos_lambda) ** 2)
            if best < 0.0 or off < best:
                best = off
    return best


@kernel
def _assign(
    track_offsets, d0, phi0, omega, z0, tan_lambda, cov, px, py, pz, wanted,
    cluster_offsets, energy, theta, phi, cluster_cov, in_time, numbers, radii, finder, acceptance, angle, least, track,
):  # fmt: skip
    """For every cluster the closest track that claims it."""
    for i in range(len(track_offsets) - 1):
        for c in range(cluster_offsets[i], cluster_offsets[i + 1]):
            track[c] = -1
            if in_time[c] == 0 or not energy[c] >= least:
                continue
            closest = math.inf
            cx, cy, cz = _position(theta[c], phi[c], numbers)
            norm = math.sqrt(cx * cx + cy * cy + cz * cz)
            for t in range(track_offsets[i], track_offsets[i + 1]):
                p = math.sqrt(px[t] * px[t] + py[t] * py[t] + pz[t] * pz[t])
                if not wanted[t] or not p > 0.0:
                    continue
                if finder:
                    if energy[c] > p or energy[c] < _SMALLEST_SHARE * p:
                        continue
                    off = _finder_match(
                        d0[t], phi0[t], omega[t], z0[t], tan_lambda[t], math.sqrt(cov[t, 5]),
                        math.sqrt(cov[t, 14]) / (1.0 + tan_lambda[t] * tan_lambda[t]), cx, cy, cz,
                        math.sqrt(cluster_cov[c, 2]), math.sqrt(cluster_cov[c, 1]), radii, acceptance,
                    )  # fmt: skip
                    if off < 0.0:
                        continue
                else:
                    cosine = (px[t] * cx + py[t] * cy + pz[t] * cz) / (p * norm)
                    off = math.acos(min(max(cosine, -1.0), 1.0))
                    if off >= angle:
                        continue
                if off < closest:
                    closest = off
                    track[c] = t


def _numbers(detector: object) -> CalorimeterNumbers:
    tables = detector if isinstance(detector, CalorimeterTables) else getattr(detector, "calorimeter", None)
    if not isinstance(tables, CalorimeterTables):
        raise InputError(
            f"no calorimeter tables in a {type(detector).__name__}: give a Detector of build_detector or cluster_tables"
        )
    return tables.numbers


def recover_bremsstrahlung(
    reconstruction: Reconstruction,
    detector: object,
    electrons: npt.NDArray[np.bool_] | None = None,
    *,
    method: str = "finder",
    acceptance: float = 3.0,
    angle: float = 0.05,
    energy_min: float = 0.0,
    radii_cm: Sequence[float] = VIRTUAL_RADII_CM,
) -> RecoveredElectrons:
    """Add radiated photons to electrons.

    Parameters
    ----------
    reconstruction : Reconstruction
        From `toymc.detector.simulate`.
    detector : Detector or CalorimeterTables
        The surface of the calorimeter.
    electrons : bool (n_tracks,), optional
        Tracks to correct; all if left out.
    method : {"finder", "cone"}
        See the top of this module.
    acceptance : float
        Of the finder, in errors.
    angle : float
        Of the cone, rad.
    energy_min : float
        Smallest cluster energy, GeV.
    radii_cm : sequence of float
        Where the finder looks along the track.

    Returns
    -------
    RecoveredElectrons
        One entry for each track; momenta in GeV, lab frame. The photon's momentum points from the origin.

    Raises
    ------
    InputError
        For an unknown method, a mask of the wrong length or numbers that are not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from toymc.detector import build_detector, particle_batch, simulate
    >>> from toymc.detector.calorimeter import cluster_tables
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> card = load_card("belle2")
    >>> reco = simulate(particle_batch([11], [[1.0, 0, 0]]), build_detector(card), stream(1, "doc", "simulate", 0))
    >>> len(recover_bremsstrahlung(reco, cluster_tables(card)).px) == len(reco.tracks.px)
    True
    """
    tracks, clusters = reconstruction.tracks, reconstruction.clusters
    n = len(tracks.px)
    if method not in ("finder", "cone"):
        raise InputError(f"method = {method!r} is unknown: give 'finder' or 'cone'")
    for name, value in (("acceptance", acceptance), ("angle", angle)):
        if not value > 0.0 or not math.isfinite(value):
            raise InputError(f"{name} = {value:g} must be a positive number")
    radii = np.asarray(radii_cm, dtype=np.float64)
    if radii.ndim != 1 or not np.all(np.isfinite(radii)) or np.any(radii <= 0.0):
        raise InputError("radii_cm must be a list of positive radii in cm")
    wanted = np.ones(n, dtype=np.bool_) if electrons is None else np.ascontiguousarray(electrons)
    if wanted.dtype != np.bool_ or wanted.shape != (n,):
        given = f"shape {wanted.shape} and type {wanted.dtype}"
        raise InputError(f"electrons has {given}: give {n} booleans, one per track")
    owner = np.empty(len(clusters.energy), dtype=np.int64)
    names = ("d0", "phi0", "omega", "z0", "tan_lambda", "cov", "px", "py", "pz")
    inputs: list[Any] = [tracks.offsets, *(np.ascontiguousarray(getattr(tracks, k)) for k in names), wanted]
    shower = ("energy", "theta", "phi", "cov", "in_time")
    inputs += [clusters.offsets, *(np.ascontiguousarray(getattr(clusters, k)) for k in shower)]
    inputs += [_numbers(detector), radii, method == "finder", float(acceptance), float(angle), float(energy_min), owner]
    _assign(*inputs)
    return _added(reconstruction, owner)


def _added(reconstruction: Reconstruction, owner: npt.NDArray[np.int64]) -> RecoveredElectrons:
    clusters, tracks = reconstruction.clusters, reconstruction.tracks
    px, py, pz = tracks.px, tracks.py, tracks.pz
    n = len(px)
    mine = owner >= 0
    who, e, theta, phi = owner[mine], clusters.energy[mine], clusters.theta[mine], clusters.phi[mine]
    sine = np.sin(theta)
    photon = np.bincount(who, e, minlength=n).astype(np.float64)
    return RecoveredElectrons(
        px=px + np.bincount(who, e * sine * np.cos(phi), minlength=n),
        py=py + np.bincount(who, e * sine * np.sin(phi), minlength=n),
        pz=pz + np.bincount(who, e * np.cos(theta), minlength=n),
        energy=np.sqrt(px**2 + py**2 + pz**2 + M_E**2) + photon,
        photon_energy=photon,
        n_photons=np.bincount(who, minlength=n).astype(np.int32),
        track=owner,
    )
