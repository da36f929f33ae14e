"""Range likelihood as a working point: weights, draws, subsets; and the named uncertainties of all working points."""

import dataclasses
import math

import numpy as np
import pytest

from tests.detector.klm_probe import klm as _klm
from tests.detector.probe import binomial_pull
from toymc.detector.identification import (
    identification_decision,
    identification_error,
    identification_probability,
    identification_probability_of_tracks,
    identification_variations,
    muon_range_likelihood,
)
from toymc.errors import InputError
from toymc.events import Tracks
from toymc.kernels import kernel
from toymc.streams import stream

CODES = {"e": 11, "mu": 13, "pi": 211, "K": 321, "p": 2212}
KINDS = {"e": 0, "mu": 1, "pi": 2, "K": 3, "p": 4}


@kernel
def _fill(rng, species, charge, p, tan_lambda, numbers, reach, cumulative, out):
    for i in range(out.shape[1]):
        out[0, i], out[1, i], out[2, i] = _klm(rng, species, charge, p, tan_lambda, numbers, reach, cumulative)


def tracks_of(detector, species, p, theta, n, name):
    """n tracks of one momentum, with layers drawn."""
    rng = stream(91, name, "test", 0)
    out = np.empty((3, n), dtype=np.int64)
    klm = detector.klm
    charge = -1 if species in ("e", "mu") else 1
    _fill(rng, KINDS[species], charge, p, 1.0 / math.tan(theta), klm.numbers, klm.reach, klm.cumulative, out)
    region, expected, last = (row.astype(np.int32) for row in out)
    zero, ints = np.zeros(n), np.zeros(n, dtype=np.int32)
    return Tracks(
        offsets=np.arange(n + 1), d0=zero, phi0=zero, omega=zero, z0=zero, tan_lambda=zero + 1 / math.tan(theta),
        cov=np.zeros((n, 15)), px=zero + p * math.sin(theta), py=zero, pz=zero + p * math.cos(theta),
        charge=ints + charge, n_pxd=ints, n_svd=ints, n_cdc=ints, truth=ints, pid_uniform=rng.random((n, 4)),
        brems_energy=zero, ecl_energy=zero, klm_region=region, klm_expected=expected, klm_layers=last, fate=ints,
    )  # fmt: skip


@pytest.mark.parametrize("species", list(CODES))
@pytest.mark.parametrize("p, theta", [(0.8, 1.5), (1.2, 0.9), (2.5, 1.5), (2.5, 0.55), (1.6, 2.4)])
def test_draws_have_the_probability_of_the_weights(belle2, species, p, theta):
    """Layers and scattering drawn: the share that passes is the probability, so is the mean given the layers."""
    n = 6000
    tracks = tracks_of(belle2, species, p, theta, n, f"{species}{p}{theta}")
    code = np.full(n, CODES[species])
    value = muon_range_likelihood(belle2, code, tracks)
    assert np.all((value >= 0.0) & (value <= 1.0))
    before = np.ones(n, dtype=bool)
    for cut in (0.1, 0.5, 0.9, 0.95):
        point = f"muonID_range>{cut}"
        weight = identification_probability(belle2, point, code[:1], [p], [theta], tracks.charge[:1])[0]
        given = identification_probability_of_tracks(belle2, point, code, tracks)
        passed = identification_decision(belle2, point, tracks, given)
        assert np.array_equal(passed, value > cut)
        assert not np.any(passed & ~before)
        before = passed
        if 0.0 < weight < 1.0:
            assert abs(binomial_pull(passed.sum(), n, weight)) < 4.5
            assert given.mean() == pytest.approx(weight, abs=4.5 * max(given.std(), 1e-3) / math.sqrt(n))
        else:
            assert passed.mean() == weight


def test_tables_stay_the_default(belle2):
    """muonID>0.9 is the card's cell, whatever the layers say."""
    tracks = tracks_of(belle2, "mu", 1.2, 1.5, 100, "table")
    code = np.full(100, 13)
    given = identification_probability_of_tracks(belle2, "muonID>0.9", code, tracks)
    table = identification_probability(belle2, "muonID>0.9", code, np.full(100, 1.2), np.full(100, 1.5), tracks.charge)
    assert np.array_equal(given, table)


