"""A HEPData submission: submission.yaml and one YAML file per table [HEPData submission schema 1.1]."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from toymc.report.diagnostics import FitDiagnostics, impact_table
from toymc.report.result import Hypothesis, Projection, StudyResult
from toymc.report.table import Table
from toymc.report.tables import cutflow_tables, estimator_table, sample_table, variation_tables

# HEPData's controlled vocabulary for the centre-of-mass energy in GeV: the Upsilon(4S), PDG mass to its digits
_CM_ENERGY_GEV = 10.58


@dataclass(frozen=True)
class Variable:
    """A column; `errors` has, per value, label -> (minus, plus) or a symmetric number."""

    name: str
    values: Sequence[str | float | int | None]
    units: str = ""
    qualifiers: Mapping[str, str | float] = field(default_factory=dict)
    errors: Sequence[Mapping[str, float | tuple[float, float]]] = ()


@dataclass(frozen=True)
class DataTable:
    """One table of the submission."""

    name: str
    description: str
    independent: Sequence[Variable]
    dependent: Sequence[Variable]
    observables: Sequence[str] = ()
    reactions: Sequence[str] = ()
    location: str = ""


def write_submission(
    folder: Path, tables: Sequence[DataTable], comment: str, resources: Mapping[Path, tuple[str, str]] | None = None
) -> None:
    """Write a submission that HEPData's validator accepts.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    tables : sequence of DataTable
    comment : str
        The abstract of the record.
    resources : mapping of file to (description, type), optional
        Copied into the folder and attached to the record, e.g. the likelihood with type "HistFactory".

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head: dict[str, Any] = {"comment": comment}
    if resources:
        head["additional_resources"] = []
        for file, (description, kind) in resources.items():
            shutil.copyfile(file, folder / file.name)
            head["additional_resources"].append({"location": file.name, "description": description, "type": kind})
    documents = [head]
    for number, (table, name) in enumerate(zip(tables, _names(tables), strict=True), start=1):
        file_name = f"table_{number}.yaml"
        (folder / file_name).write_text(_dump(_data(table)), encoding="utf-8")
        documents.append(_header(table, name, file_name))
    text = "---\n".join(_dump(document) for document in documents)
    (folder / "submission.yaml").write_text(text, encoding="utf-8")


def _names(tables: Sequence[DataTable]) -> list[str]:
    """Names of at most 64 characters, as HEPData asks, each once; a shortened one that was taken gets a number."""
    names: list[str] = []
    for table in tables:
        name, number = table.name[:64], 2
        while name in names:
            end = f" ({number})"
            name, number = table.name[: 64 - len(end)] + end, number + 1
        names.append(name)
    return names


def _header(table: DataTable, name: str, file_name: str) -> dict[str, Any]:
    keywords: list[dict[str, Any]] = [{"name": "cmenergies", "values": [_CM_ENERGY_GEV]}]
    if table.observables:
        keywords.append({"name": "observables", "values": list(table.observables)})
    if table.reactions:
        keywords.append({"name": "reactions", "values": list(table.reactions)})
    return {
        "name": name,
        "location": table.location or "toymc simulation",
        "description": table.description,
        "keywords": keywords,
        "data_file": file_name,
    }


def _data(table: DataTable) -> dict[str, Any]:
    return {
        "independent_variables": [
            {"header": _variable_header(v), "values": [{"value": _plain(value)} for value in v.values]}
            for v in table.independent
        ],
        "dependent_variables": [_dependent(v) for v in table.dependent],
    }


def _variable_header(variable: Variable) -> dict[str, str]:
    return {"name": variable.name, **({"units": variable.units} if variable.units else {})}


def _dependent(variable: Variable) -> dict[str, Any]:
    values: list[dict[str, Any]] = []
    for i, value in enumerate(variable.values):
        entry: dict[str, Any] = {"value": _plain(value)}
        if variable.errors and value is not None:
            entry["errors"] = [_error(label, size) for label, size in variable.errors[i].items()]
        values.append(entry)
    column: dict[str, Any] = {"header": _variable_header(variable), "values": values}
    if variable.qualifiers:
        column["qualifiers"] = [{"name": name, "value": value} for name, value in variable.qualifiers.items()]
    return column


def _error(label: str, size: float | tuple[float, float]) -> dict[str, Any]:
    if isinstance(size, tuple):
        return {"asymerror": {"minus": -abs(float(size[0])), "plus": abs(float(size[1]))}, "label": label}
    return {"symerror": float(size), "label": label}


def _plain(value: str | float | int | None) -> str | float | int:
    """HEPData writes a missing value as '-'."""
    return "-" if value is None else value


def _dump(document: Any) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return text


def tables_of(result: StudyResult, reactions: Sequence[str] = ()) -> list[DataTable]:
    """Limits per channel and confidence level, estimators, projections, diagnostics, samples, cut flows."""
    tables = _limit_tables(result, reactions)
    estimators = estimator_table(result)
    if estimators.rows:
        tables.append(_from_table(estimators, "Estimators", "Bias, pull and coverage of the estimators.", reactions))
    tables += [_from_table(t, t.title, f"{t.title}.", reactions) for t in variation_tables(result)]
    tables += [_projection_table(p, result, reactions) for p in result.projections or []]
    for entry in result.diagnostics or []:
        tables += _diagnostic_tables(entry, result.limit_on or entry.poi, reactions)
    samples = sample_table(result)
    if samples.rows:
        tables.append(_from_table(samples, "Samples", "Generated and selected events of every sample.", reactions))
    for flow in cutflow_tables(result):
        name = f"Cut flow, {flow.title}"
        tables.append(_from_table(flow, name, f"Events left after each cut: {flow.title}.", reactions))
    return tables


