"""Probability of each kind of trigger line, from the objects of an event (`objects.py`)."""

import math

from toymc.detector.trigger.objects import (
    ENERGY,
    ENERGY_CMS,
    FOUND,
    HARDER,
    MOMENTUM,
    MOST_CMS_INSIDE,
    MUON_FOUND,
    MUON_MOMENTUM,
    MUON_X,
    MUON_Y,
    NEURAL_SHARE,
    OF_CLUSTERS,
    OF_TRACKS,
    PASSES,
    SOFTER,
    TRACK_X,
    TRACK_Y,
    _turn_on,
)
from toymc.detector.trigger.tables import (
    ALL_MAX,
    CLUSTER,
    CMS,
    CMS_MAX,
    COS_OPENING,
    MUONS,
    NEURAL,
    ONE,
    OTHER_MAX,
    P_MIN,
    TOTAL_MAX,
    TRACKS,
    WIDTH,
    WIDTHS,
)
from toymc.kernels import inlined_kernel


@inlined_kernel
def _at_least(k, p0, p1, p2, p3):
    """Probability of k or more successes, from those of 0, 1, 2, 3."""
    fewer = 0.0
    if k > 0:
        fewer += p0
    if k > 1:
        fewer += p1
    if k > 2:
        fewer += p2
    if k > 3:
        fewer += p3
    # rounding may leave a sum just above 1
    return max(0.0, 1.0 - fewer)


@inlined_kernel
def _opening(line, bit, n, work, zones):
    """Probability of a pair of found tracks with the opening of a line."""
    best = 0.0
    for a in range(n):
        if work[FOUND, a] <= best or zones[OF_TRACKS, a] & bit == 0:
            continue
        none = 1.0
        for b in range(n):
            if zones[OF_TRACKS, b] & bit != 0:
                cosine = work[TRACK_X, a] * work[TRACK_X, b] + work[TRACK_Y, a] * work[TRACK_Y, b]
                if cosine <= line[COS_OPENING]:
                    none *= 1.0 - work[FOUND, b]
        best = max(best, work[FOUND, a] * (1.0 - none))
    return best


@inlined_kernel
def _multiplicity(line, bit, n, alone, p_width, work, zones):
    """Probabilities of 0, 1, 2, 3 tracks in the polar range of a line: found ones, or (`alone`) neural ones."""
    p0, p1, p2, p3 = 1.0, 0.0, 0.0, 0.0
    for a in range(n):
        if zones[OF_TRACKS, a] & bit == 0:
            continue
        e = work[FOUND, a]
        if alone:
            e *= work[NEURAL_SHARE, a]
            if line[P_MIN] > 0.0:
                e *= _turn_on(work[MOMENTUM, a] - line[P_MIN], p_width)
        p3 = p3 * (1.0 - e) + p2 * e
        p2 = p2 * (1.0 - e) + p1 * e
        p1 = p1 * (1.0 - e) + p0 * e
        p0 *= 1.0 - e
    return p0, p1, p2, p3


@inlined_kernel
def _one_neural(bit, n, work, zones):
    """Probability that one track or more in the polar range of a line is neural, given that they are found."""
    none = 1.0
    for a in range(n):
        if zones[OF_TRACKS, a] & bit != 0:
            none *= 1.0 - work[NEURAL_SHARE, a]
    return 1.0 - none


@inlined_kernel
def _track_line(line, bit, n, p_width, same, before, work, zones):
    """Probability of a line of kind track without the factor of `_one_neural`.

    `same`: it asks for the found tracks of the line above, whose probability is `before`.
    """
    if line[TRACKS] == 0.0:
        if n < line[NEURAL]:
            return 0.0
        p0, p1, p2, p3 = _multiplicity(line, bit, n, True, p_width, work, zones)
        return _at_least(line[NEURAL], p0, p1, p2, p3)
    if n < line[TRACKS]:
        return 0.0
    if same:
        return before
    if line[COS_OPENING] < 1.0:
        return _opening(line, bit, n, work, zones)
    p0, p1, p2, p3 = _multiplicity(line, bit, n, False, p_width, work, zones)
    return _at_least(line[TRACKS], p0, p1, p2, p3)