def test_tracks_without_information(belle2):
    tracks = tracks_of(belle2, "mu", 0.4, 1.5, 10, "slow")
    assert np.all(muon_range_likelihood(belle2, np.full(10, 13), tracks) == 0.0)
    other = dataclasses.replace(tracks, klm_region=np.full(10, -1, np.int32))
    assert np.all(identification_probability_of_tracks(belle2, "muonID_range>0.1", np.full(10, 13), other) == 0.0)
    strange = identification_probability(belle2, "muonID_range>0.5", [12, 22], [2.0, 2.0], [1.5, 1.5], [0, 0])
    assert strange.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "p, theta", [(math.nan, 1.0), (1.0, math.nan), (math.inf, 1.0), (1.0, 0.0), (1.0, math.pi), (-1.0, 1.0)]
)
def test_no_number_is_too_strange(belle2, p, theta):
    value = identification_probability(belle2, "muonID_range>0.5", [13], [p], [theta], [1])
    error = identification_error(belle2, "muonID_range>0.5", [13], [p], [theta], [1])
    assert 0.0 <= value[0] <= 1.0
    assert math.isfinite(error[0])


@pytest.mark.parametrize("point", ["electronID>0.9", "muonID>0.9", "kaonID>0.6", "protonID>0.9", "muonID_range>0.9"])
def test_the_sources_of_a_track_add_up_to_its_error(belle2, point):
    rng = stream(92, point, "test", 0)
    n = 300
    code = rng.choice(list(CODES.values()), n)
    columns = (code, rng.uniform(0.3, 6.0, n), rng.uniform(0.3, 2.6, n), rng.choice([-1, 1], n))
    error = identification_error(belle2, point, *columns)
    probability = identification_probability(belle2, point, *columns)
    total = np.zeros(n)
    touched = np.zeros(n)
    for source in identification_variations(belle2, point):
        up, down = source.weights(*columns)
        assert np.all(up >= 1.0)
        assert np.all((down <= 1.0) & (down >= 0.0))
        assert np.all(probability * up <= 1.0 + 1e-12)
        total += (1.0 - down) ** 2
        touched += down < 1.0
    free = error < 1.0
    assert np.allclose(np.sqrt(total)[free], error[free])
    # one source common to the table, one for the bin
    assert np.all(touched[error > 0.0] == 2)


def test_statistical_sources_are_the_official_bins(belle2):
    sources = identification_variations(belle2, "electronID>0.9", "e")
    assert len(sources) == 1 + 6 * 6
    assert len(identification_variations(belle2, "kaonID>0.6", "K")) == 1 + 72
    assert len({source.name for source in identification_variations(belle2, "muonID>0.9")}) == 5 * 49
    inside = next(s for s in sources if s.name == "electronID>0.9/e/p1-1.5/theta1.13-1.57")
    up, _ = inside.weights([11, 11, 11, 211], [1.2, 1.6, 1.2, 1.2], [1.3, 1.3, 1.7, 1.3], [1, 1, 1, 1])
    assert up[0] > 1.0
    assert up[1:].tolist() == [1.0, 1.0, 1.0]


def test_bad_requests(belle2):
    for name in ("muonID_range>", "muonID_range>x", "muonID_range>1.5", "muonID_range>nan"):
        with pytest.raises(InputError, match="muonID_range"):
            identification_probability(belle2, name, [13], [1.0], [1.5], [1])
    with pytest.raises(InputError, match="species 'tau'"):
        identification_variations(belle2, "muonID>0.9", "tau")
    with pytest.raises(InputError, match="unknown identification working point"):
        identification_variations(belle2, "tauID>0.9")
    tracks = tracks_of(belle2, "mu", 1.0, 1.5, 3, "short")
    with pytest.raises(InputError):
        identification_probability_of_tracks(belle2, "muonID_range>0.5", [13], tracks)
    with pytest.raises(InputError):
        muon_range_likelihood(belle2, [13], tracks)
