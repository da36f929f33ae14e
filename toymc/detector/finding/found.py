"""Whether a charged particle is found: table of prompt tracks times what the layers and the impact parameter leave.

The level is the efficiency e(pT, theta) of prompt tracks [card]. Relative to it a track is found by the vertex detector
alone or by the chamber alone,

    P / e = 1 - (1 - P_silicon) (1 - P_chamber),
    P_silicon = exp(-(d0/d_s)^2 - (z0/z_s)^2)                              with three strip layers or more, else 0,
    P_chamber = (1 - exp(-((n - n_min + 1)/h)^2)) ((1 - l) exp(-(d0/d_c)^2) + l)   with n >= n_min wire layers, else 0.

Counting layers is what decides for displaced tracks [E. Bertholet, A. Soffer, arXiv:2501.00857, for the Belle II
chamber]. n_min is what basf2 asks for; the chance to miss a track falls with the hits beyond n_min. The axial search of
the chamber transforms circles through the beam to points, and a circle that misses the beam smears out: its cells are
made for d0 up to d_c = 3 cm [basf2, trackFindingCDC/legendre]. What it misses is left to the local search (segments of
neighbouring hits joined by a cellular automaton), which knows no origin and finds the share l. h and l are calibrated
on two published averages, two numbers for two; nothing else is fitted. The networks know no origin either: l = 0 and a
d_c of their own, from two averages too. z0 costs the chamber nothing beyond the layers that are missed: no number is
published.

Why two parts and not one wide Gaussian in d0, which fits the two averages as well (h = 21.7, d_c = 49 cm): that one
knows nothing of the origin of the axial search, puts the losses of displaced tracks into the number of their hits, and
fails the closure with an analysis of displaced pairs, the dependence of the published limits on B -> K S(mu mu) on the
lifetime [arXiv:2306.02830], by a factor of two at ctau = 100 cm. That dependence has thus been seen before this form
was chosen; no number of it is used.

The two samples that fix h and l (for the networks h and d_c): (1) decays of a neutral particle of mass 1 GeV,
momentum 0.5 to 5 GeV, uniform along its flight inside the chamber, into two muons, chamber alone [arXiv:2411.13596];
(2) muons of 0.05 to 6 GeV, production radius uniform to 100 cm, any direction of flight, chamber and strips
[arXiv:2602.10897]. Both count charged particles in the acceptance that cross at least 7 wire layers; the hits are
those of the covariance engine. The abstracts leave mass, spectra and this denominator open: 0.5 to 4 GeV give 0.571
to 0.491 (baseline) and 0.875 to 0.798 (gnn) for (1). How the efficiency depends on radius, momentum, angle and impact
parameter is a prediction.

Limits: losses by decay and interaction before the third strip layer are in the table (pions in B pairs) and in the
transport too; together 0.6 % at 1 GeV, 1.5 % at 0.2 GeV, below the errors of the table. No effect of occupancy, of
neighbouring tracks or of the time in the run.

Independent check: tests/detector/test_finding.py samples both definitions and counts layers by a walk along the helix.
"""

import math

from toymc.kernels import inlined_kernel
from toymc.lane_math import exp_of
from toymc.lane_memory import taken
from toymc.lanes import chosen, higher_of, whole

_ALL_WIRES = 1e6
"""More wire layers than any chamber has."""


@inlined_kernel
def _level(pt, tan_lambda, efficiency, columns):
    """Prompt efficiency: table in (pT, tan lambda), outer cells beyond its edges.

    The table is flat, `columns` numbers a row: a row of edges in tan lambda, then rows that begin with an edge in pT.
    """
    k, j = whole(pt * 0.0) + 1, whole(tan_lambda * 0.0) + 1
    for row in range(2, len(efficiency) // columns):
        k += chosen(pt >= efficiency[row * columns], 1, 0)
    for column in range(2, columns):
        j += chosen(tan_lambda >= efficiency[column], 1, 0)
    return taken(efficiency, k * columns + j)


@inlined_kernel
def _chamber_share(d0, n_cdc, numbers):
    """Share of the level that the chamber alone finds."""
    more = n_cdc - numbers.min_hits + 1.0
    s = more / numbers.hit_scale
    from_beam = exp_of(-numbers.impact * d0 * d0)
    share = (1.0 - exp_of(-s * s)) * (from_beam + numbers.off_origin * (1.0 - from_beam))
    return chosen(more >= 1.0, share, 0.0)


@inlined_kernel
def _share(pt, tan_lambda, rho, d0, z0, n_svd, n_cdc, numbers):
    """Share of the level with which a charged particle is found (arguments of `_probability`).

    The acceptance in tan lambda is that of prompt tracks; NaN gives 0.
    """
    inside = (tan_lambda >= numbers.tan_low) & (tan_lambda <= numbers.tan_high)
    miss = numbers.silicon_d0 * d0 * d0 + numbers.silicon_z0 * z0 * z0
    prompt = chosen(miss > 1e-4, exp_of(-miss), 1.0)
    share = chosen(inside & (n_svd >= numbers.silicon_layers), prompt, 0.0)
    share = 1.0 - (1.0 - share) * (1.0 - _chamber_share(d0, n_cdc, numbers))
    there = (pt >= numbers.pt_min) & (d0 * d0 + z0 * z0 < 1e12) & (rho >= 0.0)
    return chosen(there & (inside | (rho >= numbers.prompt_radius)), higher_of(share, 0.0), 0.0)


@inlined_kernel
def _probability(pt, tan_lambda, rho, d0, z0, n_svd, n_cdc, numbers, efficiency, columns):
    """Probability that a charged particle is found; 0 for NaN.

    pt in GeV at production, rho the production radius, (d0, z0) of its helix at the point of closest approach to the z
    axis, cm; n_svd, n_cdc layers hit until its end. One particle or eight (see `toymc.lanes`).
    """
    share = _share(pt, tan_lambda, rho, d0, z0, n_svd, n_cdc, numbers)
    return share * _level(pt, tan_lambda, efficiency, columns)


@inlined_kernel
def _most(pt, tan_lambda, rho, start, d0, z0, numbers):
    """No layers give a larger share than this; `start` is the radius from which on the particle flies outwards."""
    strips = chosen(start < numbers.silicon_reach, numbers.silicon_layers, 0.0)
    return _share(pt, tan_lambda, rho, d0, z0, strips, _ALL_WIRES, numbers)


@inlined_kernel
def _flipped(rng, pt, numbers):
    """Whether the pattern of hits is followed the wrong way round (then see `_reversed`)."""
    return pt < numbers.flip_pt and rng.random() < numbers.flip_rate


@inlined_kernel
def _reversed(d0, phi0, omega, z0, tan_lambda):
    """The same curve in space, run through backwards: opposite charge and momentum at the same point."""
    phi = phi0 - math.pi if phi0 > 0.0 else phi0 + math.pi
    return -d0, phi, -omega, z0, -tan_lambda
