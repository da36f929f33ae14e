"""`toymc detector performance`: the whole answer in JSON, and the page."""

import json
import re

import pytest

from toymc.detector.performance import averages, measure

PARTS = {
    "card", "ideal", "grid", "tuning", "photons", "pi0", "masses", "displaced", "conversions", "identification", "klm",
    "neutral_hadrons", "trigger", "summary", "published",
}  # fmt: skip


@pytest.fixture
def few_probes(monkeypatch):
    monkeypatch.setattr(measure, "_N", 300)
    monkeypatch.setattr(averages, "_N", 300)


def test_everything_in_json_and_a_page_that_needs_nothing_else(toymc_says, tmp_path, few_probes):
    page = tmp_path / "new" / "page.html"
    code, out, err = toymc_says(
        "detector", "performance", "belle2", "--p", "1", "--theta", "90", "--out", str(page), "--json"
    )
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert set(answer) == PARTS
    assert [row["p_GeV"] for row in answer["grid"]] == [1.0]
    assert set(answer["published"][0]) == {
        "quantity", "condition", "unit", "ours", "published", "error", "ratio", "remembered", "source",
    }  # fmt: skip
    remembered = [row for row in answer["published"] if row["remembered"]]
    assert remembered and all(row["source"].startswith("remembered: ") for row in remembered)
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 17
    # self-contained: nothing is fetched
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)""", text) and "<script" not in text
    for row in answer["published"]:
        assert row["quantity"].split(":")[0] in text
    assert [p.name for p in tmp_path.iterdir()] == ["new"] and [p.name for p in page.parent.iterdir()] == ["page.html"]


def test_the_table_in_words(toymc_says, few_probes):
    code, out, err = toymc_says("detector", "performance", "belle", "--ideal", "--p", "1", "--theta", "90")
    assert (code, err) == (0, "")
    assert "ours and published" in out and "sigma(pT)/pT: term a" in out and "remembered: Belle, SVD2" in out


def test_the_grid_alone_is_quick_and_has_no_more(toymc_says):
    code, out, err = toymc_says(
        "detector", "performance", "belle2_run2", "--ideal", "--grid-only", "--p", "0.3,5", "--theta", "90", "--json"
    )
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert set(answer) == {"card", "ideal", "grid"} and answer["ideal"] is True
    assert answer["grid"][1]["sigma_pt_over_pt"] == pytest.approx(0.0037, rel=0.05)
