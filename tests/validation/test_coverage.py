"""The stored coverage table: complete, what the page shows, never below what is stated where that is guaranteed."""

import json

import numpy as np
import pytest

from tests.validation import coverage

ROWS = json.loads(coverage.RESULTS.read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_numbers():
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(ROWS)


def test_every_point_is_there():
    expected = {
        (case.name, mu, cl, label)
        for case in coverage.CASES
        for mu in case.tested
        for cl in coverage.LEVELS
        for label in coverage.labels(case)
    }
    assert {(r["model"], r["signal"], r["cl"], r["interval"]) for r in ROWS} == expected
    assert all(row["toys"] == 100_000 for row in ROWS)


def test_exact_intervals_cover():
    """Known backgrounds are guaranteed to cover; averaged and profiled ones are held to it too (3.5 errors each)."""
    for row in ROWS:
        if "asymptotic" not in row["interval"]:
            assert row["coverage"] > row["cl"] - 3.5 * row["error"], row


def test_the_asymptotic_limit_covers_too_little_below_one_event():
    low = [r for r in ROWS if r["interval"] == "cls asymptotic" and r["model"] == "b = 0.3"]
    for cl in coverage.LEVELS:
        worst = min(r["coverage"] for r in low if r["cl"] == cl)
        assert worst < cl - 0.01


def test_one_point_again():
    """A single point from the same toys: the stored number, digit for digit."""
    case, mu, cl = coverage.CASES[0], 3.0, 0.9
    index = coverage.SIGNALS.index(mu)
    counts, scale = case.throw(mu, coverage.stream(5, "coverage", "test", index))
    interval = coverage.intervals(case, "fc marginal", cl)
    ends = {n: interval((int(n),)) for n in np.unique(counts)}
    covered = np.mean([ends[n][0] <= mu <= ends[n][1] for n in counts[:, 0]])
    stored = [
        r for r in ROWS if (r["model"], r["signal"], r["cl"], r["interval"]) == (case.name, mu, cl, "fc marginal")
    ]
    assert covered == pytest.approx(stored[0]["coverage"], abs=1e-12) and np.all(scale == 1.0)
