"""Diagnostics of the fits of a study: one for every set of channels that are fitted together."""

from collections.abc import Mapping, Sequence

from toymc.events import FloatArray
from toymc.inference.diagnostics import diagnose
from toymc.inference.diagnostics.goodness import SPARSE
from toymc.report.diagnostics import FitDiagnostics
from toymc.report.result import Hypothesis as ResultHypothesis
from toymc.studies.study import Hypothesis

_TOYS = 1000


def diagnose_hypotheses(
    hypotheses: Sequence[Hypothesis],
    entries: Sequence[ResultHypothesis],
    data: Sequence[Mapping[str, FloatArray] | None],
    seed: int,
) -> list[FitDiagnostics]:
    """Diagnose the most telling hypothesis of every set of channels.

    With data that is the one with the largest fitted signal in units of its error; without, the one whose expected
    limit loses most to systematic sources. Goodness of fit comes with 1000 toys where a bin expects few events.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
    entries : sequence of the hypotheses of the result
        One for each, at any confidence level.
    data : sequence of counts per channel, or None
        One for each.
    seed : int
        Of the toys.

    Returns
    -------
    list of FitDiagnostics
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, hypothesis in enumerate(hypotheses):
        groups.setdefault(tuple(c.name for c in hypothesis.model.channels), []).append(i)
    found = []
    for members in groups.values():
        i = max(members, key=lambda k: _interest(entries[k]))
        sparse = any(
            sum(s.data[b] for s in c.samples) < SPARSE for c in hypotheses[i].model.channels for b in range(c.n_bins)
        )
        toys = _TOYS if sparse and data[i] is not None else 0
        diagnosis = diagnose(hypotheses[i].model, data[i], n_toys=toys, seed=seed, per_bin=False)
        found.append(FitDiagnostics.of(diagnosis, hypotheses[i].parameters, hypotheses[i].unit))
    return found


def _interest(entry: ResultHypothesis) -> float:
    if entry.best_fit is not None and entry.best_fit_error:
        return abs(entry.best_fit) / entry.best_fit_error
    if entry.expected_statistical is not None:
        return entry.expected.median / entry.expected_statistical.median
    return 0.0
