"""Figures: complete, the same bytes every time, bad input refused."""

import re

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference.diagnostics import Impact
from toymc.plotting.diagnostics import correlation_matrix, error_bars, impact_plot
from toymc.plotting.figures import Points, cutflow_bars, limit_plot, pulls, template_stack
from toymc.plotting.limits import Region, coupling_exclusion, p_value_plot
from toymc.plotting.style import LABEL, save

EDGES = np.linspace(0.0, 2.0, 21)
SHAPE = np.exp(-(((EDGES[1:] + EDGES[:-1]) / 2 - 0.7) ** 2) / 0.1)
BANDS = np.array([[0.5, 0.7, 1.0, 1.4, 1.9]]) * np.array([[1.0], [0.5], [0.8]])
IMPACTS = [
    Impact("n", 1.0, 0.1, np.nan, np.nan, -0.4, 0.5, np.nan, np.nan),
    Impact("scale", 0.2, 0.8, 0.2, 0.8, 0.3, -0.2, 0.35, -0.25),
]
# two intervals at one mass, none at another, one without neighbour
REGIONS = [[(1e-5, 1e-3)], [(2e-5, 1e-4), (3e-4, 9e-4)], [(3e-5, 8e-4)], [], [(4e-5, 6e-4)]]


def stack(**more):
    return template_stack(
        EDGES, {"lnunu": 1e4 * SHAPE, "other": 1e2 * SHAPE}, signals={"signal": 3e3 * SHAPE}, xlabel="x", **more
    )


FIGURES = {
    "stack": stack,
    "stack with data": lambda: stack(data=1.01e4 * SHAPE, error=1e2 * SHAPE, luminosity_fb=62.8, text="electron"),
    "stack, logarithmic": lambda: stack(log=True),
    "limit": lambda: limit_plot(
        [1.0, 0.0, 1.6],
        1e-3 * BANDS,
        observed=[1e-3, 2e-3, 3e-3],
        statistical=7e-4 * np.ones(3),
        published=[Points("published", [0.0, 1.0], [1e-3, 2e-3])],
        xlabel="mass [GeV]",
        ylabel="limit",
    ),
    "cut flow": lambda: cutflow_bars({"a": [("thrust", 0.5), ("mass", 0.0)], "b": [("thrust", 0.1), ("mass", 0.01)]}),
    "impacts": lambda: impact_plot(IMPACTS, poi="R", unit=1e-3, luminosity_fb=62.8),
    "correlations": lambda: correlation_matrix(["a", "b"], np.array([[1.0, -0.9], [-0.9, 1.0]]), text="fit"),
    "error": lambda: error_bars({"counts": 3e-4, "systematic sources": 4e-4, "total": 5e-4}, poi="R"),
    "p-values": lambda: p_value_plot([1.0, 2.0, 3.0], {"a": [0.5, 1e-4, np.nan]}, global_p=0.01),
    "couplings": lambda: coupling_exclusion(
        [1.0, 2.0, 3.0, 4.0, 5.0],
        {"0": REGIONS},
        observed=REGIONS,
        published=[Region("published", [1.0, 5.0], [[(1e-4, np.inf)]] * 2)],
        ylabel="coupling",
    ),
    "no coupling": lambda: coupling_exclusion([1.0, 2.0], {"0": [[], []]}, ylabel="coupling"),
    "pulls": lambda: pulls(["a", "b"], [0.1, -2.6], [1.0, 0.5]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_labelled_and_drawn_the_same_twice(tmp_path, name):
    figure = FIGURES[name]()
    axes = [part for part in figure.axes if part.get_label() != "<colorbar>"]
    assert axes[0].get_title(loc="left") == LABEL
    assert axes[-1].get_xlabel()
    first = [path.read_bytes() for path in save(figure, tmp_path / "1", "a")]
    again = [path.read_bytes() for path in save(FIGURES[name](), tmp_path / "2", "a")]
    assert first == again
    assert first[0].startswith(b"\x89PNG") and first[1].startswith(b"%PDF")


def test_limits_are_drawn_in_the_order_of_the_parameter():
    median = FIGURES["limit"]().axes[0].get_lines()[0]
    np.testing.assert_allclose(median.get_xdata(), [0.0, 1.0, 1.6])
    np.testing.assert_allclose(median.get_ydata(), 1e-3 * np.array([0.5, 1.0, 0.8]))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: template_stack(EDGES, {"a": SHAPE[:-1]}, xlabel="x"), "has 19 bins"),
        (lambda: limit_plot([1.0], np.ones((1, 3)), xlabel="x", ylabel="y"), "limit bands have shape"),
        (lambda: cutflow_bars({}), "no cut flow"),
        (lambda: cutflow_bars({"a": [("x", 1.0)], "b": []}), "different lengths"),
        (lambda: pulls(["a"], [1.0, 2.0], [1.0]), "1 names, 2 pulls, 1 errors"),
        (lambda: impact_plot([], poi="R"), "no impacts to draw"),
        (lambda: correlation_matrix(["a"], np.eye(2)), "shape (2, 2) for 1 names"),
        (lambda: error_bars({}, poi="R"), "no components"),
        (lambda: p_value_plot([1.0], {"a": [1.5]}), "lie between 0 and 1"),
        (lambda: p_value_plot([1.0], {"a": [0.5, 0.5]}), "have shape"),
        (lambda: p_value_plot([1.0], {}), "no p-values"),
        (lambda: coupling_exclusion([2.0, 1.0], {"0": [[], []]}, ylabel="g"), "'expected 0': the masses must rise"),
        (lambda: coupling_exclusion([1.0], {"0": [[], []]}, ylabel="g"), "intervals at 2 masses, 1 masses"),
        (lambda: coupling_exclusion([1.0], {"0": [[(2.0, 1.0)]]}, ylabel="g"), "give 0 < low < high"),
        (lambda: coupling_exclusion([1.0], {"+1": [[]]}, ylabel="g"), "the median '0' is needed"),
    ],
)
def test_bad_input_is_refused(draw, message):
    with pytest.raises(InputError, match=re.escape(message)):
        draw()


def test_regions_that_split_are_not_joined_across():
    """One interval that becomes two goes on to the middle; so do the two, and nothing crosses."""
    axes = coupling_exclusion([1.0, 2.0], {"0": REGIONS[:2]}, ylabel="g").axes[0]
    edges = [line.get_xydata() for line in axes.get_lines() if len(line.get_xdata()) > 1]
    assert all(np.ptp(path[:, 1]) == 0.0 for path in edges)
    assert sorted({(path[0, 0], path[-1, 0]) for path in edges}) == [(1.0, 1.5), (1.5, 2.0)]
