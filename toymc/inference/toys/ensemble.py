# mypy: allow-untyped-calls
"""Ensembles of template toys: thrown under one hypothesis, fitted at others, all fits inside a kernel.

The recipe (frequentist, profiled): where a hypothesis mu is asked about, toys are thrown with the nuisance parameters
that the conditional fit at that mu to the *observed* data gives, and the auxiliary data of the constraints are thrown
with the counts. This is the recipe of the LHC Higgs combination (ATL-PHYS-PUB-2011-11, sect. 2.1) and of pyhf and
RooStats. Where toys are thrown (`Hypothesis`) and where they are evaluated (`mu_test`) are two arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.engine import workspace
from toymc.inference.packing import NORMAL, POISSON
from toymc.inference.profile import Dataset, FitResult, Likelihood
from toymc.inference.toys.kernels import REASONS, TOLERANCE, _fit_toys
from toymc.inference.toys.result import (
    BLOCK,
    FailedToy,
    FloatArray,
    Mapper,
    ToyResult,
    block_sizes,
    failed_toys,
    run_blocks,
    toy_stream,
)

NO_COUNT = 1e-8
"""Auxiliary count that stands for zero: the factor gamma = m / (tau + y t) is then unique where m and tau + y t vanish
together (it is fixed by the bin alone there). It moves the likelihood by less than 2e-7."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Where toys are thrown: the parameter of interest `mu`, the others at their conditional maximum in `data`."""

    mu: float
    theta: FloatArray  # (P,)
    gamma: FloatArray  # (J,)
    rates: FloatArray  # (N,)
    data: Dataset


@dataclass(frozen=True, eq=False)
class ToyData:
    """One block of data sets: counts (n, N), auxiliary data (n, P) and (n, J)."""

    counts: FloatArray
    aux: FloatArray
    gam_aux: FloatArray

    def __getitem__(self, row: int) -> Dataset:
        """One data set, ready for `Likelihood.fit`."""
        return Dataset(self.counts[row], self.aux[row], self.gam_aux[row])


@dataclass(frozen=True, eq=False)
class RerunToy:
    """A toy thrown again alone: its data set, the free fit, and the conditional fits at `mu_test`."""

    data: Dataset
    free: FitResult
    conditional: tuple[FitResult, ...]


@dataclass(frozen=True, eq=False)
class ToyFits:
    """The fits of an ensemble.

    Arrays: `nll` (n, T) minimum at each value of `mu_test`, `nll_free` (n,) minimum with mu >= 0, `best` (n, P) the
    parameters there (the parameter of interest first), `status` (n,) with 0 for converged, else a key of `REASONS`.
    """

    likelihood: Likelihood
    hypothesis: Hypothesis
    mu_test: tuple[float, ...]
    nll: FloatArray
    nll_free: FloatArray
    best: FloatArray
    status: npt.NDArray[np.int8]
    seed: int
    name: str
    tolerance: float = field(default=1e-6)

    @property
    def mu_hat(self) -> FloatArray:
        """Parameter of interest of the free fits, shape (n,), not negative."""
        return self.best[:, 0]

    @property
    def failed(self) -> tuple[FailedToy, ...]:
        """The toys without a result, in order."""
        return failed_toys(self.status, REASONS, self.seed, self.name)

    def q_tilde(self, index: int = 0) -> ToyResult:
        """q~_mu at `mu_test[index]` for limits: zero where mu_hat > mu (Cowan et al., arXiv:1007.1727, eq. 16)."""
        q = self._ratio(index)
        return self._result(np.where(self.mu_hat > self.mu_test[index], 0.0, q))

    def q_zero(self, index: int = 0) -> ToyResult:
        """q_0 for a discovery, of fits with `mu_test[index]` = 0: the ratio itself, mu_hat is not negative (eq. 12)."""
        if self.mu_test[index] != 0.0:
            raise InputError(f"q0 of toys that were fitted at mu = {self.mu_test[index]:g}; fit them at 0")
        return self._result(self._ratio(index))

    def t_mu(self, index: int = 0) -> ToyResult:
        """t~_mu for two-sided intervals: the likelihood ratio with mu_hat >= 0 (eq. 11; Feldman-Cousins ordering)."""
        return self._result(self._ratio(index))

    def _ratio(self, index: int) -> FloatArray:
        return np.maximum(2.0 * (self.nll[:, index] - self.nll_free), 0.0)

    def _result(self, statistic: FloatArray) -> ToyResult:
        statistic[self.status != 0] = np.nan
        return ToyResult(statistic, self.status, REASONS, self.seed, self.name, self.tolerance)

    def rerun(self, index: int) -> RerunToy:
        """Throw one toy again and fit it with every retry of `Likelihood.fit`, to see what happened.

        Parameters
        ----------
        index : int
            Number of the toy in the ensemble.

        Returns
        -------
        RerunToy

        Raises
        ------
        InputError
            If there is no such toy.
        """
        if not 0 <= index < self.status.size:
            raise InputError(f"toy {index} of an ensemble of {self.status.size}")
        block, row = divmod(index, BLOCK)
        data = throw_block(self.likelihood, self.hypothesis, self.seed, self.name, block)[row]
        start = self.hypothesis.theta
        return RerunToy(
            data,
            self.likelihood.fit(data, start=start),
            tuple(self.likelihood.fit(data, poi=mu, start=start) for mu in self.mu_test),
        )


