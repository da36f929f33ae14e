"""The study of B -> K(*) S: its numbers against the publication, and all eight channels from events to candidates."""

import dataclasses

import numpy as np
import pytest

from toymc.analysis.b_candidates import reduced_mass
from toymc.analysis.selection import Selection
from toymc.constants import M_MU
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.generators.b_meson.channels import find_channel
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.production.scan.signal import select_sample
from toymc.production.scan.tables import candidate_table
from toymc.studies import STUDIES
from toymc.studies.b_k_scalar import ALL_CHANNELS, CLOSEST, PUBLISHED

STUDY = STUDIES["b_k_scalar"]
BY_NAME = {channel.name: channel for channel in ALL_CHANNELS}


@pytest.fixture(scope="module")
def machine():
    return build_detector(load_card(STUDY.card)), load_beam(STUDY.card)


def test_default_is_one_channel_of_eight():
    assert STUDY.names() == ["kplus_mumu"]
    assert set(BY_NAME) == {f"{k}_{p}" for k in ("kplus", "kstar") for p in ("ee", "mumu", "pipi", "kk")}
    with pytest.raises(InputError, match="no channel 'kplus_ee'"):
        STUDY.channel("kplus_ee")


def test_range_is_that_of_the_published_grid():
    assert BY_NAME["kplus_mumu"].mass_range == (0.2127, 4.7782)
    assert BY_NAME["kplus_ee"].mass_range[0] == 0.025


@pytest.mark.parametrize("channel", ALL_CHANNELS, ids=lambda c: c.name)
def test_nodes(channel):
    low, high = channel.mass_range
    allowed = find_channel(channel.name).masses()
    nodes = np.array(channel.nodes)
    assert allowed[0] < nodes[0] - 1e-4 and nodes[-1] < allowed[1]
    assert nodes[0] - low < 0.001 and high - nodes[-1] < 0.001
    assert np.all(np.diff(nodes) >= CLOSEST - 1e-9) and np.max(np.diff(nodes)) <= 0.5 + 1e-9
    # the veto of K_S lies between nodes 10 MeV apart, where the channel reaches it
    product = channel.pair.product_mass
    centre = np.sqrt(0.5025**2 - 4 * 0.13957**2 + 4 * product**2)
    if low + 0.03 < centre:
        assert np.sum(np.abs(nodes - centre) < 0.0125) >= 3


def _columns(**change):
    good = dict(foxWolframR2=0.2, cosPointingXY=0.999, x1_thetaExtrapolated=1.2, x2_thetaExtrapolated=1.2, MPiPi=1.0,
                M=1.0, dv=1.4, Mbc=5.279, deltaE=0.0)  # fmt: skip
    return {name: np.array([value]) for name, value in {**good, **change}.items()}


@pytest.mark.parametrize(
    ("pair", "change", "passes"),
    [
        ("mumu", {}, True),
        ("mumu", {"foxWolframR2": 0.40}, True),
        ("pipi", {"foxWolframR2": 0.40}, False),
        ("kk", {"cosPointingXY": 0.96}, True),
        ("pipi", {"cosPointingXY": 0.96}, False),
        ("mumu", {"deltaE": -0.04}, True),
        ("pipi", {"deltaE": -0.04}, False),
        ("ee", {"MPiPi": 0.5}, False),
        ("ee", {"x1_thetaExtrapolated": np.radians(31.0)}, False),
        ("ee", {"x2_thetaExtrapolated": np.radians(151.0)}, False),
        ("ee", {"M": 0.049}, False),
        ("ee", {"M": 0.049, "dv": 1.6}, True),
        ("ee", {"M": 0.051}, True),
        ("mumu", {"M": 0.049}, True),
        ("mumu", {"Mbc": 5.269}, False),
    ],
)
def test_cuts_of_each_final_state(pair, change, passes):
    for kaon in ("kplus", "kstar"):
        selection = BY_NAME[f"{kaon}_{pair}"].selection
        cuts = {**selection.common, **selection.box}
        assert all(Selection(cut).mask(_columns(**change))[0] for cut in cuts.values()) is passes


