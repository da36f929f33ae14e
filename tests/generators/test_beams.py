"""Beam cards and the sampling of the initial state."""

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.generators.beams import sample_beams
from toymc.geometry.beam import BEAM_CARDS, load_beam
from toymc.streams import stream


@pytest.mark.parametrize("name", BEAM_CARDS)
def test_every_number_has_a_source(name):
    card = load_beam(name)
    for part in (card.electron, card.positron, card.luminous_region):
        for key in type(part).model_fields:
            assert len(getattr(part, key).source) > 10


def test_belle2_centre_of_mass():
    # computed from the basf2 numbers independently of this package: 10.5796 GeV, velocity (0.04149, 0, 0.27253)
    card = load_beam("belle2")
    assert card.sqrt_s == pytest.approx(10.5796, abs=1e-4)
    assert card.boost == pytest.approx((0.04149, 0.0, 0.27253), abs=1e-5)
    # head-on formula with the crossing angle: s = 2 E1 E2 (1 + cos 83 mrad)
    assert card.sqrt_s**2 == pytest.approx(2 * 7.004 * 4.002 * (1 + np.cos(0.083)), rel=1e-6)


def test_belle_centre_of_mass():
    card = load_beam("belle")
    assert card.sqrt_s == pytest.approx(10.5800, abs=1e-4)
    beta = np.array(card.boost)
    assert beta == pytest.approx((0.0153, 0.0, 0.39114), abs=1e-4)
    gamma = 1 / np.sqrt(1 - beta @ beta)
    assert gamma * np.linalg.norm(beta) == pytest.approx(0.4254, abs=2e-4)


@pytest.mark.parametrize("name", ["belle2", "belle"])
def test_sampled_beams(name):
    card = load_beam(name)
    n = 100_000
    momentum, vertex = sample_beams(stream(1, "beams", "test", 0), card, n)
    mass = np.sqrt(momentum[:, 3] ** 2 - np.sum(momentum[:, :3] ** 2, axis=1))
    # sigma(sqrt s) = sqrt(s)/2 * the two relative spreads in quadrature
    beams = (card.electron, card.positron)
    spread = 0.5 * card.sqrt_s * np.hypot(*(b.energy_spread_GeV.value / b.energy_GeV.value for b in beams))
    assert mass.mean() == pytest.approx(card.sqrt_s, abs=4.5 * spread / np.sqrt(n))
    assert mass.std() == pytest.approx(spread, rel=4.5 / np.sqrt(2 * n))
    np.testing.assert_allclose(momentum[:, 1], 0.0)
    region = card.luminous_region
    sigma = [region.sigma_x_cm.value, region.sigma_y_cm.value, region.sigma_z_cm.value]
    np.testing.assert_allclose(vertex.std(axis=0), sigma, rtol=4.5 / np.sqrt(2 * n))
    assert np.all(np.abs(vertex.mean(axis=0)) < 4.5 * np.array(sigma) / np.sqrt(n))
    assert np.abs(np.corrcoef(vertex.T) - np.eye(3)).max() < 4.5 / np.sqrt(n)
    assert momentum[:, 3].mean() == pytest.approx(sum(b.energy_GeV.value for b in beams), abs=1e-4)


def _broken(tmp_path, old, new):
    text = _load_text("belle2").replace(old, new, 1)
    path = tmp_path / "beam.toml"
    path.write_text(text)
    return str(path)


def _load_text(name):
    from toymc.geometry import beam

    return (beam._card_path(name)).read_text()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("value = 7.004", "value = -7.004", "electron.energy_GeV.value"),
        ("value = 7.004", 'value = "7.004"', "electron.energy_GeV.value"),
        ("value = 7.004", "value = nan", "electron.energy_GeV.value"),
        ("value = 0.0415", "value = 3.1", "electron.tilt_rad.value"),
        ("[positron]", "[positrons]", "positron"),
        ("energy_GeV = ", "energy_MeV = ", "electron.energy_GeV"),
        ('name = "belle2"', "name = ", "cannot be read as TOML"),
    ],
)
def test_bad_card_is_one_line_that_names_file_and_key(tmp_path, old, new, expected):
    path = _broken(tmp_path, old, new)
    with pytest.raises(InputError) as error:
        load_beam(path)
    message = str(error.value)
    assert expected in message
    assert "beam.toml" in message
    assert "\n" not in message


def test_unknown_card_lists_what_is_allowed(tmp_path):
    with pytest.raises(InputError, match="belle2, belle2_run2, belle"):
        load_beam("belle3")
    with pytest.raises(InputError, match="belle2"):
        load_beam(str(tmp_path))
