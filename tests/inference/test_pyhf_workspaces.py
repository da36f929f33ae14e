"""The same limits as pyhf on 46 workspaces, and the CLs values that others published."""

import json

import numpy as np
import pytest

from tests.inference.own_workspaces import RECIPES, SMALL, own_model
from tests.inference.public_workspaces import PUBLIC, PUBLISHED_CLS, coupled_histo
from tests.inference.pyhf_limits import ALPHA, FILE, NAMES, WRONG_MINIMUM, PyhfCls, comparison_model, limits
from toymc.inference import Likelihood, Model, cls_values, upper_limit

TABLE = json.loads(FILE.read_text())


def our_limits(model):
    result = upper_limit(model, cl=TABLE["cl"])
    assert result.status == "converged"
    return [result.observed, *result.expected]


def test_there_are_enough_workspaces():
    assert len(PUBLIC) >= 15 and len(RECIPES) >= 30
    assert sorted(TABLE["limits"]) == sorted(NAMES)
    kinds = {type(m).__name__ for i in range(len(RECIPES)) for c in own_model(i).channels for s in c.samples
             for m in s.modifiers}  # fmt: skip
    assert kinds == {"NormFactor", "NormSys", "HistoSys", "StatError", "ShapeSys", "ShapeFactor", "Luminosity"}
    assert any(0.0 in c.observed for i in range(len(RECIPES)) for c in own_model(i).channels)


@pytest.mark.parametrize("name", NAMES)
def test_limits_equal_the_table_of_pyhf(name):
    """Observed and all bands to 0.1 %, on every workspace; the table is pyhf's own (tests/inference/pyhf_limits.py)."""
    model, _ = comparison_model(name)
    for ours, theirs in zip(our_limits(model), TABLE["limits"][name], strict=True):
        if theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize(
    "name", [*(name for name in PUBLIC if name not in WRONG_MINIMUM), *(f"own_{i}" for i in SMALL)]
)
def test_cls_of_pyhf_at_our_observed_limit(name):
    """The table again, live: pyhf's CLs at our limit is alpha, and so are its bands where ours say so."""
    model, spec = comparison_model(name)
    limit = upper_limit(model, cl=1.0 - ALPHA)
    theirs = PyhfCls(spec, limit.observed)(limit.observed)
    observed, expected = cls_values(model, [limit.observed])
    assert theirs[0] == pytest.approx(ALPHA, rel=5e-3)
    assert [float(observed[0]), *expected[0]] == pytest.approx(theirs, rel=2e-2, abs=1e-7)


@pytest.mark.validate
@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_what_pyhf_gives(name):
    theirs, _ = limits(name)
    for value, stored in zip(theirs, TABLE["limits"][name], strict=True):
        assert (value is None) == (stored is None)
        assert value is None or value == pytest.approx(stored, rel=1e-3)


@pytest.mark.parametrize("name", PUBLISHED_CLS)
def test_published_cls(name):
    observed, expected = cls_values(Model.from_pyhf(PUBLIC[name]), [1.0])
    published, bands = PUBLISHED_CLS[name]
    if published is not None:
        assert observed[0] == pytest.approx(published, rel=5e-5)
    for ours, theirs in zip(expected[0], bands, strict=True):
        assert theirs is None or ours == pytest.approx(theirs, rel=5e-5)


def test_two_minima_of_a_folded_shape():
    """The lower one is taken: no value of the nuisance parameter lies below the fit, at any mu."""
    likelihood = Likelihood(Model.from_pyhf(coupled_histo()))
    data = likelihood.data()
    grid = np.linspace(-1.5, 1.5, 61)
    best = likelihood.fit(data)
    for mu in (0.0, 0.3, 0.7, 1.0, 2.0):
        fit = likelihood.fit(data, poi=mu)
        scan = [likelihood.fit(data, poi=mu, fixed={"coupled_histosys": a}).nll for a in grid]
        assert fit.converged and fit.nll <= min(scan) + 1e-9
        assert fit.nll >= min(scan) - 0.05
        assert best.nll <= fit.nll + 1e-9
    assert 2.0 * likelihood.nll(best.values, data) == pytest.approx(29.3311, abs=1e-3)


@pytest.mark.parametrize("number", range(0, len(RECIPES), 3))
def test_workspaces_there_and_back(number):
    model = own_model(number)
    again = Model.from_pyhf(json.loads(json.dumps(model.to_pyhf())))
    assert upper_limit(again) == upper_limit(model)


def test_fixed_per_component():
    """Newer pyhf writes one truth value per component."""
    spec = json.loads(json.dumps(PUBLIC["tutorial"]))
    spec["measurements"][0]["config"]["parameters"][0]["fixed"] = [True]
    assert upper_limit(Model.from_pyhf(spec)) == upper_limit(Model.from_pyhf(PUBLIC["tutorial"]))
    spec["measurements"][0]["config"]["parameters"][0]["fixed"] = [False]
    assert upper_limit(Model.from_pyhf(spec)) == upper_limit(Model.from_pyhf(PUBLIC["tutorial_lumi"]))
