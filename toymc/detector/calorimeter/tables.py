"""The calorimeter as its kernels see it: scalars in a tuple, arrays beside it (inside they would be counted)."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import M_N, M_P, OMEGA_PER_TESLA_GEV_CM
from toymc.detector.calorimeter.response import (
    DEPTHS,
    ENERGIES,
    LOG_BETA_GAMMA,
    SCORES,
    ionisation_table,
    response_table,
    sigma_table,
    xi_gev,
)
from toymc.detector.layers import shells_at
from toymc.geometry import DetectorCard
from toymc.geometry.calorimeter import CalorimeterSection

FloatArray = npt.NDArray[np.float64]

_TANGENTS = np.linspace(-2.4, 4.8, 181)
"""Grid of the material tables in tan lambda: theta from 11.8 to 157 degrees, wider than the calorimeter."""

HADRONS = ("pi_plus", "pi_minus", "K_plus", "K_minus", "p", "pbar", "K_L", "n", "nbar")
"""Rows of `CalorimeterTables.hadrons`."""


class CalorimeterNumbers(NamedTuple):
    """Scalars of the kernels (cm, GeV, rad).

    Surface, gyration (curvature times pT), grids, photons, merging, timing, ionisation, hadrons, split-offs,
    background, radiation, in this order.
    """

    barrel_radius: float
    forward_z: float
    backward_z: float
    crystal_length: float
    gyration: float
    loop_path: float
    log_e0: float
    log_e_step: float
    score0: float
    score_step: float
    depth_step: float
    tan0: float
    tan_step: float
    pair_low: float
    pair_log_low: float
    pair_slope: float
    outer_loss: float
    loss_per_x0: float
    edge_radius: float
    edge_fluctuation: float
    crystal_width: float
    merge_cosine: float
    in_time: float
    log_bg0: float
    log_bg_step: float
    xi: float
    hadron_angle: float
    coil_chance: float
    split_mean: float
    split_none: float
    split_energy: float
    split_angle_min: float
    split_angle: float
    split_in_time: float
    background_mean: float
    background_in_time: float
    brems_cutoff: float
    brems_rate: float


class CalorimeterTables(NamedTuple):
    """What `cluster_tables` makes of a card.

    `regions` (3, 6), forward, barrel, backward: lowest and highest cos(theta), smallest energy, efficiency beside
    conversions, lowest and highest theta. `sigma` (3, n_e, 3): sigma_E/E, sigma_theta, sigma_phi over ln E. `response`
    (3, n_e, n_s): shape of the energy's deviation over ln E and normal score; `scale` (3, n_e, n_d, 3): what turns it
    into sigma_E, factor of what late conversions lose, shift, over X/X0 behind the tracker. `outer` (n_t,): this X/X0
    over tan lambda. `shells` (n_t, n_k, 2): radius and X/X0 summed up to and including it, inside the tracker.
    `hadrons` (9, 3), rows `HADRONS`: interactions per cm, what is added to the energy before it can become visible, 1
    if the particle is captured or annihilates when it stops. `ionisation` (n_b, n_s): energy loss over ln(beta gamma)
    and normal score. `background` (3, 2): cumulative share of the regions, mean energy above the threshold.
    """

    numbers: CalorimeterNumbers
    regions: FloatArray
    sigma: FloatArray
    response: FloatArray
    scale: FloatArray
    outer: FloatArray
    shells: FloatArray
    hadrons: FloatArray
    visible: FloatArray
    ionisation: FloatArray
    background: FloatArray


def brems_rate(cutoff: float) -> float:
    """Photons per radiation length with more than `cutoff` of the electron's energy.

    Integral of (4/3 - 4y/3 + y^2)/y from `cutoff` to 1 [Y.-S. Tsai, RMP 46 (1974) 815; PDG review, eq. 34.29].

    Examples
    --------
    >>> round(brems_rate(1e-3), 3)
    8.378
    """
    return 4.0 / 3.0 * math.log(1.0 / cutoff) - 4.0 / 3.0 * (1.0 - cutoff) + 0.5 * (1.0 - cutoff * cutoff)


def _material(card: DetectorCard) -> tuple[FloatArray, FloatArray]:
    """X/X0 behind the tracker, and the shells inside it."""
    lines = [shells_at(card, math.atan2(1.0, t)) for t in _TANGENTS]
    width = max(int((~line.outer).sum()) for line in lines)
    shells = np.zeros((len(lines), max(width, 1), 2))
    shells[:, :, 0] = 1e3
    outer = np.zeros(len(lines))
    for k, line in enumerate(lines):
        inner = ~line.outer
        n = int(inner.sum())
        shells[k, :n, 0] = line.radius[inner]
        shells[k, :n, 1] = np.cumsum(line.x_over_x0[inner])
        shells[k, n:, 1] = shells[k, n - 1, 1] if n else 0.0
        outer[k] = line.x_over_x0[line.outer].sum()
    return outer, shells


def _regions(section: CalorimeterSection) -> FloatArray:
    rows = []
    for r in (section.regions.fwd, section.regions.barrel, section.regions.bwd):
        low, high = math.radians(r.theta_min_deg.value), math.radians(r.theta_max_deg.value)
        rows.append([math.cos(high), math.cos(low), r.energy_min.value, r.efficiency.value, low, high])
    return np.array(rows)


def _hadrons(section: CalorimeterSection) -> FloatArray:
    """Visible can become the total energy, less the mass of a baryon, plus that of a nucleon that is annihilated."""
    added = {"p": -M_P, "pbar": M_P, "n": -M_N, "nbar": M_N}
    captured = ("pi_minus", "K_minus", "pbar")
    lengths = section.showers.interaction_length_cm
    return np.array([[1.0 / getattr(lengths, h).value, added.get(h, 0.0), float(h in captured)] for h in HADRONS])


def _visible_shares(section: CalorimeterSection) -> FloatArray:
    """Inverse of 1 - (1 - x^a)^b."""
    shape = section.showers.hadrons
    u = np.linspace(0.0, 1.0, 257)
    shares: FloatArray = (1.0 - (1.0 - u) ** (1.0 / shape.shape_b.value)) ** (1.0 / shape.shape_a.value)
    return shares


def _background(section: CalorimeterSection) -> tuple[float, FloatArray]:
    option = section.background
    regions = (option.fwd, option.barrel, option.bwd)
    mean = np.array([r.mean_number.value for r in regions])
    total = float(mean.sum())
    share = np.cumsum(mean) / total if total > 0.0 else np.ones(3)
    return option.scale.value * total, np.stack([share, [r.energy_mean.value for r in regions]], axis=1)


def _numbers(card: DetectorCard, background: float) -> CalorimeterNumbers:
    section = card.calorimeter
    pair, showers = section.conversion, section.showers
    slope = (1.0 - pair.factor_low.value) / math.log(pair.energy_unity.value / pair.energy_low.value)
    surface = section.surface
    # two crystals in both directions, seen from the nearest face
    nearest = min(surface.barrel_radius_cm.value, surface.forward_z_cm.value, -surface.backward_z_cm.value)
    return CalorimeterNumbers(
        barrel_radius=surface.barrel_radius_cm.value,
        forward_z=surface.forward_z_cm.value,
        backward_z=surface.backward_z_cm.value,
        crystal_length=surface.crystal_length_cm.value,
        gyration=OMEGA_PER_TESLA_GEV_CM * card.field.solenoid_tesla.value,
        loop_path=showers.hadrons.loop_path_cm.value,
        log_e0=math.log(ENERGIES[0]),
        log_e_step=math.log(ENERGIES[1] / ENERGIES[0]),
        score0=float(SCORES[0]),
        score_step=float(SCORES[1] - SCORES[0]),
        depth_step=float(DEPTHS[1] - DEPTHS[0]),
        tan0=float(_TANGENTS[0]),
        tan_step=float(_TANGENTS[1] - _TANGENTS[0]),
        pair_low=pair.factor_low.value,
        pair_log_low=math.log(pair.energy_low.value),
        pair_slope=slope,
        outer_loss=pair.outer_loss.value,
        loss_per_x0=pair.energy_per_x0.value,
        edge_radius=section.response.edge_radius_cm.value,
        edge_fluctuation=section.response.edge_fluctuation.value,
        crystal_width=surface.crystal_width_cm.value,
        merge_cosine=math.cos(min(2.0 * math.sqrt(2.0) * surface.crystal_width_cm.value / nearest, math.pi)),
        in_time=section.timing.in_time.value,
        log_bg0=float(LOG_BETA_GAMMA[0]),
        log_bg_step=float(LOG_BETA_GAMMA[1] - LOG_BETA_GAMMA[0]),
        xi=xi_gev(showers.ionisation, surface.crystal_length_cm.value),
        hadron_angle=showers.hadrons.angle_rad.value,
        coil_chance=-math.expm1(-card.regions.behind.coil_lambda.value),
        split_mean=showers.split_offs.mean_number.value,
        split_none=math.exp(-showers.split_offs.mean_number.value),
        split_energy=showers.split_offs.energy_mean.value,
        split_angle_min=showers.split_offs.angle_min_rad.value,
        split_angle=showers.split_offs.angle_mean_rad.value,
        split_in_time=showers.split_offs.in_time.value,
        background_mean=background,
        background_in_time=section.background.in_time.value,
        brems_cutoff=section.bremsstrahlung.cutoff.value,
        brems_rate=brems_rate(section.bremsstrahlung.cutoff.value),
    )


def cluster_tables(card: DetectorCard) -> CalorimeterTables:
    """Turn a card into the tables of the calorimeter.

    Parameters
    ----------
    card : DetectorCard
        From `toymc.geometry.load_card`.

    Returns
    -------
    CalorimeterTables

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> cluster_tables(load_card("belle2")).numbers.barrel_radius
    125.0
    """
    section = card.calorimeter
    outer, shells = _material(card)
    regions = _regions(section)
    response, scale = response_table(section)
    mean, background = _background(section)
    length = section.surface.crystal_length_cm.value
    return CalorimeterTables(
        numbers=_numbers(card, mean),
        regions=regions,
        sigma=sigma_table(section, section.background_level.value),
        response=response,
        scale=scale,
        outer=outer,
        shells=shells,
        hadrons=_hadrons(section),
        visible=_visible_shares(section),
        ionisation=ionisation_table(section.showers.ionisation, length),
        background=np.ascontiguousarray(background),
    )
