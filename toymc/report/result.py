"""The schema of result.json, typed.

Keys that do not apply are left out; `observed` of a hypothesis stays and is null where no data were given. Numbers are
finite: a limit that does not exist is left out, not written as NaN.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from toymc.errors import InputError
from toymc.report.diagnostics import FitDiagnostics
from toymc.report.part import Parameters, Part

QUANTILES = ("-2", "-1", "0", "+1", "+2")


class Bands(Part):
    """An expected limit: median, one and two standard deviations, under the hypothesis of no signal."""

    minus2: float = Field(alias="-2")
    minus1: float = Field(alias="-1")
    median: float = Field(alias="0")
    plus1: float = Field(alias="+1")
    plus2: float = Field(alias="+2")

    @classmethod
    def of(cls, values: "tuple[float, ...] | list[float]") -> Self:
        """From the five numbers in the order of `QUANTILES`."""
        return cls.model_validate(dict(zip(QUANTILES, (float(v) for v in values), strict=True)))

    def values(self) -> tuple[float, float, float, float, float]:
        """The five numbers in the order of `QUANTILES`."""
        return self.minus2, self.minus1, self.median, self.plus1, self.plus2


class Sample(Part):
    """What became of one generated sample."""

    name: str
    generated: int
    selected: int
    efficiency: float
    expected_events: float
    efficiency_error: float | None = None
    expected_events_error: float | None = None
    effective_events: float | None = None
    """Effective number of simulated events behind `expected_events`: (sum w)^2 / sum w^2."""
    upper_bound: float | None = None
    """Expected events at most, where nothing survived; `upper_bound_prior` says under which prior."""
    upper_bound_prior: str | None = None


class CutFlowStep(Part):
    """One line of a cut flow: events left after the cut."""

    cut: str
    raw: int
    events: float
    error: float
    efficiency: float
    """Of all cuts up to and including this one."""


class Hypothesis(Part):
    """One tested signal hypothesis at one confidence level."""

    parameters: Parameters
    cl: float
    expected: Bands
    observed: float | None = None
    efficiency: float | None = None
    resolution_GeV: float | None = None
    background: float | None = None
    expected_toys: Bands | None = None
    expected_statistical: Bands | None = None
    """The same without systematic sources (the statistics of the simulation stay in), where the run computed both."""
    best_fit: float | None = None
    best_fit_error: float | None = None
    measurement: str | None = None
    """Its measurement in workspace.json."""
    unit: float | None = None
    """The limit is the parameter of interest of that measurement times this."""
    interpretation: dict[str, Any] | None = None
    sub_fraction: float | None = None
    """Share of the decays that the limit includes (K*0 -> K+ pi-): divided by it, the limit is one on all of them."""

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None or key == "observed"}


class EstimatorPoint(Part):
    """An estimator at one true value."""

    truth: float
    mean: float
    mean_error: float
    spread: float
    spread_error: float
    stated_error: float
    median: float
    bias: float
    bias_error: float
    pull_mean: float
    pull_mean_error: float
    pull_width: float
    pull_width_error: float
    coverage: float
    coverage_error: float
    coverage_worst: tuple[float, float]
    """With every failed experiment outside, and inside, its interval."""
    bias_worst: tuple[float, float]
    """With every failed experiment at the lower, and the upper, end of the range of the estimates."""
    experiments: int
    failed: int


class EstimatorCheck(Part):
    """One quantity of an estimator against its tolerance: inside, outside or undecided."""

    quantity: str
    truth: float | None = None
    low: float
    high: float
    error: float
    target: float
    tolerance: float
    verdict: str
    experiments_to_decide: int | None = None


class EstimatorShift(Part):
    """Change of an estimate, or its bias, under one named change of the chain; beside the published size."""

    name: str
    value: float
    error: float | None = None
    published: float | None = None
    at_most: bool | None = None
    """The published size is an upper limit."""
    what: str | None = None


class Estimator(Part):
    """One measured quantity with its bias and pull."""

    name: str
    value: float
    error: float | None = None
    stat_error: float | None = None
    bias: float | None = None
    bias_error: float | None = None
    pull_mean: float | None = None
    pull_mean_error: float | None = None
    pull_width: float | None = None
    pull_width_error: float | None = None
    slope: float | None = None
    slope_error: float | None = None
    intercept: float | None = None
    intercept_error: float | None = None
    line_p_value: float | None = None
    """Of the straight line through the means at all true values."""
    coverage: float | None = None
    coverage_error: float | None = None
    cl: float | None = None
    truth: float | None = None
    """The true value at which bias, pull and coverage are given."""
    method: str | None = None
    parameters: Parameters | None = None
    experiments: int | None = None
    failed_share: float | None = None
    failures: list[tuple[float, int, str]] | None = None
    """True value, number and reason of failed experiments, the first ones."""
    verdict: str | None = None
    effects: list[EstimatorShift] | None = None
    """Bias with parts of the chain switched off."""
    comparison: list[EstimatorShift] | None = None
    """Bias and errors beside those of the publication."""
    by_truth: list[EstimatorShift] | None = None
    """Bias at each generated true value."""
    systematics_table: list[EstimatorShift] | None = None
    points: list[EstimatorPoint] | None = None
    checks: list[EstimatorCheck] | None = None


class Reach(Part):
    """The value at which the median significance of an excess is `sigma` standard deviations."""

    sigma: float
    value: float


class SourceShare(Part):
    """What a group of systematic sources adds to a limit or an error, in quadrature, as a fraction of it."""

    source: str
    share: float
    floor: float
    why: str | None = None


class Projection(Part):
    """Expected limits, or errors of a measurement, against luminosity in one scenario."""

    parameters: Parameters
    scenario: str
    cl: float | None = None
    luminosity_fb: list[float]
    expected: list[Bands] | None = None
    statistical_error: list[float] | None = None
    systematic_error: list[float] | None = None
    total_error: list[float] | None = None
    take_over_fb: float | None = None
    """Luminosity at which systematics take over; left out where they do not."""
    reach: list[Reach] | None = None
    """At the last luminosity."""
    sources: list[SourceShare] | None = None
    """At the last luminosity, the largest first."""


class Published(Part):
    """A published number beside which ours stands."""

    parameters: Parameters
    source: str
    cl: float | None = None
    expected: float | None = None
    observed: float | None = None
    value: float | None = None
    error: float | None = None
    tag: str | None = None
    note: str | None = None


class StudyResult(Part):
    """All of result.json.

    Examples
    --------
    >>> result = StudyResult(study="tau_l_alpha", version="0.1.0", seed=1, luminosity_fb=62.8)
    >>> sorted(result.to_dict())
    ['luminosity_fb', 'seed', 'study', 'version']
    """

    study: str
    version: str
    seed: int
    luminosity_fb: float | None = None
    limit_on: str | None = None
    scale: float | None = None
    systematics: str | None = None
    detector: str | None = None
    pdg_edition: str | None = None
    samples: list[Sample] | None = None
    cutflow: dict[str, list[CutFlowStep]] | None = None
    hypotheses: list[Hypothesis] | None = None
    estimators: list[Estimator] | None = None
    projections: list[Projection] | None = None
    diagnostics: list[FitDiagnostics] | None = None
    """Of the most telling fit of every set of channels that are fitted together."""
    published: list[Published] | None = None
    notes: list[str] | None = None
    timing: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, in the order and with the keys of the file."""
        return self.model_dump(mode="python", by_alias=True)

    def to_json(self) -> str:
        """The text of result.json.

        Raises
        ------
        InputError
            Naming the first key whose number is not finite.
        """
        plain = self.to_dict()
        for key, value in _leaves(plain, ""):
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"result.json: {key} is {value}: a result must be finite or left out")
        return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write result.json to `path`."""
        path.write_text(self.to_json(), encoding="utf-8")

    def hypothesis(self, cl: float, **parameters: str | bool | int | float) -> Hypothesis:
        """The hypothesis with this confidence level and these parameters.

        Raises
        ------
        InputError
            If there is not exactly one.
        """
        wanted = [
            h
            for h in self.hypotheses or []
            if math.isclose(h.cl, cl) and all(h.parameters.get(k) == v for k, v in parameters.items())
        ]
        if len(wanted) != 1:
            raise InputError(f"{len(wanted)} hypotheses with cl = {cl} and {parameters} in the result of {self.study}")
        return wanted[0]


def read_result(path: Path | str) -> StudyResult:
    """Read a result.json, or the one inside a run's folder.

    Parameters
    ----------
    path : path
        The file or the folder.

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError
        If there is no such file or it does not hold a result.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "result.json"
    try:
        return StudyResult.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{file} is not a toymc result: {place}: {first['msg']}") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _leaves(part, f"{key}[{i}]")
    else:
        yield key, value
