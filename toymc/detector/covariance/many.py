"""Placeholder until the engine in lanes is merged."""
from toymc.detector.covariance.exact import WORK_SHAPE, _exact_factor, _exact_hits
from toymc.detector.covariance.lookup import _constants
from toymc.kernels import lean_kernel

MANY_WORK = WORK_SHAPE


@lean_kernel
def _exact_many(n, states, surfaces, reals, work, factor, hits):
    c = _constants(reals)
    for i in range(n):
        k, a, b, w = _exact_hits(states[0, i], states[1, i], states[2, i], states[3, i], states[4, i], states[5, i], states[6, i], states[7, i], states[8, i], surfaces, c, work)
        if a >= 0 and not _exact_factor(k, states[3, i], states[4, i], states[5, i], states[7, i], surfaces, c, work, factor[i]):
            a = -1
        hits[i, 0], hits[i, 1], hits[i, 2] = a, b, w
