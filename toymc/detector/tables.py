"""The detector as the kernels see it: plain arrays and scalars, built once for each card."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.geometry import DetectorCard

if TYPE_CHECKING:
    from toymc.detector.finding.tables import FindingTables

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]


class TrackNumbers(NamedTuple):
    """Scalars of the track kernels: field (T), acceptance, and the origins and steps of the regular grids.

    Scalars alone: arrays inside a tuple would be reference-counted at every call of every kernel.
    """

    field: float
    tan_low: float
    tan_high: float
    pt_min: float
    log_u0: float
    log_u_step: float
    tan_step: float
    response_r_step: float
    depth_tan0: float
    depth_tan_step: float
    hits_r_step: float
    brems_cutoff: float
    brems_rate: float


class TrackTables(NamedTuple):
    """Charged particles; tan lambda is the coordinate of the polar angle.

    `resolution` (n_u, n_t, 9): p beta times sigma of (d0, phi0, omega, z0, tan lambda), then the correlations
    (d0, phi0), (d0, omega), (phi0, omega), (z0, tan lambda), over ln(p beta) and tan lambda.
    `response` (n_u, n_t, n_r, 3): shift of fitted (d0, phi0, omega) for a change of omega at a radius.
    `depth` (n_d, n_k, 2): shells along a line in order of radius: radius (cm), X/X0 summed up to and including it.
    `hits` (n_d, n_r, 3): pixel, strip and wire layers outside a radius.
    `efficiency` (1 + n_pt, 1 + n_theta): row 0 holds the lower bin edges in tan lambda, column 0 those in pT.
    `displaced` (2, n_rho + 1): edges of the production radius (cm), factor of the bin that starts there.
    """

    numbers: TrackNumbers
    resolution: FloatArray
    response: FloatArray
    depth: FloatArray
    hits: Int32Array
    efficiency: FloatArray
    displaced: FloatArray


class ClusterNumbers(NamedTuple):
    """Scalars of the photon kernels: front faces (cm), grid of ln E, tail, pair production, merging, timing."""

    barrel_radius: float
    forward_z: float
    backward_z: float
    log_e0: float
    log_e_step: float
    tail_fraction: float
    tail_alpha: float
    tail_power: float
    pair_low: float
    pair_log_low: float
    pair_slope: float
    outer_loss: float
    merge_angle: float
    in_time: float


class ClusterTables(NamedTuple):
    """Photons in the calorimeter; regions 0 forward, 1 barrel, 2 backward.

    `regions` (3, 4): lowest and highest theta (rad), minimum energy (GeV), efficiency beside conversions.
    `sigma` (3, n_e, 3): sigma_E/E, sigma_theta, sigma_phi over ln E. `outer` (n_d,): X/X0 behind the tracker.
    """

    numbers: ClusterNumbers
    regions: FloatArray
    sigma: FloatArray
    outer: FloatArray


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
    tracks, clusters, trigger, finding : NamedTuple
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
    finding: "FindingTables"
    identification: dict[str, IdentificationTable]
    trigger_lines: tuple[str, ...]
