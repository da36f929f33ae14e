"""Everything to look at after the fit of one model, from one call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError, ToymcError
from toymc.inference.diagnostics.goodness import Goodness, goodness_of_fit
from toymc.inference.diagnostics.impacts import Impact, error_components, impacts, signed_likelihood
from toymc.inference.diagnostics.parameters import FitSummary, Pull, correlation, fit_pulls, fit_summary
from toymc.inference.limits import upper_limit
from toymc.inference.model import Channel, FloatArray, Model
from toymc.inference.profile import Dataset, FitResult, Likelihood
from toymc.inference.toys import Mapper


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a fit says about itself.

    Attributes
    ----------
    model : str
    data : str
        What was fitted: "observed counts" or "expectation at <poi> = <value>".
    summary : FitSummary
        Of the fit with the parameter of interest free, negative values allowed.
    pulls : list of Pull
        Of every parameter, factors per bin at the end.
    impacts : list of Impact
        The largest first; empty if the fit failed.
    components : dict of str to float
        Error of the parameter of interest by origin; empty if there is none.
    names, correlation : list of str, float64 (n, n)
        Correlations of all parameters that moved.
    goodness : Goodness or None
        Of the same fit; None for data that are their own expectation.
    notes : tuple of str
        What could not be had, and why.
    """

    model: str
    data: str
    summary: FitSummary
    pulls: list[Pull]
    impacts: list[Impact]
    components: dict[str, float]
    names: list[str]
    correlation: FloatArray
    goodness: Goodness | None
    notes: tuple[str, ...]


def diagnose(
    model: Model,
    data: Mapping[str, npt.ArrayLike] | None = None,
    *,
    expected_at: float | None = None,
    n_toys: int = 0,
    seed: int = 1,
    groups: Mapping[str, Sequence[str]] | None = None,
    per_bin: bool = True,
    mapper: Mapper | None = None,
) -> Diagnosis:
    """Fit a model and look at the fit from all sides.

    Without data the expectation is fitted in their place: pulls vanish, constraints, correlations and impacts are those
    to expect. It is taken with the parameter of interest at its median expected limit (95 %), where a search decides,
    and not at zero: impacts of sources on the efficiency of the signal vanish there.

    Parameters
    ----------
    model : Model
    data : mapping of channel name to counts, optional
        The model's observed counts if not given.
    expected_at : float, optional
        Fit the expectation at this value of the parameter of interest, whatever the data.
    n_toys, seed, mapper
        Toys of the goodness of fit, see `goodness_of_fit`; 0 for none.
    groups : mapping, optional
        See `error_components`.
    per_bin : bool
        Impacts of factors per bin too (two refits for each of four shifts).

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        For a value of `expected_at` that is negative or not finite, or as `error_components`.

    Examples
    --------
    >>> from toymc.inference.model import Channel, NormFactor, NormSys, Sample
    >>> background = Sample("b", [100.0, 80.0], (NormSys("scale", 0.9, 1.1),))
    >>> signal = Sample("s", [5.0, 20.0], (NormFactor("mu"),))
    >>> found = diagnose(Model([Channel("sr", (signal, background), [110.0, 95.0])], poi="mu"))
    >>> found.summary.converged, [i.name for i in found.impacts], found.goodness.dof
    (True, ['scale'], 1)
    """
    if expected_at is not None and not 0.0 <= expected_at < math.inf:
        raise InputError(f"expectation at {model.poi} = {expected_at:g}: give a finite value that is not negative")
    likelihood = signed_likelihood(model)
    observed = (data is not None or model.has_data) and expected_at is None
    if observed:
        fitted, what = likelihood.data(data), "observed counts"
    else:
        at = upper_limit(_without_data(model), cl=0.95).median if expected_at is None else expected_at
        fitted, what = _expectation(likelihood, at), f"expectation at {model.poi} = {at:.4g}"
    fit = likelihood.fit(fitted)
    notes = []
    if not fit.converged:  # no background to hold a negative signal
        notes.append(f"no minimum with {model.poi} free ({fit.message}): it is held at zero or above")
        likelihood = Likelihood(model)
        fit = likelihood.fit(fitted)
    found = _Parts(likelihood, fit, notes)
    found.attempt(lambda: found.look(groups, per_bin))
    if observed:
        found.attempt(lambda: found.test(n_toys, seed, mapper))
    summary = fit_summary(likelihood, fit)
    return Diagnosis(
        model.name, what, summary, found.pulls, found.ranking, found.components, found.names, found.matrix,
        found.goodness, tuple(notes),
    )  # fmt: skip


class _Parts:
    """The parts of a diagnosis; one that cannot be had becomes a note."""

    def __init__(self, likelihood: Likelihood, fit: FitResult, notes: list[str]) -> None:
        self.likelihood, self.fit, self.notes = likelihood, fit, notes
        self.pulls: list[Pull] = []
        self.ranking: list[Impact] = []
        self.components: dict[str, float] = {}
        self.names: list[str] = []
        self.matrix: FloatArray = np.zeros((0, 0))
        self.goodness: Goodness | None = None

    def attempt(self, part: Callable[[], None]) -> None:
        try:
            part()
        except InputError:
            raise
        except ToymcError as error:
            self.notes.append(str(error))

    def look(self, groups: Mapping[str, Sequence[str]] | None, per_bin: bool) -> None:
        self.pulls = fit_pulls(self.likelihood, self.fit)
        self.names, self.matrix = correlation(self.likelihood, self.fit)
        self.ranking = impacts(self.likelihood, self.fit, per_bin=per_bin)
        self.notes += [f"refit failed: {trouble}" for row in self.ranking for trouble in row.failed]
        self.components = error_components(self.likelihood, self.fit, groups)

    def test(self, n_toys: int, seed: int, mapper: Mapper | None) -> None:
        data = self.fit.data
        self.goodness = goodness_of_fit(self.likelihood, data, n_toys=n_toys, seed=seed, mapper=mapper)


def _without_data(model: Model) -> Model:
    return Model(tuple(Channel(c.name, c.samples) for c in model.channels), model.poi, model.parameters, model.name)


def _expectation(likelihood: Likelihood, mu: float) -> Dataset:
    """The data that equal their expectation with the other parameters at their start values."""
    theta = likelihood.layout.start.copy()
    theta[0] = mu
    return likelihood.asimov(theta, likelihood.nominal_gammas())
