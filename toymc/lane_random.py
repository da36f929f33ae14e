"""Random numbers eight at a time, for loops over vectors (see `toymc.lanes`), seeded by a stream of `toymc.streams`.

Eight generators xoshiro256++ run side by side [D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47 (2021) 36: period
2^256 - 1, no known failure in statistical tests]. Their states are drawn from the stream of the chunk, so that numbers
depend on its address alone; that any two of 1e10 generators overlap within 1e9 numbers has a chance of 1e-48. Normal
numbers come in pairs [G. Box, M. Muller, Ann. Math. Stat. 29 (1958) 610]: with 52 bits the largest is 8.5, beyond which
lie 2e-17 of all.

A number of numpy's generator takes 4 to 6 ns inside a kernel, one of these 1 to 2 ns: they are calls there, and
arithmetic here.
"""

import math

import numpy as np

from toymc.kernels import inlined_kernel, kernel
from toymc.lane_math import cos_sin_of, log_of
from toymc.lane_memory import loaded, stored
from toymc.lanes import WIDTH, of_bits, root

STATE = 4 * WIDTH
"""Length of the int64 array that holds the state of the eight generators."""
_FRACTION = (1 << 52) - 1
_ONE = 0x3FF0000000000000
"""Bits of the double 1."""


@kernel
def _seeded(rng):
    """State of eight generators, 64 bits of the stream for each of its words."""
    state = np.empty(STATE, dtype=np.int64)
    for k in range(STATE):
        high, low = np.int64(rng.random() * 4294967296.0), np.int64(rng.random() * 4294967296.0)
        state[k] = (high << 32) | low
    return state


@inlined_kernel
def _rotated(x, k):
    """64 bits turned to the left by k places; shifts to the right repeat the sign here, which is masked."""
    return (x << k) | ((x >> (64 - k)) & ((1 << k) - 1))


@inlined_kernel
def _bits(state):
    """The next 64 bits of all eight generators."""
    a, b, c, d = loaded(state, 0), loaded(state, WIDTH), loaded(state, 2 * WIDTH), loaded(state, 3 * WIDTH)
    result = _rotated(a + d, 23) + a
    shifted = b << 17
    c = c ^ a
    d = d ^ b
    stored(state, WIDTH, b ^ c)
    stored(state, 0, a ^ d)
    stored(state, 2 * WIDTH, c ^ shifted)
    stored(state, 3 * WIDTH, _rotated(d, 45))
    return result


@inlined_kernel
def _uniform_of(state):
    """Eight numbers from 0 up to, but not including, 1."""
    return of_bits(((_bits(state) >> 12) & _FRACTION) | _ONE) - 1.0


@inlined_kernel
def _normals_of(state):
    """Eight pairs of independent normal numbers."""
    radius = root(-2.0 * log_of(1.0 - _uniform_of(state)))
    cosine, sine = cos_sin_of(2.0 * math.pi * _uniform_of(state))
    return radius * cosine, radius * sine
