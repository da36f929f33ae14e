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
    """Scalars of the track finding: cm, GeV; inverse squares of the scales in d0 and z0; rates per track.

    `fake_mean` is the mean number of fake tracks for each found one, `clone_rate` 0 where the option is off.
    """

    field: float
    pt_min: float
    tan_low: float
    tan_high: float
    prompt_radius: float
    silicon_layers: float
    silicon_d0: float
    silicon_z0: float
    min_hits: float
    hit_scale: float
    impact: float
    strip_step: float
    wire_step: float
    first_wire: float
    road: float
    road_z: float
    purity: float
    kink_factor: float
    kink_splits: bool
    flip_rate: float
    flip_pt: float
    fake_mean: float
    fake_hits: float
    fake_d0: float
    fake_z0: float
    clone_rate: float
    clone_pt: float


class FindingTables(NamedTuple):
    """Track finding of one algorithm.

    `efficiency` (1 + n_pt, 1 + n_theta): efficiency of prompt tracks; row 0 holds the lower bin edges in tan lambda
    (rising), column 0 those in pT.
    """

    numbers: FindingNumbers
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
    (9, 6)
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


def _steps(card: DetectorCard) -> tuple[float, float, float, float]:
    """Mean distance of strip layers and of wire layers, radius of the first wire layer (cm), mean stereo angle."""
    names = [layer.layer for layer in card.tracking.silicon_layers if layer.detector == "svd"]
    radii = [min(s.r_at_z_min_cm for s in card.tracking.silicon_sensors if s.layer == n) for n in names]
    wires = sorted(w.waist_radius_cm for w in card.tracking.chamber)
    stereo = [abs(w.stereo_mrad) for w in card.tracking.chamber if w.stereo_mrad != 0.0]
    strip = (max(radii) - min(radii)) / max(len(radii) - 1, 1)
    wire = (wires[-1] - wires[0]) / max(len(wires) - 1, 1)
    return strip, wire, wires[0], 1e-3 * float(np.mean(stereo))


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
    section = card.finding
    algorithm = _algorithm(card, finding)
    strip, wire, first_wire, stereo = _steps(card)
    fake = algorithm.fake_rate.value if spurious else 0.0
    if fake >= 1.0:
        raise InputError(f"{card.name}: fake_rate = {fake:g} of '{finding}' leaves no true track: give less than 1")
    acceptance = card.tracking.acceptance
    road = section.kinks.road_cm.value
    numbers = FindingNumbers(
        field=card.field.solenoid_tesla.value,
        pt_min=acceptance.pt_min.value,
        tan_low=1.0 / math.tan(math.radians(acceptance.theta_max_deg.value)),
        tan_high=1.0 / math.tan(math.radians(acceptance.theta_min_deg.value)),
        prompt_radius=section.prompt.radius_cm.value,
        silicon_layers=float(section.silicon.min_layers.value),
        silicon_d0=section.silicon.impact_cm.value**-2,
        silicon_z0=section.silicon.z_cm.value**-2,
        min_hits=float(algorithm.min_hits.value),
        hit_scale=algorithm.hit_scale.value,
        impact=algorithm.impact_cm.value**-2,
        strip_step=strip,
        wire_step=wire,
        first_wire=first_wire,
        road=road,
        road_z=road / stereo,
        purity=section.kinks.purity.value,
        kink_factor=algorithm.kink_factor.value,
        kink_splits=algorithm.kink_splits_merged.value,
        flip_rate=section.charge.rate.value,
        flip_pt=section.charge.pt_max.value,
        fake_mean=fake / (1.0 - fake),
        fake_hits=section.spurious.extra_hits.value,
        fake_d0=section.spurious.d0_cm.value,
        fake_z0=section.spurious.z0_cm.value,
        clone_rate=section.spurious.clone_rate.value if spurious else 0.0,
        clone_pt=section.spurious.clone_pt_max.value,
    )
    return FindingTables(numbers=numbers, efficiency=prompt_efficiency_table(card))
