"""What a measurement is made of: samples at several true values, fits, named variations of the chain.

A `MeasurementStudy` is a `Study` whose one channel is fitted: no hypotheses, but estimators of a quantity, calibrated
on samples that are generated at other true values, and variations of the chain that make its systematic uncertainty.
`toymc.production.measurement` runs it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from toymc.analysis.smoothing import smoothing_matrix
from toymc.errors import InputError
from toymc.inference.estimators import Bootstrap, Estimates, Tolerances, bootstrap, bootstrap_counts
from toymc.inference.estimators.experiments import RunBlocks
from toymc.streams import stream
from toymc.studies.estimators import StudyEstimator
from toymc.studies.study import FloatArray, Hypothesis, Spectra, Study

Fit = Callable[[FloatArray], Estimates]
"""Counts (n, n_bins) -> estimates of n experiments in the unit of the measurement, their bias not corrected."""


@dataclass(frozen=True)
class Variation:
    """A named change of the chain.

    Attributes
    ----------
    name : str
    shifts : tuple of str
        Names in `Channel.shifts`; the largest change of the estimate is the uncertainty. Empty for what has no shift.
    what : str
        What was changed, by how much, with source and tag.
    published : float or None
        Size in the publication, in the unit of the measurement.
    at_most : bool
        The publication gives an upper limit of its size.
    floor : float
        Smallest size that it can reach, as a fraction of today's.
    why : str
        Reason of the floor.
    """

    name: str
    shifts: tuple[str, ...]
    what: str
    published: float | None = None
    at_most: bool = False
    floor: float = 1.0
    why: str = "no floor is stated: it does not improve"

    def adopted(self, ours: float) -> float:
        """Size that enters total errors: the published one, where that is a limit ours if it is smaller, else ours.

        What some variations change is a guess; the publication knows its detector.
        """
        if self.published is None:
            return ours
        return min(ours, self.published) if self.at_most else self.published


@dataclass(frozen=True, kw_only=True)
class MeasurementStudy(Study):
    """A measurement with calibrated estimators.

    Attributes
    ----------
    quantity, unit : str
    per_gev : float
        The unit in GeV^-1: 1000 for MeV.
    generated : mapping of str to float
        Sample -> true value, in the unit of the measurement.
    nominal : str
        The sample that the bias is taken from.
    moved : mapping of str to float
        Shift of the nominal sample -> true value: the same events at another true value.
    effects : mapping of str to str
        What is switched off -> sample without it, at the nominal true value.
    off : mapping of str to str
        What is switched off -> shift of the nominal sample without it.
    fits : mapping of str to Fit
        Name of the estimator -> fit; the first is the result.
    curve : callable
        Counts (n_bins,) -> what the first fit makes of them, for figures.
    variations : tuple of Variation
    kernel_bins : float
        Width of the Gaussian that smooths the simulated signal for simplified experiments, in bins.
    statistical : float
        Statistical error of the publication.
    injected : str
        What `inject` calls the quantity, in GeV.
    linearity : tuple of float
        True values of the pseudo-datasets that test the straight line.
    """

    quantity: str
    unit: str
    per_gev: float
    generated: Mapping[str, float]
    nominal: str
    moved: Mapping[str, float]
    effects: Mapping[str, str]
    off: Mapping[str, str]
    fits: Mapping[str, Fit]
    curve: Callable[[FloatArray], FloatArray]
    variations: tuple[Variation, ...]
    kernel_bins: float
    statistical: float
    injected: str
    linearity: tuple[float, ...]

    @property
    def truth(self) -> float:
        """True value of the nominal sample."""
        return self.generated[self.nominal]

    def background(self, spectra: Spectra) -> FloatArray:
        """Expected events per bin of everything but the signal, smoothed."""
        total: FloatArray = np.sum([self.background_of(spectra, name) for name in self.standard_model], axis=0)
        return total

    def background_of(self, spectra: Spectra, sample: str) -> FloatArray:
        """Expected events per bin of one background sample, smoothed as the sample says."""
        channel = self.channels[0]
        straight = next(s.straight for s in self.samples if s.name == sample)
        found = [spectra[sample, channel.name, t] for t in channel.templates]
        total: FloatArray = np.sum([(s.straightened() if straight else s.smoothed()).nominal for s in found], axis=0)
        return total

    def expected(self, spectra: Spectra, sample: str) -> FloatArray:
        """Expected events per bin of data with the signal of one sample: what simplified experiments are drawn from.

        `sample` may be one of `moved` as well, see `toymc.production.measurement.stored.moved_spectra`.
        """
        channel = self.channels[0]
        signal: FloatArray = np.sum([spectra[sample, channel.name, t].nominal for t in channel.templates], axis=0)
        return smoothing_matrix(len(signal), self.kernel_bins) @ signal + self.background(spectra)

    def bias(self, spectra: Spectra, name: str) -> float:
        """Fitted minus true value on the expected spectrum of the nominal sample."""
        return float(_one(self.fits[name], self.expected(spectra, self.nominal), name).value[0]) - self.truth

    def experiments(
        self, spectra: Spectra, errors: Mapping[str, Mapping[float, float]] | None = None
    ) -> list[StudyEstimator]:
        """The calibrated estimators with simplified experiments at several true values, and bootstrap.

        The spectra at other true values are those of the nominal events moved there, so that they share most of their
        statistics. What they do not share is in `errors`: estimator -> true value -> error of the fit there minus the
        nominal one.

        Raises
        ------
        InputError
            If a fit has no answer for the expected spectrum.
        """
        names = {self.nominal: self.truth, **self.moved}
        table = {truth: self.expected(spectra, name) for name, truth in names.items()}
        found = []
        for name, fit in self.fits.items():
            estimate = partial(_calibrated, fit, self.bias(spectra, name))
            found.append(
                StudyEstimator(
                    name=name,
                    generate=partial(_draw, table),
                    estimate=estimate,
                    truth_values=tuple(table),
                    unit=1.0,
                    parameters={"unit": self.unit},
                    bootstrap=partial(_bootstrap, estimate, table[self.truth]),
                    template_errors=(errors or {}).get(name, {}),
                )
            )
        return found


def no_hypotheses(spectra: Spectra, sources: Sequence[str]) -> list[Hypothesis]:
    """Of a measurement: none."""
    return []


def _one(fit: Fit, counts: FloatArray, name: str) -> Estimates:
    answer = fit(counts[None, :])
    if not answer.ok[0]:
        raise InputError(f"{name}: the fit of the expected spectrum does not converge: raise --scale")
    return answer


def _draw(table: Mapping[float, FloatArray], rng: np.random.Generator, truth: float, n: int) -> FloatArray:
    expected = table[truth]
    return rng.poisson(expected, (n, len(expected))).astype(np.float64)


def _calibrated(fit: Fit, bias: float, counts: FloatArray) -> Estimates:
    raw = fit(counts)
    return Estimates(raw.value - bias, raw.low - bias, raw.high - bias, raw.status)


def _bootstrap(
    estimate: Fit, expected: FloatArray, replicates: int, seed: int, name: str, tolerances: Tolerances, run: RunBlocks
) -> Bootstrap:
    """Bootstrap of one pseudo-dataset."""
    counts = stream(seed, f"{name}, bootstrap", "pseudo_data", 0).poisson(expected).astype(np.float64)
    return bootstrap(
        estimate(counts[None, :]), partial(_replicates, counts), estimate, replicates=replicates, seed=seed, name=name,
        tolerances=tolerances, run=run,
    )  # fmt: skip


def _replicates(counts: FloatArray, rng: np.random.Generator, truth: float, n: int) -> FloatArray:
    return bootstrap_counts(rng, counts, n)
