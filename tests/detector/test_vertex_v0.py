"""K_S, Lambda and photons from pairs of tracks: found where they should be, with the rules of the card."""

import math

import numpy as np
import pytest

from tests.detector.vertex_decays import FIELD, as_reconstruction, decays, layers_beyond, smeared, unit_vectors
from toymc.detector import build_detector
from toymc.detector.vertex import find_v0s, fit_vertices
from toymc.detector.vertex.v0 import _may_be_displaced
from toymc.errors import InputError
from toymc.events import V0s
from toymc.geometry import load_card
from toymc.geometry.vertexing import read_vertexing
from toymc.streams import stream

CARD = load_card("belle2")


@pytest.fixture(scope="module")
def detector():
    return build_detector(CARD)


def events(sample, hits=True):
    n = len(sample["rho"])
    layers = np.repeat(layers_beyond(CARD, sample["rho"]), 2, axis=0) if hits else None
    return as_reconstruction(sample["helices"].reshape(-1, 5), sample["covs"].reshape(-1, 15), [2] * n, layers)


def found(v0s, kind):
    """Whether each event has a V0 of that kind."""
    return np.isin(np.arange(v0s.n_events), v0s.event_index[v0s.kind == kind])


@pytest.mark.parametrize("name, kind", [("K_S", 310), ("Lambda", 3122), ("conversion", 22)])
def test_displaced_pairs_are_found(detector, name, kind):
    for radius in (2.0, 20.0, 80.0):
        sample = decays(name, 1000, radius, seed=51)
        v0s = find_v0s(events(sample), detector)
        v0s._check_rows()
        # the radius of a conversion is known to half a centimetre: some at 2 cm are fitted inside of the pipe
        assert found(v0s, kind).mean() > (0.97 if kind == 22 else 0.99)
        right = v0s.kind == kind
        vertex = np.column_stack([v0s.x, v0s.y, v0s.z])[right]
        assert np.median(np.linalg.norm(vertex - sample["vertex"][v0s.event_index[right]], axis=1)) < 1.0
        assert np.all(v0s.chi2 < 1e4) and np.all(v0s.mass_error > 0.0)


def test_charge_decides_between_lambda_and_antilambda(detector):
    sample = decays("Lambda", 1000, 5.0, seed=52)
    v0s = find_v0s(events(sample), detector)
    assert found(v0s, 3122).mean() > 0.99 and found(v0s, -3122).mean() < 0.01
    mirrored = dict(sample, helices=sample["helices"] * np.array([-1.0, 1.0, -1.0, 1.0, 1.0]))
    mirrored["helices"][:, :, 1] *= -1.0  # reflected at the x axis: charges and y change sign
    signs = np.array([1, -1, 1, -1, -1, 1, -1, 1, 1, 1, -1, -1, 1, 1, 1.0])
    mirrored["covs"] = sample["covs"] * signs
    v0s = find_v0s(events(mirrored), detector)
    assert found(v0s, -3122).mean() > 0.99 and found(v0s, 3122).mean() < 0.01


def test_numbers_are_those_of_the_fit(detector):
    sample = decays("K_S", 200, 5.0, seed=53)
    reconstruction = events(sample, hits=False)
    v0s = find_v0s(reconstruction, detector)
    fit = fit_vertices(sample["helices"], sample["covs"], sample["masses"], FIELD)
    kaons = v0s.kind == 310
    event = v0s.event_index[kaons]
    same = np.abs(v0s.x[kaons] - fit.position[event, 0]) < 1e-9
    assert same.mean() > 0.99
    assert np.allclose(v0s.mass[kaons][same], fit.mass[event][same], rtol=1e-12)
    assert np.allclose(v0s.mass_error[kaons][same], fit.mass_error[event][same], rtol=1e-9)
    assert np.all(v0s.plus == 0) and np.all(v0s.minus == 1)


def test_a_pair_may_be_several_things_in_a_fixed_order(detector):
    v0s = find_v0s(events(decays("Lambda", 2000, 5.0, seed=54)), detector)
    order = {310: 0, 3122: 1, -3122: 2, 22: 3}
    rank = np.array([order[kind] for kind in v0s.kind.tolist()])
    assert np.max(v0s.counts) > 1
    key = v0s.event_index * 4 + rank
    assert np.all(np.diff(key) > 0)


