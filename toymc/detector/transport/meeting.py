"""Which pieces of material eight stretches of paths meet: a list of those that may be met, and the exact answer.

Whether a piece is met is asked for all pieces in one go, without a branch: between bounds of the arc at which its
cylinder is crossed (`_limits_at`) most answers are already sure. A processor that has to guess at every piece whether
it is met guesses wrong at every third, and waits for square roots each time (1.2 against 0.9 us for a group, measured).
"""

import numpy as np

from toymc.detector.transport.lane_path import _arc_at, _limits_at, _slope_at
from toymc.detector.transport.path import FAR
from toymc.detector.transport.walk import _SKIN, R0, R1, Z0, Z1
from toymc.kernels import inlined_kernel
from toymc.lane_math import cos_sin_of
from toymc.lane_memory import stored
from toymc.lanes import WIDTH, chosen, filled, higher_of, lane, lower_of, root, some

# states of a piece for a path
_PERHAPS, _MET = 1.0, 2.0
# cm around a stretch in which pieces are looked at
_MARGIN_CM = 1e-3


@inlined_kernel
def _near_slanted(
    low, high, z0, z1, outward, stop, z, tangent, charged, perigee2, per_circle, circle, turned, miss2, along
):  # fmt: skip
    """Whether paths may cross a slanted piece between the radii low and high: by their heights there."""
    first, last, crosses = _limits_at(filled(low), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
    first_out, last_out, crosses_out = _limits_at(
        filled(high), outward, charged, perigee2, per_circle, circle, turned, miss2, along
    )
    if outward:
        begin, end = chosen(crosses, first, 0.0), chosen(crosses_out, last_out, stop)
    else:
        begin, end = chosen(crosses_out, first_out, 0.0), chosen(crosses, last, stop)
    z_begin, z_end = z + begin * tangent, z + end * tangent
    above, below = higher_of(z_begin, z_end) > z0, lower_of(z_begin, z_end) < z1
    return above & below & (begin < stop) & (end > 0.0)


@inlined_kernel
def _slanted(
    r0, z0, r1, z1, outward, alive, z, tangent, charged, perigee2, per_circle, centre, circle, turned, miss2, along
):  # fmt: skip
    """`walk._cone_crossing`: arc at which a slanted piece is crossed, radial slope, whether; Newton's steps.

    `alive`: who may cross it.
    """
    low, high = min(r0, r1), max(r0, r1)
    rise = (r1 - r0) / (z1 - z0)
    r = filled(0.5 * (low + high))
    best, slope = filled(FAR), filled(1.0)
    found = alive & ~alive
    for _ in range(6):
        h, square = (r * r - perigee2) * per_circle, r * r - miss2
        alive = alive & ((charged & (h > 0.0) & (h < 1.0)) | (~charged & (square > 0.0)))
        arc = _arc_at(r, outward, charged, perigee2, per_circle, circle, turned, miss2, along)
        u = _slope_at(r, 1.0 / r, outward, charged, perigee2, per_circle, centre, miss2)
        off = r - (r0 + rise * (z + arc * tangent - z0))
        there = alive & (abs(off) < 1e-5)
        best, slope = chosen(there, arc, best), chosen(there, u, slope)
        found = found | there
        alive = alive & ~there
        derivative = chosen(abs(u) > 1e-6, 1.0 - rise * tangent / u, 1.0)
        alive = alive & ~(abs(derivative) < 1e-6)
        if not some(alive):
            break
        r = lower_of(higher_of(r - off / derivative, low), high)
    return best, slope, found


@inlined_kernel
def _on_piece(arc, at, stop, z0, z1):
    """Whether the point at this arc and height is on the stretch and on the piece."""
    return (arc > _SKIN) & (arc < stop) & (at > z0) & (at < z1)


@inlined_kernel
def _rho_at(arc, charged, circle, centre, perigee2, start, along, miss2):
    """Distance from the axis."""
    s = along + arc
    _, half = cos_sin_of(0.5 * (start + arc / circle))
    return root(chosen(charged, perigee2 + 4.0 * circle * centre * half * half, miss2 + s * s))


@inlined_kernel
def _between(one, other):
    """Least and largest radius of eight stretches from those of their ends, with a margin."""
    low, high = lower_of(one, other), higher_of(one, other)
    least, most = lane(low, 0), lane(high, 0)
    for k in range(1, WIDTH):
        least, most = min(least, lane(low, k)), max(most, lane(high, k))
    return least - _MARGIN_CM, most + _MARGIN_CM


@inlined_kernel
def _ring_state(first, last, crosses, z0, z1, stop, z, tangent):
    """State of a cylinder from z0 to z1 that is crossed somewhere between the arcs `first` and `last`; 0: missed."""
    z_first, z_last = z + first * tangent, z + last * tangent
    low, high = lower_of(z_first, z_last), higher_of(z_first, z_last)
    # least distances instead of four comparisons each: those wait for each other
    met = lower_of(lower_of(first - _SKIN, stop - last), lower_of(low - z0, z1 - high)) > 0.0
    perhaps = lower_of(lower_of(last - _SKIN, stop - first), lower_of(high - z0, z1 - low)) > 0.0
    return chosen(crosses, chosen(met, _MET, chosen(perhaps, _PERHAPS, filled(0.0))), 0.0)


@inlined_kernel
def _list_pieces(
    pieces, least, most, inner, early, outward, stop, z, tangent,
    charged, perigee2, per_circle, circle, turned, miss2, along, listed, states,
):  # fmt: skip
    """Pieces that may be met, in order, with the states of the eight paths; their number.

    Between the radii `least` and `most`; by each path from the radius `inner` on; slanted ones by `early` paths alone.
    """
    n = np.int64(0)
    radius, first, last, crosses = -1.0, stop, stop, early
    for count in range(len(pieces)):
        k = count if outward else len(pieces) - 1 - count
        r0, z0, r1, z1 = pieces[k, R0], pieces[k, Z0], pieces[k, R1], pieces[k, Z1]
        if max(r0, r1) < least or min(r0, r1) > most:
            continue
        if r0 == r1:
            if r0 != radius:
                # neighbours mostly have the same radius
                radius = r0
                first, last, crosses = _limits_at(
                    filled(r0), outward, charged, perigee2, per_circle, circle, turned, miss2, along
                )
            state = _ring_state(first, last, crosses & (inner <= r0), z0, z1, stop, z, tangent)
        else:
            reaches = early & (inner <= max(r0, r1))
            if not some(reaches):
                continue
            near = reaches & _near_slanted(
                min(r0, r1), max(r0, r1), z0, z1, outward, stop, z, tangent,
                charged, perigee2, per_circle, circle, turned, miss2, along,
            )  # fmt: skip
            state = chosen(near, filled(_PERHAPS), 0.0)
        # written for all, kept for some
        listed[n] = k
        stored(states, WIDTH * n, state)
        n += 1 if some(state > 0.0) else 0
    return n


@inlined_kernel
def _meet(
    piece, state, outward, stop, z, tangent,
    charged, perigee2, per_circle, centre, circle, turned, miss2, along,
):  # fmt: skip
    """Whether a listed piece is met, the radial slope there, and the arc (of a cylinder: where it was worked out)."""
    r0, z0, r1, z1 = piece[R0], piece[Z0], piece[R1], piece[Z1]
    met, perhaps = state == _MET, state == _PERHAPS
    arc = stop
    if r0 == r1:
        if some(perhaps):
            arc = _arc_at(filled(r0), outward, charged, perigee2, per_circle, circle, turned, miss2, along)
            met = met | (perhaps & _on_piece(arc, z + arc * tangent, stop, z0, z1))
        return met, _slope_at(filled(r0), 1.0 / r0, outward, charged, perigee2, per_circle, centre, miss2), arc
    arc, u, met = _slanted(
        r0, z0, r1, z1, outward, perhaps, z, tangent,
        charged, perigee2, per_circle, centre, circle, turned, miss2, along,
    )  # fmt: skip
    return met & _on_piece(arc, z + arc * tangent, stop, z0, z1), u, arc
