"""The section of track finding: bad files give one line with file, key and value."""

import shutil
from pathlib import Path

import pytest

from toymc.errors import InputError
from toymc.geometry import card_names, load_card
from toymc.geometry import cards as cards_module

ROOT = Path(cards_module.__file__).resolve().parent
HITS = 'min_hits = { value = 7, source = "R basf2 tracking/modules/CATFinder: CDC_HIT_INDICES_CUT" }'

BAD = {
    "no baseline": ("finding.toml", "[algorithms.baseline]", "[algorithms.standard]", "one must be called baseline"),
    "scale zero": ("finding.toml", "hit_scale = { value = 8.66", "hit_scale = { value = 0.0",
                   "finding.toml: key 'algorithms.baseline.hit_scale.value' = 0.0"),
    "negative impact": ("finding.toml", "impact_cm = { value = 3.0", "impact_cm = { value = -3.0",
                        "finding.toml: key 'algorithms.baseline.impact_cm.value' = -3.0"),
    "not a number": ("finding.toml", "road_cm = { value = 0.2", "road_cm = { value = nan",
                     "finding.toml: key 'kinks.road_cm.value' = nan"),
    "rate above one": ("finding.toml", "rate = { value = 0.01", "rate = { value = 1.01",
                       "finding.toml: key 'charge.rate.value' = 1.01"),
    "half a hit": ("finding.toml", HITS, HITS.replace("7", "6.5", 1),
                   "finding.toml: key 'algorithms.gnn.min_hits.value' = 6.5"),
    "missing hits": ("finding.toml", HITS, "", "finding.toml: key 'algorithms.gnn.min_hits' is missing"),
    "unknown key": ("finding.toml", "[kinks]", "[kinks]\nroad = 1", "finding.toml: unknown key 'kinks.road' = 1"),
    "no source": ("finding.toml", ', source = "as baseline" }', " }", "finding.toml: key 'algorithms.kink_finder."),
    "gap in momentum": ("tracking_uncertainty.csv", "slow_pion,0.12,", "slow_pion,0.13,",
                        "slow_pion: bins in p_min and p_max do not join: 0.05..0.12 is followed by 0.13..0.16"),
    "overlap in momentum": ("tracking_uncertainty.csv", "slow_pion,0.12,", "slow_pion,0.1,",
                            "slow_pion: bins in p_min and p_max do not join: 0.05..0.12 is followed by 0.1..0.16"),
    "bin twice": ("tracking_uncertainty.csv", "tracking_older,0.0,20,", "tracking,0.0,20,",
                  "tracking: 2 rows for 1 bins in p: give each bin once"),
    "bin upside down": ("tracking_uncertainty.csv", "slow_pion,0.05,0.12", "slow_pion,0.15,0.12",
                        "line 5: p_min = 0.15 must be below p_max = 0.12"),
    "negative error": ("tracking_uncertainty.csv", ",0.0024,", ",-0.0024,", "line 2: key 'error' = '-0.0024'"),
    "prompt bins apart": ("tracking_efficiency.csv", "0.05,0.075,17,25,", "0.05,0.07,17,25,",
                          "bins in pt_min and pt_max do not join"),
    "prompt bin missing": ("tracking_efficiency.csv", "0.1,0.15,25,32,", "0.1,0.15,17,25,",
                           "45 rows, 44 of them different, do not fill the grid"),
}  # fmt: skip


@pytest.fixture
def card_copy(tmp_path):
    for name in card_names():
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in ROOT.glob("*.csv"):
        shutil.copy(path, tmp_path)
    return tmp_path / "belle2"


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_section_gives_one_line(card_copy, fault):
    name, old, new, expected = BAD[fault]
    text = (card_copy / name).read_text(encoding="utf-8")
    assert old in text
    (card_copy / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_card(card_copy)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_number_of_the_section_has_a_tag():
    for name in card_names():
        finding = load_card(name).finding
        sources = [entry.source for algorithm in finding.algorithms.values() for _, entry in algorithm]
        sources += [row.source for row in (*finding.uncertainties, *finding.efficiency)]
        assert all(source[0] in "RPCM" or source == "as baseline" for source in sources)