def test_vertices_in_the_pipe_only_where_asked_for(detector):
    sample = decays("K_S", 1000, 0.3, seed=55)
    reconstruction = events(sample)
    assert not np.any(np.hypot(find_v0s(reconstruction, detector).x, 0.0) > 100.0)
    assert found(find_v0s(reconstruction, detector), 310).mean() < 0.01
    v0s = find_v0s(reconstruction, detector, inside_pipe=True)
    assert found(v0s, 310).mean() > 0.99
    inside = np.hypot(v0s.x, v0s.y) < 1.0
    assert np.all((v0s.mass[inside & (v0s.kind == 310)] > 0.45) & (v0s.mass[inside & (v0s.kind == 310)] < 0.55))


def test_settings_replace_the_card(detector):
    section = CARD.vertexing
    strict = section.vertex.model_copy(
        update={
            "cos_pointing_min": section.vertex.cos_pointing_min.model_copy(update={"value": 0.999}),
            "chi2_max": section.vertex.chi2_max.model_copy(update={"value": 4.0}),
        }
    )
    reconstruction = events(decays("K_S", 1000, 5.0, seed=56))
    loose = find_v0s(reconstruction, detector)
    tight = find_v0s(reconstruction, detector, settings=section.model_copy(update={"vertex": strict}))
    assert np.all(tight.chi2 < 4.0)
    flight = np.column_stack([tight.x, tight.y, tight.z])
    momentum = np.column_stack([tight.px, tight.py, tight.pz])
    cosine = np.sum(flight * momentum, axis=1) / np.linalg.norm(flight, axis=1) / np.linalg.norm(momentum, axis=1)
    assert np.all(cosine > 0.99)
    assert 0.9 < found(tight, 310).sum() / found(loose, 310).sum() < 0.99  # chi2 < 4 keeps 95.4 %


def test_prompt_tracks_are_mostly_not_fitted(detector):
    """Ten tracks from the beam: pairs with an opening above 26 degrees are not even candidates."""
    rng = stream(57, "prompt", "test", 0)
    n = 300
    momenta = [unit_vectors(rng, n, 0.9) * rng.uniform(0.3, 2.0, n)[:, None] for _ in range(10)]
    helices, covs = smeared(rng, momenta, (1.0, -1.0) * 5, np.zeros((n, 3)))
    v0s = find_v0s(as_reconstruction(helices.reshape(-1, 5), covs.reshape(-1, 15), [10] * n), detector)
    assert len(v0s.kind) / (25 * n) < 0.02
    assert np.all(np.hypot(v0s.x, v0s.y) > 1.0)
    assert v0s.plus.max() <= 9 and np.all(v0s.plus != v0s.minus)


def test_events_without_pairs(detector):
    one = decays("K_S", 1, 5.0, seed=58)
    empty = as_reconstruction(np.zeros((0, 5)), np.zeros((0, 15)), [0, 0, 0])
    v0s = find_v0s(empty, detector)
    assert isinstance(v0s, V0s) and v0s.n_events == 3 and len(v0s.kind) == 0
    alone = as_reconstruction(one["helices"][0, :1], one["covs"][0, :1], [0, 1, 0])
    assert len(find_v0s(alone, detector).kind) == 0


def test_preselection_is_the_closest_point_of_straight_lines():
    """Against a direct minimisation over both lines, for random lines."""
    rng = stream(59, "lines", "test", 0)
    for _ in range(200):
        d, phi, tan, z = rng.normal(0, 2, 2), rng.uniform(-3, 3, 2), rng.normal(0, 1, 2), rng.normal(0, 2, 2)
        start = np.stack([d * np.sin(phi), -d * np.cos(phi), z], axis=1)
        along = np.stack([np.cos(phi), np.sin(phi), tan], axis=1) / np.sqrt(1 + tan**2)[:, None]
        matrix = np.column_stack([along[0], -along[1]])
        path = np.linalg.lstsq(matrix, start[1] - start[0], rcond=None)[0]
        middle = 0.5 * (start[0] + path[0] * along[0] + start[1] + path[1] * along[1])
        radius = math.hypot(middle[0], middle[1])
        for cut, expected in ((0.99 * radius, True), (1.01 * radius, along[0] @ along[1] > 0.9)):
            assert (
                _may_be_displaced(d[0], phi[0], tan[0], z[0], d[1], phi[1], tan[1], z[1], cut, 0.9) == expected
            )


def test_bad_cards_are_refused(tmp_path):
    text = (CARD.folder / "vertexing.toml").read_text()
    path = tmp_path / "vertexing.toml"
    for old, new, message in (
        ("chi2_max = { value = 10000.0", "chi2_max = { value = -1.0", "vertex.chi2_max.value"),
        ("[photon]", "[phaton]", "photon"),
        ("low = { value = 0.425", "low = { value = 0.625", "must be below"),
        ("mass_max = { value = 0.1,", "mass_max = { ", "mass_max.value"),
    ):
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(InputError, match=message):
            read_vertexing({"vertexing": path})
