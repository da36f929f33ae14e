"""The detector as the kernels see it: plain arrays and scalars, built once for each card."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]


class TrackTables(NamedTuple):
    """Charged particles. Grids are regular; tan lambda is the coordinate of the polar angle.

    `resolution` (n_u, n_t, 9): p beta times sigma of (d0, phi0, omega, z0, tan lambda), then the correlations
    (d0, phi0), (d0, omega), (phi0, omega), (z0, tan lambda), over ln(p beta) and tan lambda.
    `response` (n_u, n_t, n_r, 3): shift of fitted (d0, phi0, omega) for a change of omega at a radius.
    `depth_radius`, `depth` (n_d, n_k): shells along a line in order of radius, X/X0 summed up to and including each.
    `hits` (n_d, n_r, 3): pixel, strip and wire layers outside a radius.
    """

    field: float
    tan_low: float
    tan_high: float
    pt_min: float
    log_u0: float
    log_u_step: float
    tan0: float
    tan_step: float
    resolution: FloatArray
    response_r_step: float
    response: FloatArray
    depth_tan0: float
    depth_tan_step: float
    depth_radius: FloatArray
    depth: FloatArray
    hits_r_step: float
    hits: Int32Array
    pt_edges: FloatArray
    tan_edges: FloatArray
    efficiency: FloatArray  # (n_pt, n_theta), theta falling with tan lambda: stored in order of tan lambda
    rho_edges: FloatArray
    displaced: FloatArray
    brems_cutoff: float
    brems_rate: float


class ClusterTables(NamedTuple):
    """Photons in the calorimeter; regions 0 forward, 1 barrel, 2 backward.

    `sigma` (3 regions, n_e, 3): sigma_E/E, sigma_theta, sigma_phi over ln E.
    `edges` (3, 2): lowest and highest theta in rad. `outer` (n_d): X/X0 behind the tracker.
    """

    barrel_radius: float
    forward_z: float
    backward_z: float
    edges: FloatArray
    energy_min: FloatArray
    efficiency: FloatArray
    log_e0: float
    log_e_step: float
    sigma: FloatArray
    tail_fraction: float
    tail_alpha: float
    tail_power: float
    pair_low: float
    pair_log_low: float
    pair_slope: float
    outer_loss: float
    outer: FloatArray
    merge_angle: float
    in_time: float


class TriggerTables(NamedTuple):
    """Trigger lines as rows of numbers (see `toymc.detector.trigger`)."""

    rows: FloatArray
    track_energy: float
    track_pt_min: float


@dataclass(frozen=True)
class IdentificationTable:
    """One working point: probabilities and absolute errors (species, charge, p, theta); charge 0 is negative.

    `column` is the column of `Tracks.pid_uniform` that decides, `mirrored` says whether 1 - u is compared.
    """

    p_edges: FloatArray
    theta_edges: FloatArray
    value: FloatArray
    error: FloatArray
    column: int
    mirrored: bool
    zero_below: bool


@dataclass(frozen=True)
class Detector:
    """A card turned into tables; give it to `simulate`, `identification_probability`, `detector_performance`.

    Attributes
    ----------
    card : DetectorCard
    tracks, clusters, trigger : NamedTuple
        Tables of the kernels.
    identification : dict of str to IdentificationTable
        By name of the working point.
    trigger_lines : tuple of str
        Name of each bit of `Reconstruction.trigger`, lowest first.
    """

    card: DetectorCard
    tracks: TrackTables
    clusters: ClusterTables
    trigger: TriggerTables
    identification: dict[str, IdentificationTable]
    trigger_lines: tuple[str, ...]
