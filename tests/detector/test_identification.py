"""Identification: closure with the card, subsets, charge, errors, published anchors."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tests.detector.probe import binomial_pull, shoot
from toymc.detector import (
    build_detector,
    identification_decision,
    identification_error,
    identification_probability,
    simulate,
)
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.streams import stream

CODES = {"e": 11, "mu": 13, "pi": 211, "K": 321, "p": 2212}


def test_every_cell_of_the_card_comes_back(any_detector):
    for cell in any_detector.card.identification.cells:
        p = 0.5 * (cell.p_min + cell.p_max)
        theta = math.radians(0.5 * (cell.theta_min_deg + cell.theta_max_deg))
        for charge in (-1, 1):
            arguments = (any_detector, cell.working_point, [CODES[cell.species]], [p], [theta], [charge])
            assert identification_probability(*arguments)[0] == cell.value
            if cell.value > 0.0:
                assert identification_error(*arguments)[0] == pytest.approx(cell.error / cell.value)


def test_probabilities_exist_for_every_species_and_working_point(any_detector):
    p, theta = np.meshgrid(np.linspace(0.05, 9.0, 40), np.radians(np.linspace(17.1, 149.9, 40)))
    p, theta = p.ravel(), theta.ravel()
    for name, code in itertools.product(any_detector.identification, CODES.values()):
        value = identification_probability(any_detector, name, np.full(p.size, code), p, theta, np.ones(p.size))
        error = identification_error(any_detector, name, np.full(p.size, code), p, theta, np.ones(p.size))
        assert np.all((value >= 0.0) & (value <= 1.0))
        assert np.all(np.isfinite(error) & (error >= 0.0))


@pytest.mark.parametrize(
    "loose, tight",
    [("muonID>0.5", "muonID>0.9"), ("electronID>0.5", "electronID>0.9"), ("kaonID>0.6", "kaonID>0.9")],
)
@pytest.mark.parametrize("species", list(CODES))
def test_the_tighter_working_point_is_a_subset(belle2, loose, tight, species):
    rng = stream(61, f"{loose}{species}", "test", 0)
    n = 3000
    tracks = simulate(shoot(CODES[species], 1.7, 75.0, n, rng), belle2, rng).tracks
    m = len(tracks.d0)
    columns = (np.full(m, CODES[species]), np.full(m, 1.7), np.full(m, math.radians(75.0)), tracks.charge)
    passed = {}
    for name in (loose, tight):
        probability = identification_probability(belle2, name, *columns)
        passed[name] = identification_decision(belle2, name, tracks, probability)
        assert abs(binomial_pull(passed[name].sum(), m, float(probability[0]))) < 4.0
    assert not np.any(passed[tight] & ~passed[loose])


def test_draws_of_different_detectors_are_independent(belle2):
    rng = stream(62, "independent", "test", 0)
    uniform = simulate(shoot(211, 1.0, 80.0, 20_000, rng), belle2, rng).tracks.pid_uniform
    correlation = np.corrcoef(uniform.T)
    assert np.all(np.abs(correlation[~np.eye(4, dtype=bool)]) < 4.0 / math.sqrt(len(uniform)))
    for k in range(4):
        assert stats.kstest(uniform[:, k], "uniform").pvalue > 1e-3


def test_a_pion_is_what_is_not_a_kaon(belle2):
    """pionID is compared with 1 - u of the kaon draw: hardly a track passes both."""
    rng = stream(63, "both", "test", 0)
    tracks = simulate(shoot(211, 1.2, 80.0, 5000, rng), belle2, rng).tracks
    m = len(tracks.d0)
    columns = (np.full(m, 211), np.full(m, 1.2), np.full(m, math.radians(80.0)), tracks.charge)
    pion = identification_probability(belle2, "pionID>0.6", *columns)
    kaon = identification_probability(belle2, "kaonID>0.6", *columns)
    both = identification_decision(belle2, "pionID>0.6", tracks, pion) & identification_decision(
        belle2, "kaonID>0.6", tracks, kaon
    )
    assert both.mean() <= max(0.0, float(pion[0] + kaon[0] - 1.0)) + 0.01


def test_outside_the_tables(belle2):
    def value(name, code, p, theta):
        return identification_probability(belle2, name, [code], [p], [math.radians(theta)], [1])[0]

    assert value("muonID>0.9", 13, 0.3, 90.0) == 0.0  # no muon identification without the KLM
    assert value("kaonID>0.6", 321, 0.1, 90.0) == value("kaonID>0.6", 321, 0.3, 90.0)
    assert value("electronID>0.9", 11, 50.0, 90.0) == value("electronID>0.9", 11, 5.0, 90.0)
    assert value("electronID>0.9", 11, 1.0, 16.0) == 0.0
    assert value("electronID>0.9", 11, 1.0, 151.0) == 0.0
    assert value("electronID>0.9", 111, 1.0, 90.0) == 0.0
    assert value("electronID>0.9", 11, float("nan"), 90.0) == 0.0


def test_charges_may_differ(tmp_path):
    """A card with rows for each charge."""
    import shutil

    folder = load_card("belle").folder
    for name in ("belle", "belle2"):
        shutil.copytree(folder.parent / name, tmp_path / name)
    shutil.copy(folder.parent / "materials.csv", tmp_path)
    table = tmp_path / "belle" / "identification.csv"
    lines = []
    for line in table.read_text(encoding="utf-8").splitlines():
        if line.startswith("pi,eIDBelle>0.9"):
            lines += [line.replace(",both,0.0025", ",+,0.0020").replace(",both,", ",+,"),
                      line.replace(",both,0.0025", ",-,0.0030").replace(",both,", ",-,")]  # fmt: skip
        else:
            lines.append(line)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    detector = build_detector(load_card(tmp_path / "belle"))
    two = identification_probability(detector, "eIDBelle>0.9", [211, -211], [2.0, 2.0], [1.5, 1.5], [1, -1])
    assert two.tolist() == [0.0020, 0.0030]


# published or computed values of pid_published_anchors.csv that a working point of the cards stands for: card, working
# point, species, momentum range, value, allowed deviation. 89 % and 1.4 % of Belle are inputs of the belle card.
ANCHORS = [
    ("belle", "eIDBelle>0.9", "e", 1.0, 3.0, 0.924, 0.001),
    ("belle", "eIDBelle>0.9", "pi", 1.0, 3.0, 0.0025, 0.0001),
    ("belle", "muIDBelle>0.9", "mu", 1.0, 3.0, 0.89, 0.001),
    ("belle", "muIDBelle>0.9", "pi", 1.0, 3.0, 0.014, 0.0005),
    ("belle2", "muonID>0.9", "mu", 1.0, 4.0, 0.90, 0.03),  # arXiv:2503.11351 at p > 0.7 GeV
    ("belle2", "muonID>0.9", "pi", 1.0, 4.0, 0.041, 0.012),  # arXiv:2503.11351
    ("belle2", "muonID>0.9", "mu", 1.0, 3.0, 0.85, 0.06),  # basf2 stdCharged: muonID > 0.909 for 85 %
    ("belle2", "electronID>0.9", "e", 1.0, 3.0, 0.85, 0.07),  # basf2 stdCharged (2018): electronID > 0.709 for 85 %
    ("belle2", "electronID>0.9", "e", 1.0, 3.0, 0.924, 0.06),  # hep-ex/0108044
    ("belle2", "electronID>0.9", "pi", 1.0, 3.0, 0.0025, 0.0015),  # hep-ex/0108044
    ("belle2", "kaonID>0.6", "K", 0.5, 4.0, 0.85, 0.06),  # basf2 stdCharged: kaonID > 0.167 for 85 %
    ("belle2", "kaonID>0.6", "pi", 0.5, 3.0, 0.04, 0.06),  # arXiv:1610.00264, design
]


@pytest.mark.parametrize("card, point, species, low, high, published, allowed", ANCHORS)
def test_published_anchors(card, point, species, low, high, published, allowed):
    """Flat average in momentum and cos(theta) over the barrel of the calorimeter, 33 to 128 degrees."""
    detector = build_detector(load_card(card))
    p = np.linspace(low, high - 1e-9, 61)
    cosine = np.linspace(math.cos(math.radians(128.0)), math.cos(math.radians(33.0)), 61)
    grid_p, grid_c = (a.ravel() for a in np.meshgrid(p, cosine))
    n = grid_p.size
    value = identification_probability(
        detector, point, np.full(n, CODES[species]), grid_p, np.arccos(grid_c), np.ones(n)
    ).mean()
    assert value == pytest.approx(published, abs=allowed)


def test_bad_requests(belle2):
    with pytest.raises(
        InputError, match="unknown identification working point 'muonID>0.7': card belle2 has muonID>0.9"
    ):
        identification_probability(belle2, "muonID>0.7", [13], [1.0], [1.5], [1])
    with pytest.raises(InputError, match="differ in length"):
        identification_probability(belle2, "muonID>0.9", [13, 13], [1.0], [1.5], [1])


@pytest.mark.parametrize(
    "old, new, match",
    [
        ("K,atcPIDBelle(3,2)>0.6", None, "no rows and no stand_in for species K"),
        ("mu,muIDBelle>0.9,1,3,", "mu,muIDBelle>0.9,1.5,3,", "do not join"),
    ],
)
def test_tables_with_holes(tmp_path, old, new, match):
    import shutil

    folder = load_card("belle").folder
    for name in ("belle", "belle2"):
        shutil.copytree(folder.parent / name, tmp_path / name)
    shutil.copy(folder.parent / "materials.csv", tmp_path)
    table = tmp_path / "belle" / "identification.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    key = old.replace("K,atcPIDBelle(3,2)", 'K,"atcPIDBelle(3,2)')
    lines = (
        [line for line in lines if not line.startswith(key)] if new is None else [s.replace(old, new) for s in lines]
    )
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=match) as caught:
        build_detector(load_card(tmp_path / "belle"))
    assert "\n" not in str(caught.value)
