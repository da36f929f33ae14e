"""Cards: what they hold, and that a bad one gives a single line with file, key and value."""

import shutil
from pathlib import Path

import pytest

from toymc.errors import InputError
from toymc.geometry import card_names, load_card
from toymc.geometry import cards as cards_module

ROOT = Path(cards_module.__file__).resolve().parent


@pytest.fixture
def card_copy(tmp_path):
    """A writable copy of all card folders; returns the folder of belle2."""
    for name in card_names():
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "materials.csv", tmp_path)
    return tmp_path / "belle2"


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", ["belle2", "belle2_run2", "belle"])
def test_cards_load(name):
    card = load_card(name)
    assert card.name == name
    assert card.field.solenoid_tesla.value == 1.5
    assert card.beam.name == name


def test_the_three_names_are_listed():
    assert card_names() == ("belle", "belle2", "belle2_run2")


def test_the_chamber_has_all_its_wires_layers():
    """56 layers in 9 superlayers, 32 axial and 24 stereo."""
    chamber = load_card("belle2").tracking.chamber
    assert len(chamber) == 56
    assert sum(wires.type == "A" for wires in chamber) == 32
    assert len({wires.superlayer for wires in chamber}) == 9


def test_run1_has_two_ladders_of_the_second_pixel_layer():
    share = {name: {v.layer: v.built_fraction for v in load_card(name).tracking.silicon_layers}["PXD2"]
             for name in ("belle2", "belle2_run2")}  # fmt: skip
    assert share["belle2"] == pytest.approx(2 / 12, abs=5e-3)
    assert share["belle2_run2"] == 1.0


def test_the_beam_pipe_adds_up_to_the_sum_of_the_facts():
    """0.76 % X/X0 at normal incidence."""
    layers = load_card("belle2").material.layers
    pipe = sum(m.x_over_X0 for m in layers if m.r_max_cm < 1.3 and m.z_min_cm < 1.0 < m.z_max_cm)
    assert pipe == pytest.approx(0.0076, abs=1e-4)


def test_every_row_and_number_has_a_source():
    """The models demand it; here the tables are read as text, with nothing in between."""
    import csv

    for path in ROOT.glob("*/*.csv"):
        with path.open(encoding="utf-8") as handle:
            for line in csv.DictReader(handle):
                assert line["source"].strip(), path


def test_all_cells_of_the_identification_facts_are_there():
    assert len(load_card("belle2").identification.cells) == 2304


BAD = {
    "missing key": (
        "tracking.toml",
        'pt_min = { value = 0.05, source = "M lowest bin of the efficiency table" }',
        "",
        "tracking.toml: key 'acceptance.pt_min' is missing",
    ),
    "missing source": (
        "calorimeter.toml",
        'energy_unity = { value = 1.0, source = "C asymptotic above 1 GeV" }',
        "energy_unity = { value = 1.0 }",
        "calorimeter.toml: key 'conversion.energy_unity.source' is missing",
    ),
    "negative": (
        "calorimeter.toml",
        "value = 0.020",
        "value = -0.020",
        "calorimeter.toml: key 'regions.fwd.energy_min.value' = -0.02",
    ),
    "not a number": (
        "calorimeter.toml",
        "value = 125.0",
        "value = nan",
        "calorimeter.toml: key 'surface.barrel_radius_cm.value' = nan",
    ),
    "unknown key": (
        "tracking.toml",
        "[acceptance]",
        "[acceptance]\ntheta_minimum = 3",
        "tracking.toml: unknown key 'acceptance.theta_minimum' = 3",
    ),
    "theta order": (
        "tracking.toml",
        "theta_min_deg = { value = 17.0",
        "theta_min_deg = { value = 170.0",
        "tracking.toml: key 'acceptance' = {'theta_min_deg': {'value': 170.0",
    ),
    "regions overlap": (
        "calorimeter.toml",
        "theta_max_deg = { value = 31.4",
        "theta_max_deg = { value = 41.4",
        "fwd.theta_max_deg = 41.4 is above barrel.theta_min_deg = 32.2",
    ),
    "unknown background level": (
        "calorimeter.toml",
        '"0.05-0.3"',
        '"none"',
        "background_level = 'none': the resolution table has 0 rows for sigmaE_over_E in fwd",
    ),
    "efficiency above one": (
        "tracking_efficiency.csv",
        "0.05,0.075,17,25,0.14,",
        "0.05,0.075,17,25,1.4,",
        "tracking_efficiency.csv: line 2: key 'value' = '1.4'",
    ),
    "bin upside down": (
        "identification.csv",
        "mu,muonID>0.9,0.4,0.6,",
        "mu,muonID>0.9,0.6,0.4,",
        "identification.csv: line 2: p_min = 0.6 must be below p_max = 0.4",
    ),
    "stereo of an axial layer": (
        "drift_chamber.csv",
        "0,0,A,16.8,16.8,0.0,",
        "0,0,A,16.8,16.8,5.0,",
        "drift_chamber.csv: line 2: type = A contradicts stereo_mrad = 5",
    ),
    "sensor without layer": (
        "vxd_sensors.csv",
        "PXD1.1,PXD1,",
        "PXD1.1,PXD9,",
        "sensor PXD1.1: layer = PXD9 is no silicon layer",
    ),
    "text for a number": (
        "material.csv",
        ",0.00299,",
        ",thin,",
        "material.csv: line 2: key 'x_over_X0' = 'thin'",
    ),
    "unknown material": (
        "material.csv",
        "gold coat,Au,",
        "gold coat,Pu,",
        "material.csv: gold coat: material = Pu is not in the table of materials",
    ),
    "unknown material of a sensor": (
        "vxd_layers.csv",
        "strip ladder",
        "paper",
        "vxd_layers.csv: layer SVD3: material = paper is not in the table of materials",
    ),
    "disc in the tracker": (
        "material.csv",
        "cylinder,15.2,15.8",
        "disc,15.2,15.8",
        "VXD outer cover: shape = disc contradicts place = tracker",
    ),
    "slant of a sensor": (
        "vxd_sensors.csv",
        "SVD4.1,SVD4,11.9,",
        "SVD4.1,SVD4,15.9,",
        "slant_deg = 15.9 contradicts the 11.9 degrees of its two ends",
    ),
    "sensor efficiency above one": (
        "vxd_layers.csv",
        "pixel ladder,0.99,",
        "pixel ladder,1.99,",
        "vxd_layers.csv: line 2: key 'efficiency' = '1.99'",
    ),
    "trigger line twice": ("trigger.csv", "ffy,", "fyo,", "trigger line 'fyo' appears 2 times"),
    "broken toml": ("card.toml", "[files]", "[files", "card.toml: not valid TOML"),
    "missing file": ("card.toml", '"material.csv"', '"nothing.csv"', "nothing.csv: cannot be read"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_card_gives_one_line(card_copy, fault):
    name, old, new, expected = BAD[fault]
    edit(card_copy / name, old, new)
    with pytest.raises(InputError) as caught:
        load_card(card_copy)
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message


def test_theta_order_names_both_values(card_copy):
    edit(card_copy / "tracking.toml", "theta_min_deg = { value = 17.0", "theta_min_deg = { value = 170.0")
    with pytest.raises(InputError, match=r"theta_min_deg = 170 must be below theta_max_deg = 150"):
        load_card(card_copy)


def test_unknown_card():
    with pytest.raises(InputError, match="unknown detector card 'babar': give one of belle, belle2, belle2_run2"):
        load_card("babar")


def test_a_card_may_be_given_by_folder_or_file(card_copy):
    assert load_card(card_copy) == load_card(card_copy / "card.toml")
