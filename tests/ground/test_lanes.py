"""Vectors inside kernels: every operator and function against numpy, lane by lane, and as plain numbers."""

import math

import numba
import numpy as np
import pytest
from numba.core.errors import NumbaError

from toymc.detector.pages import halves
from toymc.kernels import kernel
from toymc.lane_math import asin_of, atan2_of, cos_sin_of, exp_of, log_of
from toymc.lane_memory import gathered, loaded, stored
from toymc.lanes import (
    WIDTH,
    bits_of,
    chosen,
    every,
    filled,
    filled_places,
    higher_of,
    lane,
    lower_of,
    nearest,
    of_bits,
    real,
    root,
    some,
    whole,
)
from toymc.streams import stream

EDGES = np.array([0.0, -0.0, 1.0, -1.0, 1e-300, 5e-324, 1e300, -1e300, math.inf, -math.inf, math.nan, 0.5, 2.0**52])
RNG = stream(20, "lanes", "test", 0)


def pairs():
    """Every edge with every edge, then random numbers of all sizes; as many as fill vectors."""
    a, b = (c.ravel() for c in np.meshgrid(EDGES, EDGES))
    n = 1000 - len(a)
    more = RNG.normal(size=(2, n)) * 10.0 ** RNG.uniform(-12.0, 12.0, (2, n))
    return np.concatenate([a, more[0]]), np.concatenate([b, more[1]])


# ---- memory


@kernel
def _moved(halved, numbers, places, out, whole_out):
    for i in range(0, len(halved), WIDTH):
        stored(out, i, loaded(halved, i))
        stored(whole_out, i, loaded(numbers, i))
        stored(places, i, whole(loaded(numbers, i)) + 1)


def test_halves_are_loaded_and_whole_numbers_stored():
    numbers = RNG.normal(size=80) * 10.0 ** RNG.uniform(-30.0, 6.0, 80)
    numbers[:3] = 0.0, -0.0, 56.0
    out, ints, places = np.empty(80), np.empty(80, dtype=np.int32), np.empty(80, dtype=np.int64)
    _moved(halves(numbers), numbers, places, out, ints)
    np.testing.assert_allclose(out, numbers, rtol=2.0**-8)
    assert out[:3].tolist() == [0.0, 0.0, 56.0] and np.signbit(out[1])
    np.testing.assert_array_equal(ints, np.trunc(numbers).astype(np.int32))
    np.testing.assert_array_equal(places, np.trunc(numbers).astype(np.int64) + 1)


# ---- operators on real numbers


@kernel
def _arithmetic(x, y, out):
    for i in range(0, len(x), WIDTH):
        a, b = loaded(x, i), loaded(y, i)
        stored(out[0], i, a + b)
        stored(out[1], i, a - b)
        stored(out[2], i, a * b)
        stored(out[3], i, a / b)
        stored(out[4], i, -a)
        stored(out[5], i, abs(a))
        stored(out[6], i, root(a))
        stored(out[7], i, lower_of(a, b))
        stored(out[8], i, higher_of(a, b))
        c = a
        c += b
        c *= a
        c -= b
        c /= a
        stored(out[9], i, c)


def test_arithmetic():
    """Bit for bit but for contracted products and sums (out[9]); signs of zeros and numbers that are none as well."""
    x, y = pairs()
    out = np.empty((10, len(x)))
    _arithmetic(x, y, out)
    with np.errstate(all="ignore"):
        expected = [
            x + y, x - y, x * y, x / y, -x, np.abs(x), np.sqrt(x), np.where(x < y, x, y), np.where(x > y, x, y)
        ]  # fmt: skip
        for k, values in enumerate(expected):
            np.testing.assert_array_equal(out[k], values, err_msg=str(k))
            known = ~np.isnan(values)
            np.testing.assert_array_equal(np.signbit(out[k])[known], np.signbit(values)[known], err_msg=str(k))
    tame = (np.abs(x) > 1e-12) & (np.abs(x) < 1e12) & (np.abs(y) < 1e12)
    a, b = x[tame], y[tame]
    scale = (np.abs(a + b) * np.abs(a) + np.abs(b)) / np.abs(a)
    assert np.all(np.abs(out[9, tame] - ((a + b) * a - b) / a) <= 1e-15 * scale)


@kernel
def _with_plain(x, number, whole_number, out):
    for i in range(0, len(x), WIDTH):
        a = loaded(x, i)
        stored(out[0], i, number + a * whole_number)
        stored(out[1], i, number / a)
        stored(out[2], i, chosen(a > number, 1, a))
        stored(out[3], i, filled(number))
        stored(out[4], i, lower_of(number, a))
        stored(out[5], i, filled(whole_number) - True)


