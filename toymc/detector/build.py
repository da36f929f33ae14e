"""From a card to the tables of the kernels."""

import math

import numpy as np
import numpy.typing as npt

from toymc.detector.finding.tables import finding_tables, prompt_efficiency_table
from toymc.detector.identification import identification_tables
from toymc.detector.resolution import (
    RESPONSE_RADII,
    U_GRID,
    depth_tables,
    hit_table,
    resolution_table,
    tan_grid,
)
from toymc.detector.tables import (
    ClusterNumbers,
    ClusterTables,
    Detector,
    TrackNumbers,
    TrackTables,
    TriggerTables,
)
from toymc.detector.trigger import trigger_rows
from toymc.geometry import DetectorCard
from toymc.geometry.calorimeter import REGIONS, CalorimeterSection

FloatArray = npt.NDArray[np.float64]

_DEPTH_TAN = np.linspace(-2.4, 4.8, 181)
"""Grid of the material tables in tan lambda: theta from 11.8 to 157 degrees, wider than the calorimeter."""
_HIT_RADII = np.arange(0.0, 125.0, 0.5)
_ENERGIES = np.exp(np.linspace(math.log(0.005), math.log(12.0), 160))
_BREMS_CUTOFF = 1e-3
"""Photons below this share of the electron's energy are not followed: together they carry 1e-3 X/X0 of it."""


def brems_rate(cutoff: float) -> float:
    """Photons per radiation length with more than `cutoff` of the electron's energy.

    Integral of (4/3 - 4y/3 + y^2)/y from `cutoff` to 1 [Y.-S. Tsai, RMP 46 (1974) 815; PDG review, eq. 34.29].

    Examples
    --------
    >>> round(brems_rate(1e-3), 3)
    8.378
    """
    return 4.0 / 3.0 * math.log(1.0 / cutoff) - 4.0 / 3.0 * (1.0 - cutoff) + 0.5 * (1.0 - cutoff * cutoff)


def _track_tables(card: DetectorCard, ideal: bool) -> TrackTables:
    tangents = tan_grid(card)
    resolution, response = resolution_table(card, ideal)
    radius, depth, _ = depth_tables(card, _DEPTH_TAN)
    displaced = sorted(card.finding.displaced, key=lambda r: r.rho_min_cm)
    rho = [*(r.rho_min_cm for r in displaced), displaced[-1].rho_max_cm]
    numbers = TrackNumbers(
        field=card.field.solenoid_tesla.value,
        tan_low=float(tangents[0]),
        tan_high=float(tangents[-1]),
        pt_min=card.tracking.acceptance.pt_min.value,
        log_u0=math.log(U_GRID[0]),
        log_u_step=math.log(U_GRID[1] / U_GRID[0]),
        tan_step=float(tangents[1] - tangents[0]),
        response_r_step=float(RESPONSE_RADII[1] - RESPONSE_RADII[0]),
        depth_tan0=float(_DEPTH_TAN[0]),
        depth_tan_step=float(_DEPTH_TAN[1] - _DEPTH_TAN[0]),
        hits_r_step=float(_HIT_RADII[1] - _HIT_RADII[0]),
        brems_cutoff=_BREMS_CUTOFF,
        brems_rate=brems_rate(_BREMS_CUTOFF),
    )
    return TrackTables(
        numbers=numbers,
        resolution=resolution,
        response=response,
        depth=np.ascontiguousarray(np.stack([radius, depth], axis=2)),
        hits=hit_table(card, _DEPTH_TAN, _HIT_RADII),
        efficiency=prompt_efficiency_table(card),
        displaced=np.array([rho, [*(r.value for r in displaced), 0.0]]),
    )