def _limit_tables(result: StudyResult, reactions: Sequence[str]) -> list[DataTable]:
    groups: dict[tuple[str, float], list[Hypothesis]] = {}
    for h in result.hypotheses or []:
        words = " ".join(str(v) for v in h.parameters.values() if isinstance(v, str))
        groups.setdefault((words, h.cl), []).append(h)
    return [_limit_table(result, words, cl, members, reactions) for (words, cl), members in groups.items()]


def _limit_table(
    result: StudyResult, words: str, cl: float, members: Sequence[Hypothesis], reactions: Sequence[str]
) -> DataTable:
    """Limits at one confidence level in one channel, against the numeric parameters."""
    axes = [name for name, value in members[0].parameters.items() if not isinstance(value, str)]
    independent = [_axis(name, members) for name in axes] or [Variable("point", range(1, len(members) + 1))]
    median = [h.expected.median for h in members]
    errors = [
        {
            "1 s.d.": (h.expected.median - h.expected.minus1, h.expected.plus1 - h.expected.median),
            "2 s.d.": (h.expected.median - h.expected.minus2, h.expected.plus2 - h.expected.median),
        }
        for h in members
    ]
    said: dict[str, str | float] = {"confidence level": cl}
    if result.luminosity_fb is not None:
        said["luminosity [fb^-1]"] = result.luminosity_fb
    dependent = [Variable("expected limit", median, errors=errors, qualifiers=said)]
    if any(h.observed is not None for h in members):
        dependent.append(Variable("observed limit", [h.observed for h in members], qualifiers=said))
    channel = f", {words}" if words else ""
    limit_on = result.limit_on or "the signal"
    return DataTable(
        name=f"Upper limit{channel}, {100 * cl:g}% CL",
        description=f"Upper limit on {limit_on}{channel} at {100 * cl:g}% CL (CLs method), from toymc.",
        independent=independent,
        dependent=dependent,
        observables=("CLS",),
        reactions=reactions,
    )


def _axis(name: str, members: Sequence[Hypothesis]) -> Variable:
    """The independent variable of a parameter; its unit is what follows the last underscore (mass_GeV, ctau_cm)."""
    stem, _, unit = name.rpartition("_")
    values: list[str | float | int | None] = [h.parameters.get(name) for h in members]
    return Variable(stem, values, units=unit) if stem else Variable(name, values)


def _projection_table(projection: Projection, result: StudyResult, reactions: Sequence[str]) -> DataTable:
    """Expected limits, or errors, against luminosity in one scenario."""
    words = ", ".join(f"{key} {value}" for key, value in projection.parameters.items() if value != "")
    said: dict[str, str | float] = {"scenario": projection.scenario}
    dependent = []
    if projection.expected is not None:
        said |= {"confidence level": projection.cl or 0.0}
        errors = [{"1 s.d.": (b.median - b.minus1, b.plus1 - b.median)} for b in projection.expected]
        medians = [b.median for b in projection.expected]
        dependent.append(Variable("expected limit", medians, errors=errors, qualifiers=said))
    for name in ("statistical_error", "systematic_error", "total_error"):
        values = getattr(projection, name)
        if values is not None:
            dependent.append(Variable(name.replace("_", " "), values, qualifiers=said))
    level = f", {100 * projection.cl:g}% CL" if projection.cl is not None else ""
    return DataTable(
        name=f"Projection, {projection.scenario}, {words}{level}",
        description=f"Projection against luminosity, scenario '{projection.scenario}', {words}{level}, from toymc.",
        independent=[Variable("luminosity", projection.luminosity_fb, units="fb^-1")],
        dependent=dependent,
        reactions=reactions,
    )


def _diagnostic_tables(entry: FitDiagnostics, limit_on: str, reactions: Sequence[str]) -> list[DataTable]:
    """Origins of the error, impacts with pulls, and the correlation matrix of one fit."""
    said: dict[str, str | float] = {"fit to": entry.data}
    tables = []
    if entry.error_components:
        origin = Variable("origin", list(entry.error_components))
        values = [entry.unit * v for v in entry.error_components.values()]
        tables.append(
            DataTable(
                f"Error by origin, {entry.measurement}",
                f"Error of {limit_on} by the measurements it comes from; squares add up. {entry.title}.",
                [origin], [Variable(f"error of {limit_on}", values, qualifiers=said)], reactions=reactions,
            )
        )  # fmt: skip
    if entry.impacts:
        name = f"Impacts, {entry.measurement}"
        about = f"Pulls, and shifts of {limit_on} with a parameter moved by its fitted (before the fit: prior) error."
        tables.append(_from_table(impact_table(entry), name, f"{about} {entry.title}.", reactions))
    if entry.correlation_names:
        names = entry.correlation_names
        first, second = [a for a in names for _ in names], [b for _ in names for b in names]
        cells = [round(value, 6) for row in entry.correlation for value in row]
        tables.append(
            DataTable(
                f"Correlations, {entry.measurement}",
                f"Correlation matrix of the parameters. {entry.title}.",
                [Variable("parameter 1", first), Variable("parameter 2", second)],
                [Variable("correlation", cells, qualifiers=said)],
                reactions=reactions,
            )
        )  # fmt: skip
    return tables


def _from_table(table: Table, name: str, description: str, reactions: Sequence[str]) -> DataTable:
    columns = [Variable(title, [row[i] for row in table.rows]) for i, title in enumerate(table.header)]
    return DataTable(name, description, columns[:1], columns[1:], reactions=reactions)
