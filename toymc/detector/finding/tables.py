"""Track finding as the kernels see it: the numbers of one algorithm of a card, and the table of prompt tracks."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.geometry import DetectorCard
from toymc.geometry.finding import Algorithm
from toymc.geometry.reading import check_tiling

FloatArray = npt.NDArray[np.float64]


class FindingNumbers(NamedTuple):
    """Scalars of `_probability`: GeV, cm, inverse squares of the scales in d0, z0; share of wrong charges below a pT.

    Behind `silicon_reach` lie fewer than `silicon_layers` strip layers.
    """

    pt_min: float
    tan_low: float
    tan_high: float
    prompt_radius: float
    silicon_layers: float
    silicon_reach: float
    silicon_d0: float
    silicon_z0: float
    min_hits: float
    hit_scale: float
    impact: float
    off_origin: float
    flip_rate: float
    flip_pt: float


class KinkNumbers(NamedTuple):
    """Scalars of `_after_kink`: field (T), distance of layers and roads (cm), share of hits that owns, kinks found."""

    field: float
    silicon_layers: float
    strip_step: float
    wire_step: float
    road: float
    road_z: float
    purity: float
    factor: float
    splits: bool


class SpuriousNumbers(NamedTuple):
    """Scalars of `_fakes` and `_cloned`; the mean number of fake tracks for each found one is 0 where they are off."""

    field: float
    pt_min: float
    tan_low: float
    tan_high: float
    min_hits: float
    wire_step: float
    fake_mean: float
    extra_hits: float
    d0: float
    z0: float
    clone_rate: float
    clone_pt: float


class FindingTables(NamedTuple):
    """Track finding of one algorithm: scalars for three groups of kernels, kept apart as each call copies them.

    `efficiency` (1 + n_pt, 1 + n_theta): efficiency of prompt tracks; row 0 holds the lower bin edges in tan lambda
    (rising), column 0 those in pT.
    """

    numbers: FindingNumbers
    kinks: KinkNumbers
    spurious: SpuriousNumbers
    efficiency: FloatArray


def prompt_efficiency_table(card: DetectorCard) -> FloatArray:
    """Efficiencies of prompt tracks with the lower bin edges in tan lambda (rising) in row 0 and in pT in column 0.

    Raises
    ------
    InputError
        If the bins of the card do not join.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> prompt_efficiency_table(load_card("belle2")).shape
    (10, 6)
    """
    rows = card.finding.efficiency
    where = card.folder / "card.toml"
    pt = np.array(check_tiling([(r.pt_min, r.pt_max) for r in rows], ("pt_min", "pt_max"), where))
    names = ("theta_min_deg", "theta_max_deg")
    theta = np.array(check_tiling([(r.theta_min_deg, r.theta_max_deg) for r in rows], names, where))
    table = np.zeros((len(pt), len(theta)))
    for r in rows:
        table[1 + np.searchsorted(pt, r.pt_min), -1 - np.searchsorted(theta, r.theta_min_deg)] = r.value
    table[1:, 0] = pt[:-1]
    table[0, 1:] = (1.0 / np.tan(np.radians(theta[1:])))[::-1]
    return table


def _algorithm(card: DetectorCard, name: str) -> Algorithm:
    found = card.finding.algorithms.get(name)
    if found is None:
        known = ", ".join(card.finding.algorithms)
        raise InputError(f"unknown track finding '{name}': card {card.name} has {known}")
    return found


def _steps(card: DetectorCard) -> tuple[float, float, float]:
    """Mean distance of strip layers and of wire layers (cm), mean stereo angle (rad)."""
    names = [layer.layer for layer in card.tracking.silicon_layers if layer.detector == "svd"]
    radii = [min(s.r_at_z_min_cm for s in card.tracking.silicon_sensors if s.layer == n) for n in names]
    wires = sorted(w.waist_radius_cm for w in card.tracking.chamber)
    stereo = [abs(w.stereo_mrad) for w in card.tracking.chamber if w.stereo_mrad != 0.0]
    strip = (max(radii) - min(radii)) / max(len(radii) - 1, 1)
    wire = (wires[-1] - wires[0]) / max(len(wires) - 1, 1)
    return strip, wire, 1e-3 * float(np.mean(stereo))


def _reach(card: DetectorCard, layers: int) -> float:
    """Radius (cm) behind which fewer than so many strip layers lie."""
    names = [layer.layer for layer in card.tracking.silicon_layers if layer.detector == "svd"]
    widest = [
        max(max(s.r_at_z_min_cm, s.r_at_z_max_cm) for s in card.tracking.silicon_sensors if s.layer == name)
        for name in names
    ]
    return sorted(widest, reverse=True)[layers - 1] if 0 < layers <= len(widest) else math.inf


def finding_tables(card: DetectorCard, finding: str = "baseline", spurious: bool = False) -> FindingTables:
    """The track finding of a card.

    Parameters
    ----------
    card : DetectorCard
        From `toymc.geometry.load_card`.
    finding : str
        Name of an algorithm of the card: baseline, or gnn where the card has it.
    spurious : bool
        Make fake tracks at the published rate of the algorithm, and second tracks of curling particles.

    Returns
    -------
    FindingTables

    Raises
    ------
    InputError
        For an algorithm that the card does not have.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> finding_tables(load_card("belle2"), "gnn").numbers.min_hits
    7.0
    """
    section, acceptance = card.finding, card.tracking.acceptance
    algorithm = _algorithm(card, finding)
    strip, wire, stereo = _steps(card)
    fake = algorithm.fake_rate.value if spurious else 0.0
    if fake >= 1.0:
        raise InputError(f"{card.name}: fake_rate = {fake:g} of '{finding}' leaves no true track: give less than 1")
    field = card.field.solenoid_tesla.value
    tan_low = 1.0 / math.tan(math.radians(acceptance.theta_max_deg.value))
    tan_high = 1.0 / math.tan(math.radians(acceptance.theta_min_deg.value))
    silicon_layers = float(section.silicon.min_layers.value)
    numbers = FindingNumbers(
        pt_min=acceptance.pt_min.value,
        tan_low=tan_low,
        tan_high=tan_high,
        prompt_radius=section.prompt.radius_cm.value,
        silicon_layers=silicon_layers,
        silicon_reach=_reach(card, int(silicon_layers)),
        silicon_d0=section.silicon.impact_cm.value**-2,
        silicon_z0=section.silicon.z_cm.value**-2,
        min_hits=float(algorithm.min_hits.value),
        hit_scale=algorithm.hit_scale.value,
        impact=algorithm.impact_cm.value**-2,
        off_origin=algorithm.off_origin.value,
        flip_rate=section.charge.rate.value,
        flip_pt=section.charge.pt_max.value,
    )
    road = section.kinks.road_cm.value
    kinks = KinkNumbers(
        field=field,
        silicon_layers=silicon_layers,
        strip_step=strip,
        wire_step=wire,
        road=road,
        road_z=road / stereo,
        purity=section.kinks.purity.value,
        factor=algorithm.kink_factor.value,
        splits=algorithm.kink_splits_merged.value,
    )
    shape = SpuriousNumbers(
        field=field,
        pt_min=acceptance.pt_min.value,
        tan_low=tan_low,
        tan_high=tan_high,
        min_hits=float(algorithm.min_hits.value),
        wire_step=wire,
        fake_mean=fake / (1.0 - fake),
        extra_hits=section.spurious.extra_hits.value,
        d0=section.spurious.d0_cm.value,
        z0=section.spurious.z0_cm.value,
        clone_rate=section.spurious.clone_rate.value if spurious else 0.0,
        clone_pt=section.spurious.clone_pt_max.value,
    )
    return FindingTables(numbers=numbers, kinks=kinks, spurious=shape, efficiency=prompt_efficiency_table(card))