def hypothesis(likelihood: Likelihood, data: Dataset, mu: float, start: FloatArray | None = None) -> Hypothesis:
    """The hypothesis mu with the other parameters at their conditional maximum in the data.

    Parameters
    ----------
    likelihood : Likelihood
    data : Dataset
        The observed data; for expected results without data, the background-only expectation.
    mu : float
        Not negative.
    start : float64[P], optional
        Where the fit begins.

    Returns
    -------
    Hypothesis

    Raises
    ------
    InputError
        If the conditional fit fails, or mu is negative or not finite.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])), [5.0])], poi="mu")
    >>> likelihood = Likelihood(model)
    >>> hypothesis(likelihood, likelihood.data(), 2.5).rates
    array([5.5])
    """
    if not (np.isfinite(mu) and mu >= 0.0):
        raise InputError(f"toys at mu = {mu:g}; the parameter of interest must be finite and not negative")
    fit = likelihood.fit(data, poi=mu, start=start)
    if not fit.converged:
        raise InputError(f"no toys at mu = {mu:g}: the conditional fit to the data failed ({fit.message})")
    return Hypothesis(mu, fit.theta, fit.gamma, fit.rates, data)


def throw_block(likelihood: Likelihood, where: Hypothesis, seed: int, name: str, block: int) -> ToyData:
    """The data sets of one block, the same whoever asks for them.

    Counts are Poisson of the expected rates, auxiliary data of a Gaussian constraint are Gaussian around the parameter,
    those of a Poisson constraint are Poisson of mean parameter x tau (HistFactory, CERN-OPEN-2012-016, eq. 1: all that
    was measured is thrown).

    Parameters
    ----------
    likelihood : Likelihood
    where : Hypothesis
    seed, name, block
        The random stream.

    Returns
    -------
    ToyData
        `BLOCK` rows.
    """
    m = likelihood.packed
    rng = toy_stream(seed, name, block)
    counts = rng.poisson(where.rates, (BLOCK, where.rates.size)).astype(np.float64)
    aux = _throw_constraints(rng, m.con_kind, m.con_scale, where.theta)
    return ToyData(counts, aux, _throw_constraints(rng, m.gam_kind, m.gam_scale, where.gamma))


def _throw_constraints(
    rng: np.random.Generator, kind: npt.NDArray[np.int64], scale: FloatArray, value: FloatArray
) -> FloatArray:
    out = np.zeros((BLOCK, kind.size))
    normal, poisson = kind == NORMAL, kind == POISSON
    out[:, normal] = rng.normal(value[normal], np.sqrt(scale[normal]), (BLOCK, int(normal.sum())))
    out[:, poisson] = np.maximum(rng.poisson(value[poisson] * scale[poisson], (BLOCK, int(poisson.sum()))), NO_COUNT)
    return out


