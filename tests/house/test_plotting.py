"""Figures: complete, the same bytes every time, bad input refused."""

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.plotting.figures import Points, cutflow_bars, limit_plot, pulls, template_stack
from toymc.plotting.style import LABEL, save

EDGES = np.linspace(0.0, 2.0, 21)
SHAPE = np.exp(-(((EDGES[1:] + EDGES[:-1]) / 2 - 0.7) ** 2) / 0.1)
BANDS = np.array([[0.5, 0.7, 1.0, 1.4, 1.9]]) * np.array([[1.0], [0.5], [0.8]])


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
    "pulls": lambda: pulls(["a", "b"], [0.1, -2.6], [1.0, 0.5]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_labelled_and_drawn_the_same_twice(tmp_path, name):
    figure = FIGURES[name]()
    axes = figure.axes
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
    ],
)
def test_bad_input_is_refused(draw, message):
    with pytest.raises(InputError, match=message):
        draw()
