# mypy: allow-untyped-calls
"""Fits: the likelihood of a model, data sets, conditional and free fits with a recorded ladder of retries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlogy

from toymc.errors import InputError
from toymc.inference.checks import check_data
from toymc.inference.engine import _value, workspace
from toymc.inference.minimise import BAD_START, CONVERGED, STATUS, _minimum, _response
from toymc.inference.model import FloatArray, Model
from toymc.inference.packing import NORMAL, POISSON

TOLERANCE = 1e-12  # EDM in units of the negative log likelihood
MAX_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Dataset:
    """Counts per bin and the auxiliary data of the constraints (which Asimov data sets and toys change as well)."""

    counts: FloatArray  # (N,)
    aux: FloatArray  # (P,)
    gam_aux: FloatArray  # (J,)


@dataclass(frozen=True, eq=False)
class FitResult:
    """A minimum of the likelihood.

    `nll` is the saturated negative log likelihood (zero for a perfect fit). `attempts` counts the rungs of the retry
    ladder: 1 is the first try. `curvature` and `tangent` are d2(nll)/d(poi)2 and d(theta)/d(poi) along the profile of
    the parameter of interest, `slope` is d(nll)/d(poi). `free` says which coordinates moved, `data` what was fitted.
    Arrays: theta (P,), gamma (J,), rates (N,), hessian (P, P) reduced.
    """

    theta: FloatArray
    gamma: FloatArray
    rates: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    nll: float
    edm: float
    status: int
    evaluations: int
    attempts: int
    at_bound: tuple[str, ...]
    curvature: float
    tangent: FloatArray
    names: tuple[str, ...]
    free: npt.NDArray[np.bool_]
    data: Dataset

    @property
    def converged(self) -> bool:
        """Whether the fit reached its tolerance."""
        return self.status == CONVERGED

    @property
    def message(self) -> str:
        """The status in words."""
        return STATUS[self.status]

    @property
    def slope(self) -> float:
        """d(nll)/d(poi) at the minimum over the others (envelope theorem)."""
        return float(self.gradient[0])

    @property
    def values(self) -> dict[str, float]:
        """All parameters by name, gammas included."""
        return dict(zip(self.names, [*self.theta.tolist(), *self.gamma.tolist()], strict=True))


class Likelihood:
    """The likelihood of a model, ready to be fitted to any data set of it.

    Parameters
    ----------
    model : Model
        The first parameter of `par_names` is the parameter of interest.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])), [5.0])], poi="mu")
    >>> likelihood = Likelihood(model)
    >>> round(likelihood.fit(likelihood.data()).values["mu"], 4)
    2.0
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.layout = model.layout
        self.packed = model.layout.packed
        self.work = workspace(self.packed)
        self.n_fits = 0

    # -- data ---------------------------------------------------------------------------------------------------
    def data(self, observed: Mapping[str, npt.ArrayLike] | None = None) -> Dataset:
        """The observed counts (the model's own, or those given per channel) with the nominal auxiliary data."""
        layout = self.layout
        if observed is None:
            if layout.observed is None:
                raise InputError("the model has no observed counts; give them with `observed` or Channel(observed=...)")
            counts = layout.observed
        else:
            check_data(self.model, observed)
            counts = np.concatenate([np.asarray(observed[c.name], np.float64) for c in self.model.channels])
        return Dataset(np.ascontiguousarray(counts), layout.aux, layout.gam_aux)

    def asimov(self, theta: FloatArray, gamma: FloatArray) -> Dataset:
        """The data set that equals its expectation at the given parameters, auxiliary data included."""
        m = self.packed
        aux = np.where(m.con_kind == POISSON, m.con_scale * theta, np.where(m.con_kind == NORMAL, theta, 0.0))
        gam_aux = np.where(m.gam_kind == POISSON, m.gam_scale * gamma, gamma)
        return Dataset(self.expected(theta, gamma), aux, gam_aux)

    def expected(self, theta: FloatArray, gamma: FloatArray) -> FloatArray:
        """Expected events per bin, shape (N,)."""
        self.evaluate(Dataset(np.zeros(self.work.rate.size), self.layout.aux, self.layout.gam_aux), theta)
        factors = np.ones(self.work.yields.size)
        factors[self.gamma_slots()] = gamma
        bins = np.repeat(np.arange(self.work.rate.size), np.diff(self.packed.gam_start) + 1)
        rates = np.zeros(self.work.rate.size)
        np.add.at(rates, bins, factors * self.work.yields)
        return rates

    def gamma_slots(self) -> npt.NDArray[np.int64]:
        """Slot of each gamma, shape (J,): a bin has one slot without gamma, then one per gamma."""
        per_bin = np.diff(self.packed.gam_start)
        bins = np.repeat(np.arange(per_bin.size, dtype=np.int64), per_bin)
        slots: npt.NDArray[np.int64] = np.arange(bins.size, dtype=np.int64) + bins + 1
        return slots

    def background_expectation(self) -> dict[str, FloatArray]:
        """Expected events per channel with the parameter of interest at zero and the others at their start values."""
        theta = self.layout.start.copy()
        theta[0] = 0.0
        return self.split(self.expected(theta, self.nominal_gammas()))

    def nominal_gammas(self) -> FloatArray:
        """Start values of the factors per bin, shape (J,): 1, or the value at which a factor is held."""
        return np.clip(np.ones(self.packed.gam_lo.size), self.packed.gam_lo, self.packed.gam_hi)

    def split(self, bins: FloatArray) -> dict[str, FloatArray]:
        """An array over all bins as one array per channel."""
        edges = self.layout.channel_start
        return {c.name: bins[edges[i] : edges[i + 1]] for i, c in enumerate(self.model.channels)}

    # -- values -------------------------------------------------------------------------------------------------
    def evaluate(self, data: Dataset, theta: FloatArray) -> float:
        """Saturated profile likelihood at theta; gradient, Hessian, rates and gammas stay in `work`."""
        return float(_value(self.packed, data.counts, data.aux, data.gam_aux, theta, self.work))

    def nll(self, values: Mapping[str, float], data: Dataset) -> float:
        """The full negative log likelihood -ln L (every constant kept, as pyhf) at named parameter values.

        Parameters
        ----------
        values : mapping
            One value for every name of `model.parameter_names`, gammas included.
        data : Dataset

        Returns
        -------
        float
        """
        m, layout = self.packed, self.layout
        theta = np.array([values[name] for name in layout.par_names])
        gamma = np.array([values[name] for name in layout.gam_names])
        rates = self.expected(theta, gamma)
        total = float(np.sum(rates - xlogy(data.counts, rates) + gammaln(data.counts + 1.0)))
        for kind, scale, aux, x in (
            (m.con_kind, m.con_scale, data.aux, theta),
            (m.gam_kind, m.gam_scale, data.gam_aux, gamma),
        ):
            normal, poisson = kind == NORMAL, kind == POISSON
            pull = (x[normal] - aux[normal]) ** 2 / scale[normal]
            total += float(np.sum(0.5 * pull + 0.5 * np.log(2.0 * np.pi * scale[normal])))
            mean = x[poisson] * scale[poisson]
            total += float(np.sum(mean - xlogy(aux[poisson], mean) + gammaln(aux[poisson] + 1.0)))
        return total

    # -- fits ---------------------------------------------------------------------------------------------------
    def fit(
        self,
        data: Dataset,
        poi: float | None = None,
        start: FloatArray | None = None,
        fixed: Mapping[str, float] | None = None,
    ) -> FitResult:
        """Minimise the likelihood.

        Parameters
        ----------
        data : Dataset
        poi : float, optional
            Value at which the parameter of interest is held; free (and not negative) if not given.
        start : float64[P], optional
            Where to begin; the model's start values if not given.
        fixed : mapping, optional
            Other parameters to hold, by name (coordinates of `layout.par_names`).

        Returns
        -------
        FitResult
            Never raises on a fit that fails: look at `converged`, `message`, `attempts`.
        """
        free = self.layout.free.copy()
        held: dict[int, float] = {} if poi is None else {0: float(poi)}
        for name, value in (fixed or {}).items():
            if name not in self.layout.par_names:
                raise InputError(f"cannot hold '{name}'; the coordinates are {', '.join(self.layout.par_names)}")
            held[self.layout.par_names.index(name)] = float(value)
        free[list(held)] = False
        best: tuple[float, float, int, FloatArray] | None = None
        evaluations = 0
        attempts = 0
        for theta, damping in self._ladder(data, start):
            attempts += 1
            for k, value in held.items():
                theta[k] = value
            value, edm, status, calls = self._run(data, theta, free, damping)
            evaluations += calls
            if best is None or value < best[0] or (status == CONVERGED and best[2] != CONVERGED):
                best = (value, edm, status, theta)
            if status == CONVERGED:
                break
        assert best is not None
        value, edm, status, theta = best
        again = status != CONVERGED
        for k in self.layout.folded[free[self.layout.folded]] if status == CONVERGED else ():
            other = theta.copy()
            other[k] = -other[k] - math.copysign(0.5, other[k])  # the other side of the fold
            value_2, edm_2, status_2, calls = self._run(data, other, free, 0.0)
            evaluations += calls
            again = not (status_2 == CONVERGED and value_2 < value)
            if not again:
                value, edm, theta = value_2, edm_2, other
        if again:
            self.evaluate(data, theta)  # the work arrays are those of the last attempt
        self.n_fits += 1
        return self._result(data, theta, free, value, edm, status, evaluations, attempts)

    def _run(
        self, data: Dataset, theta: FloatArray, free: npt.NDArray[np.bool_], damping: float
    ) -> tuple[float, float, int, int]:
        out = _minimum(
            self.packed, data.counts, data.aux, data.gam_aux, theta, free, TOLERANCE, MAX_ITERATIONS, damping, self.work
        )
        return float(out[0]), float(out[1]), int(out[2]), int(out[3])

    def _ladder(self, data: Dataset, start: FloatArray | None) -> Iterator[tuple[FloatArray, float]]:
        """Starts to try in turn: given, nominal, free normalisations scaled to the data, both strongly damped."""
        if start is not None:
            yield start.copy(), 0.0
        nominal = self.layout.start
        yield nominal.copy(), 0.0
        total = self.expected(nominal, np.ones(self.packed.gam_kind.size)).sum()
        loose = self.layout.free & (self.packed.con_kind == 0)
        scaled = nominal.copy()
        scaled[loose] *= max(float(data.counts.sum()), 0.5) / max(float(total), 1e-300)
        yield scaled.copy(), 0.0
        yield nominal.copy(), 1e2
        yield scaled, 1e2

    def _result(
        self,
        data: Dataset,
        theta: FloatArray,
        free: npt.NDArray[np.bool_],
        value: float,
        edm: float,
        status: int,
        evaluations: int,
        attempts: int,
    ) -> FitResult:
        w, m = self.work, self.packed
        curvature, tangent = np.nan, np.zeros(theta.size)
        if status != BAD_START:
            curvature, tangent = _response(m.lo, m.hi, w.gradient, w.hessian, theta, free, 0)
        bound = free & ((theta <= m.lo) | (theta >= m.hi))
        gamma_bound = (m.gam_lo < m.gam_hi) & ((w.gamma <= m.gam_lo) | (w.gamma >= m.gam_hi))
        names = [self.layout.par_names[k] for k in np.flatnonzero(bound)]
        names += [self.layout.gam_names[j] for j in np.flatnonzero(gamma_bound)]
        return FitResult(
            theta=theta,
            gamma=w.gamma.copy(),
            rates=w.rate.copy(),
            gradient=w.gradient.copy(),
            hessian=w.hessian.copy(),
            nll=value,
            edm=edm,
            status=status,
            evaluations=evaluations,
            attempts=attempts,
            at_bound=tuple(names),
            curvature=float(curvature),
            tangent=tangent,
            names=self.layout.names,
            free=free,
            data=data,
        )
