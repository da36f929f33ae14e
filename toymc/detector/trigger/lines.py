"""Probability of each kind of trigger line for eight events, from their objects (`objects.py`)."""

import math

from toymc.detector.trigger.objects import (
    _A,
    _B,
    COSINE,
    ENERGY,
    ENERGY_CMS,
    FOUND,
    MOMENTUM,
    MUON,
    NEURAL_SHARE,
    TANGENT,
    TRACK_X,
    TRACK_Y,
    _inside,
    _of,
    _turn_on,
)
from toymc.detector.trigger.tables import (
    ALL_MAX,
    AT_CLUSTER,
    AT_ONE,
    AT_OTHER,
    CLUSTERS,
    CMS,
    CMS_MAX,
    COS_DPHI,
    COS_OPENING,
    COS_SUM_THETA,
    MUONS,
    NEURAL,
    ONE,
    OTHER_MAX,
    P_MIN,
    TOTAL,
    TOTAL_MAX,
    TRACKS,
    TURN_WIDTH,
    WIDTHS,
)
from toymc.kernels import inlined_kernel
from toymc.lane_memory import loaded
from toymc.lanes import WIDTH, chosen, filled, higher_of, lower_of, some


@inlined_kernel
def _one_more(e, t1, t2, t3, t4):
    """Probabilities of at least 1, 2, 3, 4 successes after a further trial with probability e."""
    return t1 + e * (1.0 - t1), t2 + e * (t1 - t2), t3 + e * (t2 - t3), t4 + e * (t3 - t4)


@inlined_kernel
def _at_least(k, t1, t2, t3, t4):
    """Probability of at least k successes."""
    if k < 1.0:
        return filled(1.0)
    if k < 2.0:
        return t1
    if k < 3.0:
        return t2
    return t3 if k < 4.0 else t4


@inlined_kernel
def _opening(line, limits, n, work):
    """Probability of a pair of found tracks with the opening of a line."""
    best = filled(0.0)
    for a in range(n):
        x, y = _of(work, TRACK_X, a), _of(work, TRACK_Y, a)
        none = filled(1.0)
        for b in range(n):
            apart = x * _of(work, TRACK_X, b) + y * _of(work, TRACK_Y, b) <= line[COS_OPENING]
            apart &= _inside(limits, _of(work, TANGENT, b))
            none = chosen(apart, none * (1.0 - _of(work, FOUND, b)), none)
        p = chosen(_inside(limits, _of(work, TANGENT, a)), _of(work, FOUND, a) * (1.0 - none), 0.0)
        best = higher_of(best, p)
    return best


@inlined_kernel
def _multiplicity(k, line, limits, n, alone, p_width, work):
    """Probability of k tracks or more in the polar range of a line: found ones, or (`alone`) neural ones."""
    t1, t2, t3, t4 = filled(0.0), filled(0.0), filled(0.0), filled(0.0)
    for a in range(n):
        e = chosen(_inside(limits, _of(work, TANGENT, a)), _of(work, FOUND, a), 0.0)
        if alone:
            e *= _of(work, NEURAL_SHARE, a)
            if line[P_MIN] > 0.0:
                e *= _turn_on(_of(work, MOMENTUM, a) - line[P_MIN], p_width)
        t1, t2, t3, t4 = _one_more(e, t1, t2, t3, t4)
    return _at_least(k, t1, t2, t3, t4)


@inlined_kernel
def _one_neural(limits, n, work):
    """Probability that one track or more in the polar range of a line is neural, given that they are found."""
    none = filled(1.0)
    for a in range(n):
        here = _inside(limits, _of(work, TANGENT, a))
        none *= 1.0 - chosen(here, _of(work, NEURAL_SHARE, a), 0.0)
    return 1.0 - none


@inlined_kernel
def _track_line(line, limits, n, p_width, same, before, work):
    """Probability of a line of kind track without the factor of `_one_neural`.

    `same`: it asks for the found tracks of the line above, whose probability is `before`.
    """
    if n < max(line[TRACKS], line[NEURAL]):
        return filled(0.0)
    if line[TRACKS] == 0.0:
        return _multiplicity(line[NEURAL], line, limits, n, True, p_width, work)
    if same:
        return before
    if line[COS_OPENING] < 1.0:
        return _opening(line, limits, n, work)
    return _multiplicity(line[TRACKS], line, limits, n, False, p_width, work)


@inlined_kernel
def _muon_line(line, n, p_width, work):
    """Probability of a line of kind muon."""
    if line[COS_OPENING] < 1.0:
        most = filled(0.0)
        for a in range(1, n):
            x, y = _of(work, TRACK_X, a), _of(work, TRACK_Y, a)
            for b in range(a):
                apart = x * _of(work, TRACK_X, b) + y * _of(work, TRACK_Y, b) <= line[COS_OPENING]
                most = chosen(apart, higher_of(most, _of(work, MUON, a) * _of(work, MUON, b)), most)
        return most
    t1, t2, t3, t4 = filled(0.0), filled(0.0), filled(0.0), filled(0.0)
    for a in range(n):
        e = _of(work, MUON, a)
        if line[TRACKS] > 0.0:
            e *= _of(work, FOUND, a) * _turn_on(_of(work, MOMENTUM, a) - line[P_MIN], p_width)
        t1, t2, t3, t4 = _one_more(e, t1, t2, t3, t4)
    return _at_least(line[MUONS], t1, t2, t3, t4)


