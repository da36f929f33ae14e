"""The fitted parameter of interest of a binned model as an estimator: toys of the whole model, and their fits.

A toy is a repetition of the experiment: counts drawn from Poisson around the expectation at the true value (nuisance
parameters at their nominal values), and every auxiliary measurement drawn anew from its constraint, as the frequentist
ensemble asks (K. Cranmer, arXiv:1503.07622, section 3). The parameter of interest may be negative in the fit, unless
told otherwise: held at zero the estimate of a small signal is biased by construction, and its pull is not a pull. The
stated interval is value +- 1/sqrt(curvature of the profile likelihood) (68.27 %), as quoted by publications that give a
fitted value with its error.

Redrawn simulation: templates come from simulated events. `resimulated` draws each template with Monte Carlo errors
anew, with Poisson weights on its effective events (a bin of v +- e is v/s events of weight s = e^2/v; exact where all
events of a bin weigh the same, G. Bohm, G. Zech, NIM A 748 (2014) 1). Bins are drawn independently: those of a smoothed
template are correlated and are not. Fitting toys of the unchanged model with redrawn templates tests the treatment of
the statistics of the simulation itself (one factor per bin with a Gaussian constraint), not only its own toys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toymc.errors import InputError
from toymc.inference.estimators.bootstrap import Bootstrap, bootstrap, bootstrap_counts
from toymc.inference.estimators.experiments import NOT_CONVERGED, OK, Estimates, FloatArray, RunBlocks
from toymc.inference.estimators.summary import ONE_SIGMA
from toymc.inference.estimators.verdict import Tolerances
from toymc.inference.model import Channel, HistoSys, Model, Modifier, Sample, ShapeSys, StatError
from toymc.inference.packing import NORMAL, POISSON
from toymc.inference.profile import Dataset, FitResult, Likelihood
from toymc.streams import stream

# The fit may go this many expected errors beyond the true values.
_REACH = 20.0


@dataclass(frozen=True, eq=False)
class TemplateToys:
    """Data of n toys: counts (n, bins), auxiliary data of coordinates (n, P) and of factors per bin (n, J)."""

    counts: FloatArray
    aux: FloatArray
    gam_aux: FloatArray


@dataclass(frozen=True, eq=False)
class SignalStrength:
    """The fitted parameter of interest of a model, made to be handed to `validate_estimator`.

    Attributes
    ----------
    model : Model
    negative : bool
        Whether the fit may go below zero.

    Examples
    --------
    >>> from toymc.inference.estimators import validate_estimator
    >>> from toymc.inference.model import NormFactor
    >>> samples = (Sample("signal", [5.0], (NormFactor("mu"),)), Sample("background", [400.0]))
    >>> strength = SignalStrength(Model([Channel("sr", samples)], poi="mu"))
    >>> round(strength.expected_error, 2), strength.truths((0.0, 1.0))
    (4.0, (0.0, 4.0))
    >>> validate_estimator(strength.generate, strength.estimate, (0.0, 4.0), experiments=4000).line is not None
    True
    """

    model: Model
    negative: bool = True

    @cached_property
    def expected_error(self) -> float:
        """Error of the parameter of interest on the background-only Asimov data.

        Raises
        ------
        InputError
            If the model has no curvature there (no background), so that no error can be stated.
        """
        likelihood = _signed(self.model, -math.inf, math.inf)
        fit = likelihood.fit(self._asimov(likelihood, 0.0), poi=0.0)
        if not fit.curvature > 0.0:
            raise InputError(
                f"model '{self.model.name}': the likelihood has no curvature at zero signal, so a fitted signal has no "
                "error to validate"
            )
        return 1.0 / math.sqrt(fit.curvature)

    def likelihood(self, model: Model | None = None) -> Likelihood:
        """The likelihood that the fits use, with `bounds`; of the model, or of another one in its place."""
        return _signed(model or self.model, *self.bounds)

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of the estimates."""
        reach = _REACH * self.expected_error
        return (-reach if self.negative else 0.0), reach

    def truths(self, in_errors: Sequence[float]) -> tuple[float, ...]:
        """True values, given in units of the expected error."""
        return tuple(k * self.expected_error for k in in_errors)

    @staticmethod
    def _nominal(likelihood: Likelihood, truth: float) -> tuple[FloatArray, FloatArray]:
        theta = likelihood.layout.start.copy()
        theta[0] = truth
        gamma = np.clip(np.ones(likelihood.packed.gam_lo.size), likelihood.packed.gam_lo, likelihood.packed.gam_hi)
        return theta, gamma

    def _asimov(self, likelihood: Likelihood, truth: float) -> Dataset:
        return likelihood.asimov(*self._nominal(likelihood, truth))

    def generate(self, rng: np.random.Generator, truth: float, n: int) -> TemplateToys:
        """Toys at a true value of the parameter of interest: counts and auxiliary data."""
        likelihood = self.likelihood()
        return _throw(rng, likelihood, self._asimov(likelihood, truth), n)

    def estimate(self, toys: TemplateToys) -> Estimates:
        """Fit every toy; a fit without convergence or curvature is a recorded failure."""
        likelihood = self.likelihood()
        start = likelihood.fit(self._asimov(likelihood, 0.0)).theta
        rows = zip(toys.counts, toys.aux, toys.gam_aux, strict=True)
        return _as_estimates([likelihood.fit(Dataset(*row), start=start) for row in rows])

    def estimate_resimulated(self, drawn: tuple[TemplateToys, Sequence[Model]]) -> Estimates:
        """Fit every toy with its own redrawn templates."""
        toys, models = drawn
        fits = []
        for counts, aux, gam_aux, model in zip(toys.counts, toys.aux, toys.gam_aux, models, strict=True):
            likelihood = self.likelihood(model)
            # factors of Monte Carlo errors stay at their nominal value: the templates have moved instead
            simulated = likelihood.packed.gam_kind == NORMAL
            fits.append(likelihood.fit(Dataset(counts, aux, np.where(simulated, likelihood.layout.gam_aux, gam_aux))))
        return _as_estimates(fits)

    def generate_resimulated(
        self, rng: np.random.Generator, truth: float, n: int
    ) -> tuple[TemplateToys, Sequence[Model]]:
        """Toys of the unchanged model, each with templates drawn anew, whose own statistical errors stay nominal."""
        return self.generate(rng, truth, n), [resimulated(rng, self.model) for _ in range(n)]

    def pseudo_data(self, seed: int, name: str) -> FloatArray:
        """Counts of one data set without signal, shape (bins,)."""
        likelihood = self.likelihood()
        rng = stream(seed, name, "pseudo_data", 0)
        counts: FloatArray = _throw(rng, likelihood, self._asimov(likelihood, 0.0), 1).counts[0]
        return counts

    def bootstrap(
        self,
        counts: FloatArray | None,
        *,
        replicates: int,
        seed: int,
        name: str,
        tolerances: Tolerances | None = None,
        run: RunBlocks = map,
    ) -> Bootstrap:
        """Event bootstrap of one data set: replicates of the counts, constraints at their nominal measurements.

        Parameters
        ----------
        counts : float64 (bins,) or None
            Observed events in all bins; None takes the background expectation of the model.
        replicates, seed, name, tolerances, run
            As in `bootstrap_estimator`.

        Returns
        -------
        Bootstrap
            The stated error it is compared with is the statistical one, `statistical_error`: the replicates of the
            events leave the auxiliary measurements where they are.
        """
        likelihood = self.likelihood()
        data = self._asimov(likelihood, 0.0)
        if counts is not None:
            if counts.shape != data.counts.shape:
                raise InputError(f"{name}: {counts.size} observed bins, the model has {data.counts.size}")
            data = Dataset(np.ascontiguousarray(counts, dtype=np.float64), likelihood.layout.aux,
                           likelihood.layout.gam_aux)  # fmt: skip
        best = likelihood.fit(data)
        source = _Resampled(data)
        return bootstrap(
            _as_estimates([best]), source.generate, self.estimate, replicates=replicates, seed=seed, name=name,
            stated_error=statistical_error(likelihood, best), tolerances=tolerances, run=run,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Resampled:
    """Replicates of a data set."""

    data: Dataset

    def generate(self, rng: np.random.Generator, truth: float, n: int) -> TemplateToys:
        counts = bootstrap_counts(rng, self.data.counts, n)
        return TemplateToys(counts, np.tile(self.data.aux, (n, 1)), np.tile(self.data.gam_aux, (n, 1)))


def _throw(rng: np.random.Generator, likelihood: Likelihood, asimov: Dataset, n: int) -> TemplateToys:
    """Counts and auxiliary data around those of an Asimov data set."""
    m = likelihood.packed
    parts = [rng.poisson(asimov.counts, (n, asimov.counts.size)).astype(np.float64)]
    for kind, scale, mean in ((m.con_kind, m.con_scale, asimov.aux), (m.gam_kind, m.gam_scale, asimov.gam_aux)):
        values = np.tile(mean, (n, 1))
        normal, poisson = kind == NORMAL, kind == POISSON
        values[:, normal] += np.sqrt(scale[normal]) * rng.standard_normal((n, int(normal.sum())))
        values[:, poisson] = rng.poisson(mean[poisson], (n, int(poisson.sum())))
        parts.append(values)
    # factors that are held (no Monte Carlo error in the bin) are measured nowhere
    held = m.gam_lo == m.gam_hi
    parts[2][:, held] = asimov.gam_aux[held]
    return TemplateToys(*parts)


def _as_estimates(fits: Sequence[FitResult]) -> Estimates:
    values = np.array([fit.theta[0] for fit in fits])
    curvature = np.array([fit.curvature for fit in fits])
    status = np.array([OK if fit.converged else NOT_CONVERGED for fit in fits], dtype=np.int8)
    error = 1.0 / np.sqrt(np.where(curvature > 0.0, curvature, np.nan))
    return Estimates.of(values, error, status=status)


def _signed(model: Model, low: float, high: float) -> Likelihood:
    """The likelihood of a model whose parameter of interest may lie between `low` and `high`, not above zero alone."""
    likelihood = Likelihood(model)
    m = likelihood.packed
    lo, hi = m.lo.copy(), m.hi.copy()
    lo[0], hi[0] = low, high
    likelihood.packed = m._replace(lo=lo, hi=hi)
    return likelihood


def statistical_error(likelihood: Likelihood, fit: FitResult) -> float:
    """Error of the parameter of interest from the fluctuation of the counts alone.

    The estimate moves by d(mu)/d(n_i) with the count of bin i; by the implicit function theorem d(theta)/d(n) = -H^-1
    d(gradient)/d(n), and the variance is sum_i (d mu/d n_i)^2 n_i. What is left of the total variance is the part of
    the constraints. Derivatives of the gradient are taken by central differences of one event per thousand (at least
    one hundredth of an event), at fixed parameters.

    Parameters
    ----------
    likelihood : Likelihood
    fit : FitResult
        A converged fit of it.

    Returns
    -------
    float
        NaN if the Hessian of the moving parameters cannot be inverted.
    """
    moving = np.flatnonzero([fit.free[k] and fit.names[k] not in fit.at_bound for k in range(fit.theta.size)])
    try:
        rows = np.linalg.inv(fit.hessian[np.ix_(moving, moving)])
    except np.linalg.LinAlgError:
        return math.nan
    poi = int(np.flatnonzero(moving == 0)[0]) if 0 in moving else -1
    if poi < 0:
        return math.nan
    counts, total = fit.data.counts, 0.0
    for i in np.flatnonzero(counts > 0.0):
        step = max(1e-3 * counts[i], 0.01)
        gradients = []
        for sign in (1.0, -1.0):
            shifted = counts.copy()
            shifted[i] = max(counts[i] + sign * step, 0.0)
            likelihood.evaluate(Dataset(shifted, fit.data.aux, fit.data.gam_aux), fit.theta)
            gradients.append(likelihood.work.gradient.copy())
        slope = float(rows[poi] @ (gradients[0] - gradients[1])[moving]) / (2.0 * step)
        total += slope**2 * float(counts[i])
    return math.sqrt(total)


def resimulated(rng: np.random.Generator, model: Model) -> Model:
    """The model with every template that carries Monte Carlo errors drawn anew.

    Shape variations keep their ratio to the nominal template (they come from the same events); a bin that the draw
    leaves empty in every sample keeps its nominal templates, since a model must expect something where events can be.

    Raises
    ------
    InputError
        If the model has no `StatError`.
    """
    if not any(isinstance(m, StatError) for c in model.channels for s in c.samples for m in s.modifiers):
        raise InputError(f"model '{model.name}' carries no Monte Carlo errors: there is no simulation to draw again")
    channels = []
    for channel in model.channels:
        factors = [_redrawn_factor(rng, sample) for sample in channel.samples]
        total = np.sum([f * s.data for f, s in zip(factors, channel.samples, strict=True)], axis=0)
        samples = [_scaled(s, np.where(total > 0.0, f, 1.0)) for f, s in zip(factors, channel.samples, strict=True)]
        channels.append(Channel(channel.name, tuple(samples)))
    return Model(tuple(channels), model.poi, model.parameters, model.name)


def _redrawn_factor(rng: np.random.Generator, sample: Sample) -> FloatArray:
    """Redrawn over nominal yield of every bin."""
    error = next((m.error for m in sample.modifiers if isinstance(m, StatError)), None)
    if error is None:
        return np.ones(sample.data.size)
    effective = np.divide(sample.data**2, error**2, out=np.zeros(sample.data.size), where=error > 0.0)
    drawn = rng.poisson(effective).astype(np.float64)
    return np.divide(drawn, effective, out=np.ones(sample.data.size), where=effective > 0.0)


def _scaled(sample: Sample, factor: FloatArray) -> Sample:
    """The sample with bins scaled: yields and shape variations by the factor, Monte Carlo errors by its root."""

    def scaled(modifier: Modifier) -> Modifier:
        if isinstance(modifier, HistoSys):
            return HistoSys(modifier.name, modifier.lo * factor, modifier.hi * factor)
        if isinstance(modifier, StatError):
            return StatError(modifier.name, modifier.error * np.sqrt(factor))
        if isinstance(modifier, ShapeSys):
            return ShapeSys(modifier.name, modifier.error * factor)
        return modifier

    return Sample(sample.name, sample.data * factor, tuple(scaled(m) for m in sample.modifiers))


__all__ = ["ONE_SIGMA", "SignalStrength", "TemplateToys", "resimulated", "statistical_error"]
