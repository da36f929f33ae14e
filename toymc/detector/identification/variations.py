"""Uncertainties of identification as named sources with weights up and down for each track.

The error of a cell of the card (relative: r) is split into a part that moves the whole table of a species at once, with
share s of the variance, and a statistical part that is one number in each bin of the official corrections (edges in p
and theta of the card) and independent between bins: up = 1 +- sqrt(s) r for all, 1 +- sqrt(1 - s) r inside a bin. Both
together give r for every single track. Read in public sources: the bins of electrons and muons, and that corrections
come with statistical and systematic errors apart. Assumed: the share s, the edges of the hadron bins, and the errors of
the cells that rest on memory (tag M in the card). Varied probabilities stay between 0 and 1.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from toymc.detector.identification.public import (
    RangePoint,
    _working_point,
    identification_error,
    identification_probability,
)
from toymc.detector.tables import Detector
from toymc.errors import InputError
from toymc.geometry.identification import CorrectionBins
from toymc.geometry.numbers import SPECIES, Species

FloatArray = npt.NDArray[np.float64]

_CODES = {"e": 11, "mu": 13, "pi": 211, "K": 321, "p": 2212}
_BINS: tuple[Literal["electron", "muon", "hadron"], ...] = ("electron", "muon", "hadron", "hadron")


@dataclass(frozen=True)
class IdentificationSource:
    """One nuisance parameter of a working point.

    Attributes
    ----------
    name : str
        ``<working point>/<species>/table`` or ``<working point>/<species>/p0.7-1/theta0.4-0.64``.
    detector : Detector
    working_point, species : str
    share : float
        Of the variance of a cell.
    p, theta : (float, float)
        Range in GeV and rad, the outermost bins open.
    """

    name: str
    detector: Detector
    working_point: str
    species: Species
    share: float
    p: tuple[float, float]
    theta: tuple[float, float]

    def weights(
        self, true_pdg: npt.ArrayLike, p: npt.ArrayLike, theta: npt.ArrayLike, charge: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Factors on the probability of each track, one standard deviation up and down.

        Parameters
        ----------
        true_pdg, p, theta, charge
            As for `identification_probability`.

        Returns
        -------
        up, down : float64 (n,)
            1 for tracks that the source does not touch.
        """
        codes, momenta, angles = np.abs(np.asarray(true_pdg)), np.asarray(p), np.asarray(theta)
        mine = (codes == _CODES[self.species]) & (momenta >= self.p[0]) & (momenta < self.p[1])
        mine &= (angles >= self.theta[0]) & (angles < self.theta[1])
        columns = (true_pdg, p, theta, charge)
        relative = identification_error(self.detector, self.working_point, *columns)
        probability = identification_probability(self.detector, self.working_point, *columns)
        shift = np.where(mine, math.sqrt(self.share) * relative, 0.0)
        most = np.divide(1.0, probability, out=np.full_like(probability, np.inf), where=probability > 0.0)
        up: FloatArray = np.minimum(1.0 + shift, np.maximum(most, 1.0))
        down: FloatArray = np.maximum(1.0 - shift, 0.0)
        return up, down


def _open(edges: tuple[float, ...]) -> list[tuple[float, float]]:
    """Bins between edges, the first and the last open."""
    inner = [-math.inf, *edges[1:-1], math.inf]
    return list(zip(inner, inner[1:], strict=False))


def _label(low: float, high: float, edges: tuple[float, ...]) -> str:
    return f"{max(low, edges[0]):g}-{min(high, edges[-1]):g}"


def identification_variations(
    detector: Detector, working_point: str, species: Species | None = None
) -> list[IdentificationSource]:
    """Named sources of uncertainty of a working point.

    Parameters
    ----------
    detector : Detector
    working_point : str
        A name of the card or ``muonID_range>x``.
    species : str, optional
        e, mu, pi, K or p; all if left out.

    Returns
    -------
    list of IdentificationSource
        For each species the part common to the table, then one for each bin of the official corrections.

    Raises
    ------
    InputError
        For an unknown working point or species.

    Examples
    --------
    >>> from toymc.detector import build_detector
    >>> from toymc.geometry import load_card
    >>> sources = identification_variations(build_detector(load_card("belle2")), "muonID>0.9", "pi")
    >>> len(sources), sources[0].name
    (49, 'muonID>0.9/pi/table')
    """
    point = _working_point(detector, working_point)
    if species is not None and species not in SPECIES:
        raise InputError(f"species '{species}': give one of {', '.join(SPECIES)}")
    card = detector.card.identification.variations
    kind = "muon" if isinstance(point, RangePoint) else _BINS[point.column]
    bins: CorrectionBins = getattr(card, kind)
    share = card.correlated_share.value
    everywhere = (-math.inf, math.inf)
    sources = []
    for s in SPECIES if species is None else (species,):
        stem = f"{working_point}/{s}"
        sources.append(IdentificationSource(f"{stem}/table", detector, working_point, s, share, everywhere, everywhere))
        for p in _open(bins.p):
            for theta in _open(bins.theta):
                name = f"{stem}/p{_label(*p, bins.p)}/theta{_label(*theta, bins.theta)}"
                sources.append(IdentificationSource(name, detector, working_point, s, 1.0 - share, p, theta))
    return sources