@inlined_kernel
def _energy_line(line, limits, n, work):
    """Probability of a line of kind energy."""
    total = filled(0.0)
    for a in range(n):
        total += chosen(_inside(limits, _of(work, COSINE, a)), _of(work, ENERGY, a), 0.0)
    return _turn_on(total - line[TOTAL], line[TURN_WIDTH])


@inlined_kernel
def _count_line(line, places, limits, n, work, chances, n_chances):
    """Probability of a line of kind count."""
    if n < line[CLUSTERS]:
        return filled(0.0)
    t1, t2, t3, t4 = filled(0.0), filled(0.0), filled(0.0), filled(0.0)
    for a in range(n):
        e = loaded(chances, WIDTH * (n_chances * a + places[AT_CLUSTER]))
        t1, t2, t3, t4 = _one_more(e, t1, t2, t3, t4)
    p = _at_least(line[CLUSTERS], t1, t2, t3, t4)
    if line[ONE] > 0.0:
        most = filled(0.0)
        for a in range(n):
            most = chosen(_inside(limits, _of(work, COSINE, a)), higher_of(most, _of(work, ENERGY, a)), most)
        p *= _turn_on(most - line[ONE], line[TURN_WIDTH])
    return p


@inlined_kernel
def _single_line(line, limits, n, second, work):
    """Probability of a line of kind single; `second`: second largest energy."""
    width = line[TURN_WIDTH]
    reach = WIDTHS * width
    largest = filled(0.0)
    for a in range(n):
        here = _inside(limits, _of(work, COSINE, a))
        largest = chosen(here, higher_of(largest, _of(work, ENERGY_CMS, a)), largest)
    # the cluster of the line may be the one with the largest energy, then the second is one of the others
    may = (largest > 0.0) & (largest > line[CMS] - reach) & (second < line[OTHER_MAX] + reach)
    if not some(may):
        return filled(0.0)
    none = filled(1.0)
    if math.isinf(line[OTHER_MAX]):
        for a in range(n):
            here = _inside(limits, _of(work, COSINE, a)) & (_of(work, ENERGY, a) > 0.0)
            none *= 1.0 - chosen(here, _turn_on(_of(work, ENERGY_CMS, a) - line[CMS], width), 0.0)
        return chosen(may, 1.0 - none, 0.0)
    for a in range(n):
        energy = _of(work, ENERGY, a)
        itself = (_of(work, ENERGY_CMS, a) == largest) & _inside(limits, _of(work, COSINE, a))
        none *= 1.0 - chosen(itself | (energy == 0.0), 0.0, _turn_on(energy - line[OTHER_MAX], width))
    return chosen(may, none * _turn_on(largest - line[CMS], width), 0.0)


@inlined_kernel
def _pair_line(line, places, n, total, most, most_cms, work, pairs, chances, n_chances):
    """Probability of a line of kind pair: that of the best pair, times those of the upper limits.

    The harder of two clusters passes a threshold with the larger of their two chances, the softer with the smaller.
    """
    best = filled(0.0)
    one, cluster, other = WIDTH * places[AT_ONE], WIDTH * places[AT_CLUSTER], WIDTH * places[AT_OTHER]
    for m in range(n * (n - 1) // 2):
        a, b, at = WIDTH * n_chances * _A[m], WIDTH * n_chances * _B[m], 4 * WIDTH * m
        apart = loaded(pairs, at) <= line[COS_DPHI] * loaded(pairs, at + WIDTH)
        apart &= loaded(pairs, at + 2 * WIDTH) <= line[COS_SUM_THETA] * loaded(pairs, at + 3 * WIDTH)
        p = higher_of(loaded(chances, a + one), loaded(chances, b + one))
        p *= lower_of(loaded(chances, a + cluster), loaded(chances, b + cluster))
        if other >= 0:
            p *= 1.0 - lower_of(loaded(chances, a + other), loaded(chances, b + other))
        best = higher_of(best, chosen(apart, p, 0.0))
    return best * _upper_limits(line, n, best > 0.0, total, most, most_cms, work)


@inlined_kernel
def _upper_limits(line, n, here, total, most, most_cms, work):
    """Probability that events, of which the ones `here` matter, stay below the upper limits of a line of kind pair."""
    width = line[TURN_WIDTH]
    reach = WIDTHS * width
    below = filled(1.0)
    if some(here & (most_cms > line[CMS_MAX] - reach)):
        for a in range(n):
            e = _of(work, ENERGY_CMS, a)
            below *= 1.0 - chosen(e > 0.0, _turn_on(e - line[CMS_MAX], width), 0.0)
    if some(here & (most > line[ALL_MAX] - reach)):
        for a in range(n):
            e = _of(work, ENERGY, a)
            below *= 1.0 - chosen(e > 0.0, _turn_on(e - line[ALL_MAX], width), 0.0)
    if some(here & (total > line[TOTAL_MAX] - reach)):
        below *= 1.0 - _turn_on(total - line[TOTAL_MAX], width)
    return below