def _sigma_table(section: CalorimeterSection) -> FloatArray:
    """(3 regions, energies, 3): sigma_E/E, sigma_theta, sigma_phi, from the coefficients of the card's level."""
    table = np.empty((3, len(_ENERGIES), 3))
    for row in section.coefficients:
        if row.background_level != section.background_level.value:
            continue
        column = ("sigmaE_over_E", "sigma_theta", "sigma_phi").index(row.quantity)
        scale = 1e-2 if row.unit == "%" else 1e-3
        e = _ENERGIES
        value = scale * (row.a_invE / e + row.b_invE0p5 / np.sqrt(e) + row.c_invE0p25 / e**0.25 + row.d_const)
        # below the threshold a constant: a fraction for energies, in the table's unit for angles
        below = row.value_below_threshold * (1.0 if row.unit == "%" else 1e-3)
        table[REGIONS.index(row.region), :, column] = np.where(e < row.threshold_GeV, below, value)
    return table


def crystal_ball_tail(alpha: float, power: float) -> float:
    """Share of a Crystal Ball shape below -alpha sigma [Gaiser, SLAC-R-255 (1982), appendix F].

    Examples
    --------
    >>> round(crystal_ball_tail(1.2, 5.0), 3)
    0.186
    """
    tail = power / (alpha * (power - 1.0)) * math.exp(-0.5 * alpha * alpha)
    core = math.sqrt(0.5 * math.pi) * (1.0 + math.erf(alpha / math.sqrt(2.0)))
    return tail / (tail + core)


def _cluster_tables(card: DetectorCard) -> ClusterTables:
    section = card.calorimeter
    regions = [section.regions.fwd, section.regions.barrel, section.regions.bwd]
    pair = section.conversion
    _, _, outer = depth_tables(card, _DEPTH_TAN)
    rows = [
        [
            math.radians(r.theta_min_deg.value),
            math.radians(r.theta_max_deg.value),
            r.energy_min.value,
            r.efficiency.value,
        ]
        for r in regions
    ]
    slope = (1.0 - pair.factor_low.value) / math.log(pair.energy_unity.value / pair.energy_low.value)
    numbers = ClusterNumbers(
        barrel_radius=section.surface.barrel_radius_cm.value,
        forward_z=section.surface.forward_z_cm.value,
        backward_z=section.surface.backward_z_cm.value,
        log_e0=math.log(_ENERGIES[0]),
        log_e_step=math.log(_ENERGIES[1] / _ENERGIES[0]),
        tail_fraction=crystal_ball_tail(section.tail.alpha.value, section.tail.power.value),
        tail_alpha=section.tail.alpha.value,
        tail_power=section.tail.power.value,
        pair_low=pair.factor_low.value,
        pair_log_low=math.log(pair.energy_low.value),
        pair_slope=slope,
        outer_loss=pair.outer_loss.value,
        merge_angle=section.merging.angle_rad.value,
        in_time=section.timing.in_time.value,
    )
    return ClusterTables(numbers=numbers, regions=np.array(rows), sigma=_sigma_table(section), outer=outer)


def build_detector(
    card: DetectorCard, ideal: bool = False, finding: str = "baseline", spurious: bool = False
) -> Detector:
    """Turn a card into the tables that the kernels use.

    Parameters
    ----------
    card : DetectorCard
        From `toymc.geometry.load_card`.
    ideal : bool
        Track resolutions as the layers alone give them, without the tuning to the card's parametrisations.
    finding : str
        Track finding: an algorithm of the card, baseline or gnn.
    spurious : bool
        Make fake tracks at the published rate of the algorithm, and second tracks of curling particles.

    Returns
    -------
    Detector

    Raises
    ------
    InputError
        If the tables of the card contradict each other, or the card has no such track finding.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> build_detector(load_card("belle2")).trigger_lines[0]
    'fyo'
    """
    return Detector(
        card=card,
        tracks=_track_tables(card, ideal),
        clusters=_cluster_tables(card),
        trigger=TriggerTables(
            rows=trigger_rows(card.trigger.lines),
            track_energy=card.trigger.track_cluster.energy.value,
            track_pt_min=card.trigger.track_cluster.pt_min.value,
        ),
        finding=finding_tables(card, finding, spurious),
        identification=identification_tables(card.identification, card.folder / "card.toml"),
        trigger_lines=tuple(line.name for line in card.trigger.lines),
    )
