"""Random numbers in vectors: the published algorithm step by step, and the distributions."""

import math

import numpy as np
import pytest
from scipy import stats

from toymc.kernels import kernel
from toymc.lane_memory import stored
from toymc.lane_random import STATE, _normals_of, _seeded, _uniform_of
from toymc.lanes import WIDTH
from toymc.streams import stream

N = 400_000
WORD = 2**64 - 1


@kernel
def _uniforms(state, out):
    for i in range(0, len(out), WIDTH):
        stored(out, i, _uniform_of(state))


@kernel
def _normals(state, out):
    for i in range(0, out.shape[1], WIDTH):
        a, b = _normals_of(state)
        stored(out[0], i, a)
        stored(out[1], i, b)


def state_of(name):
    return _seeded(stream(21, name, "test", 0))


def xoshiro(s):
    """One step of xoshiro256++ with Python's integers [Blackman, Vigna 2021, fig. 6]."""

    def turned(x, k):
        return (x << k | x >> (64 - k)) & WORD

    result = (turned((s[0] + s[3]) & WORD, 23) + s[0]) & WORD
    t = (s[1] << 17) & WORD
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = turned(s[3], 45)
    return result


def test_every_lane_is_the_published_generator():
    state = state_of("twin")
    words = [[int(state[k * WIDTH + lane]) & WORD for k in range(4)] for lane in range(WIDTH)]
    out = np.empty(50 * WIDTH)
    _uniforms(state, out)
    expected = [[(xoshiro(words[lane]) >> 12) / 2.0**52 for lane in range(WIDTH)] for _ in range(50)]
    np.testing.assert_array_equal(out, np.ravel(expected))
    # and the state goes on where it stopped
    after = [int(state[k * WIDTH + lane]) & WORD for lane in range(WIDTH) for k in range(4)]
    assert after == [word for lane in words for word in lane]


def test_a_known_sequence():
    """First outputs from the state (1, 2, 3, 4), as other implementations give them."""
    s = [1, 2, 3, 4]
    assert [xoshiro(s) for _ in range(3)] == [41943041, 58720359, 3588806011781223]


def test_seeds_come_from_the_stream_and_fill_all_bits():
    a, b = state_of("a"), state_of("a")
    np.testing.assert_array_equal(a, b)
    assert len(a) == STATE and len(np.unique(a)) == STATE
    assert not np.array_equal(a, state_of("b"))
    many = np.concatenate([_seeded(stream(21, "bits", "test", chunk)) for chunk in range(400)])
    for bit in range(64):  # 12800 words: 4.4 sigma
        assert np.mean(many >> bit & 1) == pytest.approx(0.5, abs=4.4 * 0.5 / math.sqrt(len(many)))


def test_uniform_numbers():
    """Probability of a false alarm below 1e-4 in each assertion."""
    out = np.empty(N)
    _uniforms(state_of("uniform"), out)
    assert 0.0 <= out.min() < 1e-4 and 1.0 - 1e-4 < out.max() < 1.0
    assert stats.kstest(out, "uniform").pvalue > 1e-4
    lanes = out.reshape(-1, WIDTH)
    correlation = np.corrcoef(lanes.T)
    off = correlation[~np.eye(WIDTH, dtype=bool)] * math.sqrt(len(lanes))
    assert np.abs(off).max() < 5.0
    following = np.corrcoef(lanes[:-1].ravel(), lanes[1:].ravel())[0, 1] * math.sqrt(N)
    assert abs(following) < 4.0
    low = out * 2.0**26  # the detector takes these bits for a decision of its own
    assert stats.kstest(low - np.floor(low), "uniform").pvalue > 1e-4


def test_normal_numbers():
    out = np.empty((2, N))
    _normals(state_of("normal"), out)
    for column in out:
        assert stats.kstest(column, "norm").pvalue > 1e-4
        tail = np.abs(column) > 4.0
        expected = N * 2.0 * stats.norm.sf(4.0)
        assert abs(tail.sum() - expected) < 4.5 * math.sqrt(expected)
    assert abs(np.corrcoef(out)[0, 1]) * math.sqrt(N) < 4.0
    assert abs(np.corrcoef(out**2)[0, 1]) * math.sqrt(N) < 4.0
