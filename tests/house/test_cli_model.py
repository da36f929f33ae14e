"""`toymc model` on the command line."""

import json

import pytest
from click.testing import CliRunner

from toymc.cli.main import cli
from toymc.errors import InputError


def test_json_answer():
    answer = CliRunner().invoke(cli, ["model", "hnl", "--mass", "1.0", "--coupling", "1e-4", "--json"])
    assert answer.exit_code == 0
    found = json.loads(answer.output)
    assert found["ctau_cm"] == pytest.approx(0.1601e4, rel=0.03)
    assert found["branching_fractions"]["nu_mu_mu"] == pytest.approx(0.03754, rel=0.03)
    assert found["production"]["tau_to_pi_N"] == pytest.approx(0.03315e-4, rel=0.01)
    assert found["references"]


def test_text_names_the_references():
    answer = CliRunner().invoke(cli, ["model", "higgs_scalar", "--mass", "0.5", "--coupling", "1e-4"])
    assert answer.exit_code == 0
    assert "ctau 79" in answer.output and "arXiv:1809.01876" in answer.output and "bplus_to_kplus_S" in answer.output


@pytest.mark.parametrize(
    "arguments", [["dark_photon", "--mass", "1"], ["zprime", "--mass", "11"], ["alp", "--mass", "1", "--dirac"]]
)
def test_refusals(arguments):
    answer = CliRunner().invoke(cli, ["model", *arguments])
    assert isinstance(answer.exception, InputError)


def test_mass_must_be_positive():
    assert CliRunner().invoke(cli, ["model", "zprime", "--mass", "-1"]).exit_code == 2
