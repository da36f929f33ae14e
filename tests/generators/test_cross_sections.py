"""The table of published cross-sections, and ours beside it."""

import re

import pytest

from toymc.errors import InputError
from toymc.generators.cross_sections import (
    compare_cross_sections,
    muon_pair_cross_section_fb,
    published_cross_section,
    published_cross_sections,
)
from toymc.generators.processes import PROCESSES

QUICK = ("tau_pair", "mu_pair", "continuum", "mumumumu", "ee_pp", "pipi_gamma", "kk_gamma", "three_pi_gamma", "jpsi")


def test_every_row_has_value_condition_and_tagged_source():
    for name, row in published_cross_sections().items():
        assert row.value_fb > 0.0 and row.error_fb >= 0.0, name
        assert row.condition and re.match(r"^[RPMD] ", row.source), name
        if row.process:
            assert row.process in PROCESSES, name
            assert 0.0 < row.allowed <= 0.15 and row.why, name


def test_units_are_femtobarn():
    assert published_cross_section("mumutautau").value_fb == pytest.approx(144.1)
    assert published_cross_section("eemumu").error_fb == pytest.approx(1e5)


def test_unknown_name():
    with pytest.raises(InputError, match="tau_pair"):
        published_cross_section("higgs")
    with pytest.raises(InputError, match="higgs"):
        compare_cross_sections(["higgs"])


@pytest.mark.parametrize("name", QUICK)
def test_ours_is_near_the_published_number(name):
    row = compare_cross_sections([name])[0]
    assert abs(row["ratio"] - 1.0) < row["allowed"], row
    assert row["ours_fb"] == pytest.approx(row["ratio"] * row["reference_fb"])


@pytest.mark.validate
def test_all_of_the_table():
    rows = compare_cross_sections()
    assert {row["name"] for row in rows} >= {"eeee", "eemumu", "eetautau", "ee_pipi", "ee_kk"}
    for row in rows:
        assert abs(row["ratio"] - 1.0) < row["allowed"], row


def test_muon_pairs_scale_with_energy():
    # the product with s grows slowly: logarithms of radiation and the running coupling
    ratio = muon_pair_cross_section_fb(10.876) * 10.876**2 / (muon_pair_cross_section_fb(10.58) * 10.58**2)
    assert 1.0 < ratio < 1.01