def run_toys(
    likelihood: Likelihood,
    where: Hypothesis,
    mu_test: Sequence[float],
    n_toys: int,
    seed: int,
    name: str = "toys",
    mapper: Mapper | None = None,
    reuse: ToyFits | None = None,
) -> ToyFits:
    """Throw an ensemble under one hypothesis and fit each toy freely and at given values.

    Parameters
    ----------
    likelihood : Likelihood
    where : Hypothesis
        Where the toys are thrown.
    mu_test : sequence of float
        Values of the parameter of interest at which each toy gets a conditional fit; not negative.
    n_toys, seed, name
        The ensemble; the result does not depend on the number of workers.
    mapper : callable, optional
        How blocks are spread, for instance `ThreadPoolExecutor(4).map`; one after the other if not given.
    reuse : ToyFits, optional
        The same ensemble fitted before: its free fits are kept, only the conditional fits are made.

    Returns
    -------
    ToyFits

    Raises
    ------
    InputError
        For fewer than one toy, a negative value, or an ensemble to reuse that is another one.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])), [5.0])], poi="mu")
    >>> likelihood = Likelihood(model)
    >>> background = hypothesis(likelihood, likelihood.data(), 0.0)
    >>> toys = run_toys(likelihood, background, [4.0], 2000, seed=1)
    >>> toys.q_tilde().failed_share, toys.mu_hat.shape
    (0.0, (2000,))
    """
    tests = np.array([float(mu) for mu in mu_test])
    if not np.all(np.isfinite(tests) & (tests >= 0.0)):
        raise InputError(f"toys tested at mu = {tests.min():g}; the values must be finite and not negative")
    sizes = block_sizes(n_toys)
    if reuse is not None and (reuse.hypothesis is not where or (reuse.seed, reuse.name) != (seed, name)):
        raise InputError(f"the toys to reuse are '{reuse.name}' of seed {reuse.seed}, not '{name}' of seed {seed}")
    if reuse is not None and reuse.status.size != n_toys:
        raise InputError(f"the toys to reuse are {reuse.status.size}, not {n_toys}")
    layout, m = likelihood.layout, likelihood.packed
    nominal_total = float(likelihood.expected(layout.start, likelihood.nominal_gammas()).sum())
    loose = layout.free & (m.con_kind == 0)

    def fit_block(block: int) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.int8]]:
        n = sizes[block]
        data = throw_block(likelihood, where, seed, name, block)
        rows = slice(block * BLOCK, block * BLOCK + n)
        nll_free, best, status = np.zeros(n), np.zeros((n, where.theta.size)), np.zeros(n, np.int8)
        if reuse is not None:
            nll_free, best, status = reuse.nll_free[rows].copy(), reuse.best[rows].copy(), reuse.status[rows].copy()
        nll = np.full((n, tests.size), np.nan)
        _fit_toys(
            m, workspace(m), data.counts[:n], data.aux[:n], data.gam_aux[:n], where.theta, layout.free, layout.start,
            loose, nominal_total, layout.folded, tests, reuse is not None, nll_free, best, nll, status,
        )  # fmt: skip
        return nll, nll_free, best, status

    parts = run_blocks(fit_block, n_toys, mapper)
    nll, nll_free, best, status = (np.concatenate([part[i] for part in parts]) for i in range(4))
    # twice the EDM of two fits, and the rounding of a sum over bins
    tolerance = 1e-6 + 8.0 * TOLERANCE + 1e-12 * float(where.rates.sum())
    return ToyFits(
        likelihood, where, tuple(tests.tolist()), nll, nll_free, best, status.astype(np.int8), seed, name, tolerance
    )


def hypothesis_data(likelihood: Likelihood, observed: Mapping[str, npt.ArrayLike] | None) -> Dataset:
    """The data that hypotheses are fitted to: given, the model's own, or the background-only expectation without any.

    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])))], poi="mu")
    >>> hypothesis_data(Likelihood(model), None).counts
    array([3.])
    """
    if observed is not None or likelihood.model.has_data:
        return likelihood.data(observed)
    return likelihood.data(likelihood.background_expectation())