def test_plain_numbers_fill_all_lanes():
    x = np.linspace(-3.05, 3.15, 32)
    out = np.empty((6, 32))
    _with_plain(x, 0.75, 3, out)
    expected = [
        0.75 + 3.0 * x, 0.75 / x, np.where(x > 0.75, 1.0, x), np.full(32, 0.75), np.minimum(0.75, x), np.full(32, 2.0)
    ]  # fmt: skip
    for ours, theirs in zip(out, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-15)


@kernel
def _compared(x, y, out):
    for i in range(0, len(x), WIDTH):
        a, b = loaded(x, i), loaded(y, i)
        less, more = a < b, a > b
        masks = (
            less, a <= b, more, a >= b, a == b, a != b, less & more, less | more, less ^ (a <= b), ~less
        )  # fmt: skip
        for m in range(10):
            for k in range(WIDTH):
                out[m, i + k] = lane(masks[m], k)


@kernel
def _any_or_all(x, out):
    n = np.int64(0)
    for i in range(0, len(x), WIDTH):
        mask = loaded(x, i) > 0.0
        out[n, 0], out[n, 1] = some(mask), every(mask)
        n += 1


def test_comparing():
    x, y = pairs()
    out = np.empty((10, len(x)), dtype=bool)
    _compared(x, y, out)
    less, more = x < y, x > y
    expected = [less, x <= y, more, x >= y, x == y, x != y, less & more, less | more, less ^ (x <= y), ~less]
    for ours, theirs in zip(out, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_some_and_every():
    """All 256 patterns of a mask."""
    bits = (np.arange(1 << WIDTH)[:, None] >> np.arange(WIDTH)) & 1
    out = np.empty((1 << WIDTH, 2), dtype=bool)
    _any_or_all(bits.astype(float).ravel(), out)
    np.testing.assert_array_equal(out, np.stack([bits.any(axis=1), bits.all(axis=1)], axis=1))


@kernel
def _selected(x, y, z, out):
    for i in range(0, len(x), WIDTH):
        a, b, c = loaded(x, i), loaded(y, i), loaded(z, i)
        stored(out[0], i, chosen(c > 0.0, a, b))
        stored(out[1], i, chosen(c > 0.0, a / c, 0.0))
        stored(out[2], i, real(chosen(c > 0.0, chosen(c > 1.0, 9, 7), 3)))
        stored(out[3], i, chosen(chosen(c > 0.0, a > b, c < -1.0), 1.0, 0.0))


def test_chosen_takes_nothing_from_the_other_lane():
    x, y = pairs()
    z = np.resize([1.0, -1.0, 0.0, 2.0, -3.0], len(x))
    out = np.empty((4, len(x)))
    _selected(x, y, z, out)
    np.testing.assert_array_equal(out[0], np.where(z > 0.0, x, y))
    np.testing.assert_array_equal(out[1], np.where(z > 0.0, x / np.where(z > 0.0, z, 1.0), 0.0))
    np.testing.assert_array_equal(out[2], np.where(z > 0.0, np.where(z > 1.0, 9.0, 7.0), 3.0))
    np.testing.assert_array_equal(out[3], np.where(z > 0.0, x > y, z < -1.0).astype(float))


# ---- integers


@kernel
def _integers(table, x, at, out):
    for i in range(0, len(x), WIDTH):
        a = gathered(x, whole(loaded(at, i)))
        b = filled_places(3) + 2
        results = (
            a + b, a - b, a * b, -a, a & b, a | b, a ^ b, a << 3, a >> 3, ~a, gathered(table, a & 7), bits_of(real(a))
        )  # fmt: skip
        for m in range(12):
            for k in range(WIDTH):
                out[m, i + k] = lane(results[m], k)
        masks = (a < b, a <= b, a > b, a >= b, a == b, a != b)
        for m in range(6):
            for k in range(WIDTH):
                out[12 + m, i + k] = 1 if lane(masks[m], k) else 0


def test_integers():
    n = 64
    x = np.concatenate([np.arange(-20, 20), RNG.integers(-(2**40), 2**40, n - 40)])
    table = np.array([3, 1, 4, 1, 5, 9, 2, 6], dtype=np.int32)
    out = np.empty((18, n), dtype=np.int64)
    order = RNG.permutation(n)
    _integers(table, x, order.astype(float), out)
    a = x[order]
    expected = [
        a + 5, a - 5, a * 5, -a, a & 5, a | 5, a ^ 5, a << 3, a >> 3, ~a, table[a & 7],
        a.astype(np.float64).view(np.int64), a < 5, a <= 5, a > 5, a >= 5, a == 5, a != 5,
    ]  # fmt: skip
    for k, values in enumerate(expected):
        np.testing.assert_array_equal(out[k], values, err_msg=str(k))


@kernel
def _rounding(x, out, bits):
    for i in range(0, len(x), WIDTH):
        a = loaded(x, i)
        stored(out[0], i, nearest(a))
        stored(out[1], i, real(whole(a)))
        stored(out[2], i, of_bits(bits_of(a)))
        for k in range(WIDTH):
            bits[i + k] = lane(bits_of(a), k)
            out[3, i + k] = lane(a, k)


def test_rounding_and_bits():
    x = np.concatenate([np.arange(-4.0, 4.0, 0.25), RNG.normal(size=64) * 1e6, [0.0, -0.0, 2.0**52, -(2.0**53)] * 2])
    out, bits = np.empty((4, len(x))), np.empty(len(x), dtype=np.int64)
    _rounding(x, out, bits)
    for ours, theirs in zip(out, [np.rint(x), np.trunc(x), x, x], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(bits, x.view(np.int64))


# ---- memory


@kernel
def _shifted(block, narrow, out):
    """Loads and stores at any place, not at multiples of the width alone; rows of a block; narrow numbers."""
    for i in range(1, 9):
        stored(out[1], i, loaded(block[2], i + 3) + 1.0)
    places = filled_places(2)
    stored(out[0], 0, gathered(narrow, places + whole(loaded(block[2], 0) / 10.0)))


def test_memory():
    block = np.arange(60.0).reshape(3, 20)
    narrow = np.arange(40, dtype=np.float32)
    out = np.full((2, 20), -1.0)
    _shifted(block, narrow, out)
    np.testing.assert_array_equal(out[0, :8], 2.0 + np.trunc(block[2, :8] / 10.0))
    np.testing.assert_array_equal(out[1], np.concatenate([[-1.0], block[2, 4:19] + 1.0, [-1.0] * 4]))


# ---- functions


@kernel
def _functions(positive, power, angle, x, y, sine, out):
    for i in range(0, len(x), WIDTH):
        stored(out[0], i, log_of(loaded(positive, i)))
        stored(out[1], i, exp_of(loaded(power, i)))
        c, s = cos_sin_of(loaded(angle, i))
        stored(out[2], i, c)
        stored(out[3], i, s)
        stored(out[4], i, atan2_of(loaded(y, i), loaded(x, i)))
        stored(out[5], i, asin_of(loaded(sine, i)))


@kernel
def _plain_functions(positive, power, angle, x, y, sine, out):
    for i in range(len(x)):
        out[0, i] = log_of(positive[i])
        out[1, i] = exp_of(power[i])
        out[2, i], out[3, i] = cos_sin_of(angle[i])
        out[4, i] = atan2_of(y[i], x[i])
        out[5, i] = asin_of(sine[i])


def arguments():
    """Sizes that a detector has, and the edges of every piece of the functions."""
    n = 40_000
    near = np.nextafter
    positive = 10.0 ** RNG.uniform(-300.0, 300.0, n)
    positive[: n // 2] = RNG.uniform(0.4, 2.5, n // 2)
    positive[:6] = 1.0, near(1.0, 0.0), near(1.0, 2.0), math.sqrt(2.0), 2.0, 0.5
    power = RNG.uniform(-700.0, 700.0, n)
    power[: n // 2] = RNG.uniform(-2.0, 2.0, n // 2)
    power[:4] = 0.0, -0.0, 700.0, -700.0
    angle = RNG.uniform(-1e5, 1e5, n)
    angle[: n // 2] = RNG.uniform(-7.0, 7.0, n // 2)
    angle[:18] = 0.25 * math.pi * np.arange(-9, 9)
    x, y = RNG.normal(size=(2, n)) * 10.0 ** RNG.uniform(-8.0, 8.0, (2, n))
    edges = np.array([0.0, 1.0, -1.0, math.tan(math.pi / 8.0), 1e-300])
    x[:25], y[:25] = (c.ravel() for c in np.meshgrid(edges, edges))
    sine = RNG.uniform(-1.0, 1.0, n)
    sine[:10] = 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, near(0.5, 1.0), near(1.0, 0.0), near(-1.0, 0.0), 1e-12
    return positive, power, angle, x, y, sine


@pytest.mark.parametrize("functions", [_functions, _plain_functions], ids=["lanes", "plain"])
def test_functions(functions):
    """Against numpy: to a few units of the last digit."""
    positive, power, angle, x, y, sine = given = arguments()
    out = np.empty((6, len(x)))
    functions(*given, out)
    np.testing.assert_allclose(out[0], np.log(positive), rtol=4e-16, atol=2e-16)
    np.testing.assert_allclose(out[1], np.exp(power), rtol=2e-15)
    small = np.abs(angle) < 10.0
    for ours, theirs in ((out[2], np.cos(angle)), (out[3], np.sin(angle))):
        np.testing.assert_allclose(ours[small], theirs[small], rtol=0.0, atol=3e-16)
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=5e-12)
    np.testing.assert_allclose(out[4], np.arctan2(y, x), rtol=8e-16)
    np.testing.assert_allclose(out[5], np.arcsin(sine), rtol=1.5e-15)


def test_functions_beyond_their_range():
    """exp stays finite at its ends; the angle of no vector is 0."""
    far = np.tile([-1e9, 1e9, -math.inf, math.inf], 2)
    one, zero = np.ones(8), np.zeros(8)
    out = np.empty((6, 8))
    _functions(one, far, zero, zero, zero, zero, out)
    np.testing.assert_allclose(out[1], np.exp(np.clip(far, -700.0, 700.0)), rtol=2e-15)
    np.testing.assert_array_equal(out[4], zero)


# ---- one source for vectors and numbers


@numba.njit(error_model="numpy")
def _formula(x, y):
    """Something of everything that is written once for both."""
    big = (x > y) & (abs(x) > 0.1)
    r = root(lower_of(x * x, 4.0) + higher_of(y, 0.5))
    turn = x - nearest(x)
    steps = real(whole(10.0 * y))
    return chosen(big, r + turn, steps * r - exp_of(0.1 * turn)) + atan2_of(y, x) * log_of(r)


@kernel
def _formula_lanes(x, y, out):
    for i in range(0, len(x), WIDTH):
        stored(out, i, _formula(loaded(x, i), loaded(y, i)))


@kernel
def _formula_plain(x, y, out):
    for i in range(len(x)):
        out[i] = _formula(x[i], y[i])


def test_a_formula_means_the_same_for_vectors_and_numbers():
    x, y = RNG.uniform(-3.0, 3.0, (2, 800))
    a, b = np.empty(800), np.empty(800)
    _formula_lanes(x, y, a)
    _formula_plain(x, y, b)
    np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-14)


def test_the_same_names_outside_kernels():
    """Plain Python, as documentation and debugger see it."""
    assert chosen(True, 1.0, 2.0) == 1.0 and chosen(False, 1.0, 2.0) == 2.0
    assert root(4.0) == 2.0 and nearest(1.6) == 2.0 and whole(-1.6) == -1 and real(3) == 3.0
    assert lower_of(1.0, 2.0) == 1.0 and higher_of(1.0, 2.0) == 2.0
    assert some(True) and not some(False) and every(True) and not every(False)


# ---- what does not fit


def _adds_a_mask(x):
    return loaded(x, 0) + (loaded(x, 0) > 0.0)


def _chooses_by_a_number(x):
    stored(x, 0, chosen(loaded(x, 0), loaded(x, 0), 0.0))


def _mixes_lanes_and_places(x):
    stored(x, 0, loaded(x, 0) + filled_places(1))


def _divides_integers(x):
    stored(x, 0, filled_places(1) / filled_places(2))


def _loads_from_a_block(x):
    stored(x, 0, loaded(x.reshape(1, 8), 0))


def _stores_integers(x):
    stored(x, 0, filled_places(1))


def _adds_a_fraction_to_an_integer(x):
    stored(x, 0, real(filled_places(1) + 0.5))


def _takes_a_root_of_integers(x):
    stored(x, 0, root(filled_places(4)))


def _asks_a_number_for_its_lane(x):
    x[0] = lane(x[0], 0)


def _branches_on_a_mask(x):
    if loaded(x, 0) > 0.0:
        x[0] = 1.0


WRONG = [
    _adds_a_mask, _chooses_by_a_number, _mixes_lanes_and_places, _divides_integers, _loads_from_a_block,
    _stores_integers, _adds_a_fraction_to_an_integer, _takes_a_root_of_integers, _asks_a_number_for_its_lane,
    _branches_on_a_mask,
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda f: f.__name__[1:])
def test_what_does_not_fit_is_refused_by_the_compiler(wrong):
    with pytest.raises((NumbaError, NotImplementedError)):
        numba.njit(wrong)(np.ones(8))


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_columns_of_other_numbers_are_refused(kind):
    def copies(x, out):
        stored(out, 0, loaded(x, 0))

    with pytest.raises(NumbaError):
        numba.njit(copies)(np.ones(8, dtype=kind), np.empty(8))
