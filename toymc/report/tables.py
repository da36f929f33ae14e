"""Tables of a result, once for the terminal, the HTML report and HEPData: ours beside what was published."""

import math

from toymc.report.result import Estimator, EstimatorShift, Hypothesis, Published, StudyResult
from toymc.report.table import Cell, Table


def published_for(result: StudyResult, hypothesis: Hypothesis) -> Published | None:
    """The published number at the parameters and the confidence level of `hypothesis`, if there is one."""
    for entry in result.published or []:
        if entry.cl is not None and not math.isclose(entry.cl, hypothesis.cl):
            continue
        if entry.parameters.items() <= hypothesis.parameters.items():
            return entry
    return None


def limit_table(result: StudyResult) -> Table:
    """Expected limits with bands, observed, without systematic uncertainties; published; the ratio of the medians."""
    hypotheses = result.hypotheses or []
    names = tuple(dict.fromkeys(name for h in hypotheses for name in h.parameters))
    rows = []
    for h in hypotheses:
        entry = published_for(result, h)
        expected = entry.expected if entry else None
        rows.append(
            (
                *(h.parameters.get(name) for name in names),
                h.cl,
                h.expected.minus1,
                h.expected.median,
                h.expected.plus1,
                h.expected_toys.median if h.expected_toys else None,
                h.expected_statistical.median if h.expected_statistical else None,
                h.observed,
                h.expected.median / h.sub_fraction if h.sub_fraction else None,
                h.observed / h.sub_fraction if h.sub_fraction and h.observed is not None else None,
                expected,
                entry.observed if entry else None,
                h.expected.median / expected if expected else None,
            )
        )
    header = (
        *names, "CL", "-1 sigma", "expected", "+1 sigma", "expected, toys", "no systematics", "observed",
        "expected, all decays", "observed, all decays", "published expected", "published observed", "ours/published",
    )  # fmt: skip
    return _without_empty(Table(f"Upper limits on {result.limit_on or 'the signal'}", header, tuple(rows)))


def sample_table(result: StudyResult) -> Table:
    """Generated and selected events of every sample."""
    header = ("sample", "generated", "selected", "efficiency", "expected events", "+-", "effective events", "at most")
    rows = tuple(
        (
            s.name,
            s.generated,
            s.selected,
            s.efficiency,
            s.expected_events,
            s.expected_events_error,
            s.effective_events,
            s.upper_bound,
        )
        for s in result.samples or []
    )
    return _without_empty(Table("Samples", header, rows))


def cutflow_tables(result: StudyResult) -> list[Table]:
    """One table per sample: events left after each cut."""
    header = ("cut", "simulated", "events", "+-", "efficiency")
    return [
        Table(name, header, tuple((s.cut, s.raw, s.events, s.error, s.efficiency) for s in steps))
        for name, steps in (result.cutflow or {}).items()
    ]


def estimator_table(result: StudyResult) -> Table:
    """Estimators with bias, pull, coverage and linearity, as far as they were validated."""
    keys = (
        "name", "method", "truth", "value", "error", "stat_error", "bias", "bias_error", "pull_mean", "pull_width",
        "pull_width_error", "coverage", "coverage_error", "slope", "slope_error", "line_p_value",
        "experiments", "failed_share", "verdict",
    )  # fmt: skip
    given = result.estimators or []
    names = tuple(dict.fromkeys(name for e in given for name in e.parameters or {}))
    words = tuple(key.replace("_error", " +-") if key != "stat_error" else "stat. error" for key in keys)
    header = (words[0], *names, *(word.replace("_", " ") for word in words[1:]))
    rows = tuple(
        (e.name, *((e.parameters or {}).get(name) for name in names), *(_entry(e, key) for key in keys[1:]))
        for e in given
    )
    return _without_empty(Table("Estimators", header, rows))


def _entry(estimator: Estimator, key: str) -> Cell:
    """One number of an estimator; values and true values with the decimals that their error has."""
    value: Cell = getattr(estimator, key)
    errors = (estimator.stat_error, estimator.error, estimator.bias_error, estimator.slope_error)
    error = next((e for e in errors if e is not None and e > 0.0), None)
    if key not in ("truth", "value") or not isinstance(value, float) or error is None or abs(value) < 1000.0 * error:
        return value
    return f"{value:.{max(0, 1 - math.floor(math.log10(error)))}f}"


def variation_tables(result: StudyResult) -> list[Table]:
    """For every estimator that has them: systematic table, what makes the bias, bias at each true value."""
    titles = {
        "comparison": "{} beside the publication",
        "systematics_table": "Systematic uncertainties of {}: ours beside the published ones",
        "effects": "Bias of {} with parts of the chain switched off",
        "by_truth": "Bias of {} at each true value",
    }
    tables = {}
    for entry in result.estimators or []:
        for key, title in titles.items():
            shifts: list[EstimatorShift] = getattr(entry, key) or []
            if shifts:
                rows = tuple((s.name, s.value, s.error, _published_size(s), s.what) for s in shifts)
                header = ("name", "ours", "+-", "published", "what is changed")
                name = entry.name if entry.method in (None, "expected") else f"{entry.name}, {entry.method}"
                tables[name, key] = _without_empty(Table(title.format(name), header, rows))
    return list(tables.values())


def _published_size(shift: EstimatorShift) -> str | float | None:
    return f"<= {shift.published:g}" if shift.at_most else shift.published


def projection_table(result: StudyResult) -> Table:
    """Limits and errors today and at the last luminosity, where systematics take over, and the discovery reach."""
    projections = result.projections or []
    names = tuple(dict.fromkeys(name for p in projections for name in p.parameters))
    sigmas = sorted({r.sigma for p in projections for r in p.reach or []})
    rows = []
    for p in projections:
        values = [b.median for b in p.expected] if p.expected else p.total_error or []
        reach = {r.sigma: r.value for r in p.reach or []}
        rows.append(
            (
                *(p.parameters.get(name) for name in names),
                p.scenario,
                p.cl,
                values[0],
                values[-1],
                values[0] / values[-1],
                p.take_over_fb,
                *(reach.get(sigma) for sigma in sigmas),
            )
        )
    header = (
        *names, "scenario", "CL", "today", f"at {result.luminosity_fb:g} /fb", "improvement",
        "systematics take over [1/fb]", *(f"{sigma:g} sigma reach" for sigma in sigmas),
    )  # fmt: skip
    return _without_empty(Table("Projections", header, tuple(rows)))


def source_table(result: StudyResult) -> Table:
    """Share of every group of systematic sources in the projected limits and errors, in quadrature."""
    rows = [
        (*p.parameters.values(), p.scenario, s.source, s.share, s.floor, s.why)
        for p in result.projections or []
        for s in p.sources or []
    ]
    names = tuple(dict.fromkeys(name for p in result.projections or [] for name in p.parameters))
    header = (*names, "scenario", "source", "share", "floor / today", "why")
    return Table("Systematic sources", header, tuple(rows))


def _without_empty(table: Table) -> Table:
    """The table without the columns in which every cell is None."""
    keep = [i for i in range(len(table.header)) if any(row[i] is not None for row in table.rows)]
    return Table(
        table.title,
        tuple(table.header[i] for i in keep),
        tuple(tuple(row[i] for i in keep) for row in table.rows),
    )


def format_cell(cell: Cell) -> str:
    """A cell as text: three or four significant digits, '-' for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) >= 1000 or cell == int(cell) else f"{cell:.3g}"
    return str(cell)
