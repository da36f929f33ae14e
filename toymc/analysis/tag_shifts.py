"""The three tag tracks seen with something changed: beams, momentum scale, alignment, material, resolution, weights.

Each function takes the columns of selected events (`three_by_one`, `track_columns` and `tag_momenta` of the tag tracks)
and gives their pseudomass and a factor of their weight, so that a variation acts on the very same events: its effect is
known far better than either result. Cuts are not moved with it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.pseudomass import TAG_TRACKS, stacked, tracks_pseudo_mass
from toymc.constants import M_PI
from toymc.geometry.beam import BeamCard

FloatArray = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
Shifted = tuple[FloatArray, FloatArray]
"""Pseudomass in GeV and factor of the weight, float64 (n,) each."""


def _seen(momenta: FloatArray, boost: npt.ArrayLike, sqrt_s: float) -> Shifted:
    return tracks_pseudo_mass(momenta, boost, sqrt_s), np.ones(len(momenta))


def energy_shift(beam: BeamCard, delta: float, columns: Columns) -> Shifted:
    """Energy in the centre of mass assumed wrongly by `delta` GeV."""
    return _seen(stacked(columns), beam.boost, beam.sqrt_s + delta)


def boost_shift(beam: BeamCard, delta: float, columns: Columns) -> Shifted:
    """Electrons up by `delta` GeV and positrons down, at the same energy in the centre of mass (4 E1 E2)."""
    high, low = beam.electron.energy_GeV.value, beam.positron.energy_GeV.value
    ratio = (high + delta - low * high / (high + delta)) / (high - low)
    return _seen(stacked(columns), np.array(beam.boost) * np.array([1.0, 1.0, ratio]), beam.sqrt_s)


def scale_shift(beam: BeamCard, relative: float, columns: Columns) -> Shifted:
    """All momenta by a fraction."""
    return _seen(stacked(columns) * (1.0 + relative), beam.boost, beam.sqrt_s)


def curvature_shift(beam: BeamCard, delta: float, columns: Columns) -> Shifted:
    """q / p_T of all tracks by `delta` per GeV: what a deformation of the detector that no track fit sees does."""
    momenta = stacked(columns)
    charge = np.stack([columns[f"{t}_charge"] for t in TAG_TRACKS], axis=1)
    inverse = 1.0 / np.hypot(momenta[..., 0], momenta[..., 1])
    return _seen(momenta * (inverse / (inverse + charge * delta))[..., None], beam.boost, beam.sqrt_s)


def material_shift(beam: BeamCard, reference: float, loss: float, columns: Columns) -> Shifted:
    """Energy loss wrong by `loss` GeV for a minimum-ionising pion at 90 degrees, ~ beta^(-5/3) / sin(theta).

    The scale of momenta is calibrated in data as a function of the polar angle, with tracks of the momentum `reference`
    (GeV): there nothing is left of the change, which is the difference to it. The power of beta is that of the loss
    below minimum ionisation [PDG review "Passage of particles through matter"]; sin(theta) is kept above 0.1.
    """
    momenta = stacked(columns)
    p = np.sqrt(np.sum(momenta**2, axis=2))
    sine = np.maximum(np.hypot(momenta[..., 0], momenta[..., 1]) / p, 0.1)

    def relative(q: FloatArray) -> FloatArray:
        return np.asarray(loss / q * (np.hypot(q, M_PI) / q) ** (8.0 / 3.0))

    change = (relative(p) - relative(np.array(reference))) / sine
    return _seen(momenta * (1.0 + change)[..., None], beam.boost, beam.sqrt_s)


def resolution_shift(beam: BeamCard, factor: float, columns: Columns) -> Shifted:
    """Distance of every track to the truth times a factor; 0 is no resolution at all."""
    true = stacked(columns, true=True)
    return _seen(true + factor * (stacked(columns) - true), beam.boost, beam.sqrt_s)


def tracking_shift(relative: float, columns: Columns) -> Shifted:
    """Efficiency per track along a straight line in momentum, from -`relative` at 0 to +`relative` at 4 GeV."""
    p = np.sqrt(np.sum(stacked(columns) ** 2, axis=2))
    slope = relative * (np.minimum(p, 4.0) / 2.0 - 1.0)
    return columns["tag3hMmin"], np.prod(1.0 + slope, axis=1)


def trigger_shift(columns: Columns) -> Shifted:
    """No inefficiency of the trigger."""
    weight = columns["triggerWeight"]
    return columns["tag3hMmin"], np.divide(1.0, weight, out=np.ones(len(weight)), where=weight > 0.0)


def pi0_shift(ratio: float, other: float, columns: Columns) -> Shifted:
    """pi0 beside the tracks found `other`, not `ratio` times as often as in simulation (veto of `pi0_count_factor`)."""
    return columns["tag3hMmin"], ((1.0 - other) / (1.0 - ratio)) ** columns["nPi0s_3prong"]


def radiation_shift(column: str, above: float, relative: float, columns: Columns) -> Shifted:
    """Events with more than `above` GeV in a column of photon energies by a fraction."""
    return columns["tag3hMmin"], np.where(columns[column] > above, 1.0 + relative, 1.0)


def three_pion_mass2(columns: Columns) -> FloatArray:
    """True squared mass of the three tracks as pions, GeV^2."""
    true = stacked(columns, true=True)
    energy = np.sqrt(np.sum(true**2, axis=2) + M_PI**2).sum(axis=1)
    square: FloatArray = energy**2 - np.sum(true.sum(axis=1) ** 2, axis=1)
    return square