@inlined_kernel
def _muon_line(line, n, p_width, work):
    """Probability of a line of kind muon, from the n tracks that fire the muon detector."""
    if line[COS_OPENING] < 1.0:
        for a in range(1, n):
            for b in range(a):
                if work[MUON_X, a] * work[MUON_X, b] + work[MUON_Y, a] * work[MUON_Y, b] <= line[COS_OPENING]:
                    return 1.0
        return 0.0
    f0, f1 = 1.0, 0.0
    for a in range(n):
        e = 1.0
        if line[TRACKS] > 0.0:
            e = work[MUON_FOUND, a] * _turn_on(work[MUON_MOMENTUM, a] - line[P_MIN], p_width)
        f0, f1 = f0 * (1.0 - e), f1 * (1.0 - e) + f0 * e
    return 1.0 - f0 if line[MUONS] < 2.0 else max(0.0, 1.0 - f0 - f1)


@inlined_kernel
def _counts(threshold, width, n, work):
    """How many clusters are surely above a threshold, and the probabilities that 0, 1, 2, 3 others are."""
    sure = 0
    p0, p1, p2, p3 = 1.0, 0.0, 0.0, 0.0
    for a in range(n):
        x = work[ENERGY, a] - threshold
        if x >= WIDTHS * width:
            sure += 1
        elif x > -WIDTHS * width:
            e = _turn_on(x, width)
            p3 = p3 * (1.0 - e) + p2 * e
            p2 = p2 * (1.0 - e) + p1 * e
            p1 = p1 * (1.0 - e) + p0 * e
            p0 *= 1.0 - e
    return sure, p0, p1, p2, p3


@inlined_kernel
def _single_line(line, k, n, second, cover, work, zones):
    """Probability of a line of kind single, number k of those with a polar range; `second`: second largest energy."""
    width = line[WIDTH]
    reach = WIDTHS * width
    largest = work[MOST_CMS_INSIDE, k]
    # the cluster of the line may be the one with the largest energy, then the second is one of the others
    if largest <= line[CMS] - reach or second >= line[OTHER_MAX] + reach:
        return 0.0
    if math.isinf(line[OTHER_MAX]):
        if largest >= line[CMS] + reach:
            return 1.0
        none = 1.0
        for a in range(n):
            if cover[zones[OF_CLUSTERS, a], k] > 0.0:
                none *= 1.0 - _turn_on(work[ENERGY_CMS, a] - line[CMS], width)
        return 1.0 - none
    alone = _turn_on(largest - line[CMS], width)
    for a in range(n):
        # all but the cluster itself
        if work[ENERGY_CMS, a] != largest or cover[zones[OF_CLUSTERS, a], k] == 0.0:
            alone *= 1.0 - _turn_on(work[ENERGY, a] - line[OTHER_MAX], width)
    return alone


@inlined_kernel
def _pair_line(line, bit, surely, n, n_pairs, total, most, most_cms, work, zones):
    """Probability of a line of kind pair that a pair may pass, or `surely` does; `bit`: the line among its kind."""
    width = line[WIDTH]
    reach = WIDTHS * width
    if total >= line[TOTAL_MAX] + reach or most_cms >= line[CMS_MAX] + reach or most >= line[ALL_MAX] + reach:
        return 0.0
    best = 1.0
    if not surely:
        best = 0.0
        for m in range(n_pairs):
            if zones[PASSES, m] & bit != 0:
                hard, soft = work[HARDER, m], work[SOFTER, m]
                e = _turn_on(hard - line[ONE], width) * _turn_on(soft - line[CLUSTER], width)
                best = max(best, e * (1.0 - _turn_on(soft - line[OTHER_MAX], width)))
    if most_cms > line[CMS_MAX] - reach or most > line[ALL_MAX] - reach:
        for a in range(n):
            best *= 1.0 - _turn_on(work[ENERGY_CMS, a] - line[CMS_MAX], width)
            best *= 1.0 - _turn_on(work[ENERGY, a] - line[ALL_MAX], width)
    if total > line[TOTAL_MAX] - reach:
        best *= 1.0 - _turn_on(total - line[TOTAL_MAX], width)
    return best
