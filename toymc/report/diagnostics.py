"""Diagnostics of a fit in result.json and in tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from toymc.report.part import Parameters, Part
from toymc.report.table import Cell, Table

if TYPE_CHECKING:
    from toymc.inference.diagnostics import Diagnosis, Impact


class FittedParameter(Part):
    """A fitted parameter; pull and constraint are left out where there is no constraint."""

    name: str
    value: float
    error: float | None = None
    pull: float | None = None
    constraint: float | None = None


class ParameterImpact(Part):
    """Shift of the parameter of interest with this one held at +- its fitted, and its prior error."""

    name: str
    up: float | None = None
    down: float | None = None
    prefit_up: float | None = None
    prefit_down: float | None = None


class GoodnessOfFit(Part):
    """-2 ln of the likelihood ratio to the saturated model, its asymptotic p-value and that of toys."""

    statistic: float
    dof: int
    p_value: float | None = None
    smallest_expected: float
    p_value_toys: float | None = None
    p_value_toys_error: float | None = None
    p_value_toys_range: tuple[float, float] | None = None
    """Over all assignments of failed toys."""
    toys: int | None = None
    failed_toys: int | None = None


class FitDiagnostics(Part):
    """One fit: status, parameters, impacts, origins of the error, correlations, goodness."""

    measurement: str
    parameters: Parameters | None = None
    data: str
    unit: float = 1.0
    """Shifts and errors of the parameter of interest times this are in the unit of the limit."""
    poi: str
    value: float
    error: float | None = None
    converged: bool
    message: str
    edm: float
    attempts: int
    bins: int
    free: int
    constrained: int
    at_bound: list[str]
    goodness_of_fit: GoodnessOfFit | None = None
    error_components: dict[str, float]
    fitted: list[FittedParameter]
    impacts: list[ParameterImpact]
    correlation_names: list[str]
    correlation: list[list[float]]
    notes: list[str] | None = None

    @classmethod
    def of(
        cls, found: Diagnosis, parameters: Mapping[str, str | bool | int | float] | None = None, unit: float = 1.0,
        per_bin: bool = False,
    ) -> FitDiagnostics:  # fmt: skip
        """From a diagnosis; factors per bin come with `per_bin`."""
        s = found.summary
        shown = [i for i, name in enumerate(found.names) if per_bin or "[" not in name]
        return cls(
            measurement=found.model,
            parameters=None if parameters is None else dict(parameters),
            data=found.data,
            unit=unit,
            poi=s.poi,
            value=s.value,
            error=_number(s.error),
            converged=s.converged,
            message=s.message,
            edm=s.edm if math.isfinite(s.edm) else 1e300,
            attempts=s.attempts,
            bins=s.bins,
            free=s.free,
            constrained=s.constrained,
            at_bound=[row.name for row in s.at_bound],
            goodness_of_fit=_goodness(found),
            error_components=dict(found.components),
            fitted=[
                FittedParameter(
                    name=p.name, value=p.value, error=_number(p.error), pull=_number(p.pull),
                    constraint=_number(p.constraint),
                )
                for p in found.pulls if per_bin or "[" not in p.name
            ],
            impacts=[
                ParameterImpact(
                    name=i.name, up=_number(i.up), down=_number(i.down), prefit_up=_number(i.prefit_up),
                    prefit_down=_number(i.prefit_down),
                )
                for i in found.impacts if per_bin or "[" not in i.name
            ],
            correlation_names=[found.names[i] for i in shown],
            correlation=[[float(found.correlation[i, j]) for j in shown] for i in shown],
            notes=list(found.notes) or None,
        )  # fmt: skip

    @property
    def title(self) -> str:
        """Name of the measurement and what was fitted."""
        return f"{self.measurement}, fit to the {self.data}"

    def ranking(self) -> list[Impact]:
        """Impacts with pulls, as the figures take them."""
        from toymc.inference.diagnostics import Impact

        fitted = {p.name: p for p in self.fitted}
        rows = []
        for i in self.impacts:
            p = fitted[i.name]
            value, error, pull, constraint = p.value, _or_nan(p.error), _or_nan(p.pull), _or_nan(p.constraint)
            up, down, before_up, before_down = (_or_nan(x) for x in (i.up, i.down, i.prefit_up, i.prefit_down))
            rows.append(Impact(i.name, value, error, pull, constraint, up, down, before_up, before_down))
        return rows


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _goodness(found: Diagnosis) -> GoodnessOfFit | None:
    g = found.goodness
    if g is None or not math.isfinite(g.statistic):
        return None
    toys = g.toys
    return GoodnessOfFit(
        statistic=g.statistic,
        dof=g.dof,
        p_value=_number(g.p_value),
        smallest_expected=g.smallest,
        p_value_toys=None if toys is None else _number(toys.value),
        p_value_toys_error=None if toys is None else _number(toys.error),
        p_value_toys_range=None if toys is None else (toys.low, toys.high),
        toys=None if toys is None else toys.n_toys,
        failed_toys=None if toys is None else toys.n_failed,
    )


def status_table(entries: Sequence[FitDiagnostics]) -> Table:
    """One row per fit: status, goodness of fit, error and where it comes from."""
    origins = dict.fromkeys(name for d in entries for name in d.error_components if name != "total")
    rows: list[tuple[Cell, ...]] = []
    for d in entries:
        g = d.goodness_of_fit
        rows.append(
            (
                d.measurement,
                d.data,
                d.message if not d.at_bound else f"{d.message}; at bound: {', '.join(d.at_bound)}",
                d.unit * d.value,
                None if d.error is None else d.unit * d.error,
                *(d.unit * d.error_components[name] if name in d.error_components else None for name in origins),
                None if g is None else f"{g.statistic:.1f}/{g.dof}",
                None if g is None else g.p_value,
                None if g is None else g.p_value_toys,
            )
        )
    header = (
        "measurement", "fit to", "status", "value", "error", *(f"error from {name}" for name in origins),
        "saturated chi2/dof", "p-value", "p-value (toys)",
    )  # fmt: skip
    keep = [k for k in range(len(header)) if any(row[k] is not None for row in rows)]
    return Table("Fits", tuple(header[k] for k in keep), tuple(tuple(row[k] for k in keep) for row in rows))


def impact_table(entry: FitDiagnostics) -> Table:
    """Impacts with pulls, the largest first."""
    header = ("parameter", "pull", "constraint", "impact +", "impact -", "before the fit +", "before the fit -")
    fitted = {p.name: p for p in entry.fitted}
    scaled = [
        [None if v is None else entry.unit * v for v in (i.up, i.down, i.prefit_up, i.prefit_down)]
        for i in entry.impacts
    ]
    rows = tuple(
        (i.name, fitted[i.name].pull, fitted[i.name].constraint, *shifts)
        for i, shifts in zip(entry.impacts, scaled, strict=True)
    )
    return Table(f"Impacts, {entry.measurement}", header, rows)
