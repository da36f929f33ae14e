"""Coverage of counting intervals with 100,000 toys per point: ``python -m tests.validation.coverage``.

Five models, several true signals, 90 % and 95 %. A toy throws the counts and what the experiment would have measured
besides (sideband count, efficiency) at fixed true values; its interval covers if it holds the true signal. Intervals
are computed once for every outcome that occurs. Writes ``coverage.json`` and, from it, ``COVERAGE.md``; ``--page`` only
makes the page again. Fixed seeds: the numbers are the same whenever it is run; it takes three minutes on one core.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toymc.inference import Channel, Model, NormFactor, NormSys, Sample, upper_limit
from toymc.inference.counting import CountingChannel, CountingModel, Known, Sideband, model_limit
from toymc.streams import stream

FOLDER = Path(__file__).parent
RESULTS, PAGE = FOLDER / "coverage.json", FOLDER / "COVERAGE.md"
N_TOYS = 100_000
LEVELS = (0.90, 0.95)
SIGNALS = (0.5, 1.0, 2.0, 3.0, 6.0)
METHODS = ("cls", "clsb", "fc", "bayes")
LABELS = {
    "cls marginal": "CLs", "clsb marginal": "CLs+b", "fc marginal": "FC", "bayes marginal": "Bayes",
    "cls profile": "CLs, profiled", "fc profile": "FC, profiled", "cls asymptotic": "CLs, asymptotic",
}  # fmt: skip

Outcome = tuple[int, ...]  # counts, then sideband counts


@dataclass(frozen=True)
class Case:
    """A model with true values: how to throw it, and the models of its outcomes for exact and asymptotic limits."""

    name: str
    backgrounds: tuple[float, ...]  # true means
    signals: tuple[float, ...]
    tau: float = 0.0  # of a sideband for each channel; 0: the background is known
    efficiency_error: float = 0.0
    extra: tuple[float, ...] = ()  # more true signals for this model

    @property
    def tested(self) -> tuple[float, ...]:
        """True signals, in the order of their random streams."""
        return (*SIGNALS, *self.extra)

    def counting(self, outcome: Outcome) -> CountingModel:
        """The counting model of an outcome, at the nominal efficiency."""
        channels = []
        for c, (s, b) in enumerate(zip(self.signals, self.backgrounds, strict=True)):
            background = Sideband(outcome[len(self.signals) + c], self.tau) if self.tau else Known(b)
            channels.append(CountingChannel(str(c), outcome[c], background, s, self.efficiency_error))
        return CountingModel(channels)

    def templates(self, outcome: Outcome) -> Model:
        """The same likelihood for the asymptotic limit: the sideband is a channel of its own."""
        channels = []
        for c, (s, b) in enumerate(zip(self.signals, self.backgrounds, strict=True)):
            on_signal = [NormFactor("mu")]
            if self.efficiency_error:
                on_signal.append(
                    NormSys("efficiency", 1.0 / (1.0 + self.efficiency_error), 1.0 + self.efficiency_error)
                )
            free = (NormFactor(f"b{c}"),) if self.tau else ()
            samples = (Sample("signal", [s], tuple(on_signal)), Sample("background", [1.0 if self.tau else b], free))
            channels.append(Channel(f"on{c}", samples, [outcome[c]]))
            if self.tau:
                side = outcome[len(self.signals) + c]
                channels.append(Channel(f"off{c}", (Sample("background", [self.tau], free),), [side]))
        return Model(channels, "mu")

    def throw(self, mu: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes int64[N_TOYS, :] and the measured over the true efficiency."""
        signals, backgrounds = np.array(self.signals), np.array(self.backgrounds)
        counts = rng.poisson(mu * signals + backgrounds, (N_TOYS, signals.size))
        if self.tau:
            counts = np.hstack([counts, rng.poisson(self.tau * backgrounds, (N_TOYS, signals.size))])
        scores = rng.standard_normal(N_TOYS) if self.efficiency_error else np.zeros(N_TOYS)
        return counts, (1.0 + self.efficiency_error) ** scores