def test_material_layers_are_left_out():
    cuts = BY_NAME["kplus_ee"].selection.common
    at = np.array([0.5, 1.4, 2.0, 4.0, 6.0, 8.0, 9.0, 10.0, 12.0, 13.5, 20.0])
    columns = {k: np.broadcast_to(v, at.shape) for k, v in _columns(M=0.03).items()} | {"dv": at}
    mask = np.all([Selection(cut).mask(columns) for cut in cuts.values()], axis=0)
    assert mask.tolist() == [True, False, True, False, True, False, True, False, True, False, True]


def test_regions_with_the_larger_displacement():
    regions = {pair: BY_NAME[f"kplus_{pair}"].selection.tight_regions for pair in ("ee", "mumu", "pipi", "kk")}
    assert (3.0, 3.15) in regions["ee"] and (3.0, 3.15) in regions["mumu"]
    assert (1.0, 1.04) in regions["kk"] and (2.85, 3.15) in regions["pipi"]
    assert all(low < high for parts in regions.values() for low, high in parts)


def test_identification_of_every_track():
    for channel in ALL_CHANNELS:
        tracks = {"kaon", "x1", "x2"} | ({"pion"} if channel.pair.kstar else set())
        assert set(channel.selection.identification) == tracks


def test_limits_on_kstar_are_on_the_decay_that_is_seen():
    """K*0 -> K+ pi- is two thirds of the decays of the model."""
    for channel in ALL_CHANNELS:
        assert channel.sub_fraction == pytest.approx(2.0 / 3.0 if channel.pair.kstar else 1.0)


def test_published_grid():
    rows = STUDY.published()
    table = PUBLISHED["kplus_mumu"]
    assert len(rows) == len(table["masses_GeV"]) * len(table["ctau_cm"])
    assert {"channel": "kplus_mumu", "mass_GeV": 1.0, "ctau_cm": 1.0} in [r["parameters"] for r in rows]
    assert next(r for r in rows if r["parameters"]["mass_GeV"] == 1.0)["observed"] == 2.1e-05
    assert STUDY.pairs(189.0) == pytest.approx(198e6)
    assert reduced_mass(2 * M_MU, M_MU) == 0.0


# efficiency at ctau = 1 cm with identification: light pairs of pions lose to the tighter cuts, K* to its second track
@pytest.mark.parametrize(("name", "mass", "low", "high"), [
    ("kplus_ee", 1.0, 0.08, 0.5), ("kplus_ee", 0.03, 0.02, 0.4), ("kplus_mumu", 1.0, 0.08, 0.5),
    ("kplus_pipi", 1.0, 0.08, 0.5), ("kplus_kk", 2.0, 0.08, 0.5), ("kstar_ee", 1.0, 0.03, 0.4),
    ("kstar_mumu", 1.0, 0.06, 0.4), ("kstar_pipi", 1.0, 0.03, 0.4), ("kstar_kk", 2.0, 0.03, 0.4),
])  # fmt: skip
def test_signal_of_each_channel_is_found(machine, name, mass, low, high):
    channel = BY_NAME[name]
    parameters = {**channel.parameters, "mass": mass, "ctau": 1.0}
    table = candidate_table(channel, name, channel.process, parameters, *machine, seed=1, events=1500)
    sample, columns = select_sample(channel, [table], (1.0,), False)
    efficiency, error, _ = sample.efficiency(1.0)
    assert low < efficiency < high, efficiency
    assert error < 0.02
    residual = np.median(columns["Mred"]) - float(reduced_mass(mass, channel.pair.product_mass))
    assert abs(residual) < 0.012
    tighter = dataclasses.replace(channel.selection, displacement=channel.selection.tight_displacement)
    fewer, _ = select_sample(dataclasses.replace(channel, selection=tighter), [table], (1.0,), False)
    # another candidate of an event may be the best one under the tighter cut
    assert fewer.efficiency(1.0)[0] <= 1.05 * efficiency