CASES = (
    Case("b = 0.3", (0.3,), (1.0,), extra=(2.5,)),
    Case("b = 3", (3.0,), (1.0,)),
    Case("on/off: b = 1, tau = 2", (1.0,), (1.0,), tau=2.0),
    Case("two channels: s/b = 0.6/0.5 and 0.4/2", (0.5, 2.0), (0.6, 0.4)),
    Case("b = 1, efficiency known to 15 %", (1.0,), (1.0,), efficiency_error=0.15),
)


def intervals(case: Case, label: str, cl: float) -> Callable[[Outcome], tuple[float, float]]:
    """The function from an outcome to its interval at the nominal efficiency."""
    method, treatment = label.split()

    def interval(outcome: Outcome) -> tuple[float, float]:
        if treatment == "asymptotic":
            observed = upper_limit(case.templates(outcome), cl=cl).observed
            assert observed is not None
            return 0.0, observed
        limit = model_limit(case.counting(outcome), cl, method, treatment, bands=False)
        return limit.lower_limit, limit.upper_limit

    return interval


def labels(case: Case) -> list[str]:
    """What is measured: profiled intervals where they are exact and differ from the averaged ones."""
    chosen = [f"{method} marginal" for method in METHODS]
    return [*chosen, *(["cls profile", "fc profile"] if case.tau else []), "cls asymptotic"]


def measure_case(case: Case) -> list[dict[str, Any]]:
    """Rows of one model."""
    rows = []
    toys = {mu: case.throw(mu, stream(5, "coverage", "test", i)) for i, mu in enumerate(case.tested)}
    every, inverse = np.unique(np.vstack([t[0] for t in toys.values()]), axis=0, return_inverse=True)
    position = inverse.reshape(len(case.tested), N_TOYS)
    for cl in LEVELS:
        for label in labels(case):
            interval = intervals(case, label, cl)
            ends = np.array([interval(tuple(int(n) for n in outcome)) for outcome in every])
            for i, mu in enumerate(case.tested):
                # a log-normal efficiency only sets the scale: a limit found at the nominal one is divided by what was
                # measured
                low, high = ends[position[i]].T / toys[mu][1]
                share = float(np.mean((low <= mu) & (mu <= high)))
                error = math.sqrt(max(share * (1.0 - share), 1.0 / N_TOYS) / N_TOYS)
                rows.append(
                    {"model": case.name, "signal": mu, "cl": cl, "interval": label, "coverage": share,
                     "error": round(error, 5), "toys": N_TOYS}
                )  # fmt: skip
    return rows


HEAD = """# Coverage of counting intervals

Share of experiments whose interval holds the true signal, from {toys:,} toys per point (statistical error at most
{error:.2f} %). Made by `python -m tests.validation.coverage`; definitions in `toymc/inference/counting/`. CLs and Bayes
cover more than stated by construction, CLs+b and FC do so because counts are discrete. Bold: less than stated by more
than three statistical errors. The asymptotic limit does so where few events are expected: without events it is 1.57
(90 %) and 2.14 (95 %) for b = 0.3, 1.35 and 1.92 for b towards 0, where the exact one is 2.30 and 3.00.
"""


def page(rows: list[dict[str, Any]]) -> str:
    """The table in Markdown."""
    text = HEAD.format(toys=N_TOYS, error=100.0 * max(row["error"] for row in rows))
    for cl in LEVELS:
        text += f"\n## {100 * cl:.0f} %\n\n| model | true signal | " + " | ".join(LABELS.values()) + " |\n"
        text += "|---|---|" + "---|" * len(LABELS) + "\n"
        for case in CASES:
            for mu in sorted(case.tested):
                cells = {
                    row["interval"]: row
                    for row in rows
                    if (row["model"], row["signal"], row["cl"]) == (case.name, mu, cl)
                }
                text += f"| {case.name} | {mu:g} | " + " | ".join(_cell(cells.get(key), cl) for key in LABELS) + " |\n"
    return text


def _cell(row: dict[str, Any] | None, cl: float) -> str:
    if row is None:
        return ""
    value = f"{100.0 * row['coverage']:.1f}"
    return f"**{value}**" if row["coverage"] < cl - 3.0 * row["error"] else value


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="only make the page from the stored numbers")
    if not parser.parse_args().page:
        rows = [row for case in CASES for row in measure_case(case)]
        RESULTS.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
