"""Kernels of the muon detector: last layer of a charged track, clusters of neutral hadrons.

For a charged track the last layer is drawn from the range tables of its true species at the layer where a muon of its
momentum and direction would end. The tables were made with particles of that species as they leave the interaction
point, so they hold everything that happens to them on the way: decay in flight anywhere, interactions, punch-through,
scattering. Hence the rule that avoids counting decays twice: the table is chosen by the particle that the *track* is
matched to, and its fate is not looked at. A pion or kaon track whose particle decays behind its last hit, in the
crystals or in the iron draws from the pion or kaon table; a muon from a decay in the tracker that is found as a track
of its own draws from the muon table; daughters of decays behind the tracker have no track and fire nothing here.
Electrons end in the crystals. Tables of positive particles serve both charges but for protons.
"""

import math

from toymc.detector.muons.tables import LAYERS
from toymc.geometry.muons import OUTCOMES
from toymc.kernels import inlined_kernel, kernel
from toymc.lane_memory import taken
from toymc.lanes import chosen, lower_of, root, some, whole

_REGIONS = len(OUTCOMES)


@inlined_kernel
def _klm_expected(p, tan_lambda, numbers, reach, columns):
    """Region and last layer of a muon of this momentum (0 and -1 outside); NaN and infinities are outside.

    One track or eight (see `toymc.lanes`); `reach` is flat, `columns` numbers a row.
    """
    inside = (p >= numbers.p_min) & (tan_lambda >= numbers.tan_low) & (tan_lambda <= numbers.tan_high)
    along, across = chosen(inside, p, numbers.p_min), chosen(inside, tan_lambda, numbers.tan_low)
    i = lower_of(whole(lower_of((along - numbers.p_min) / numbers.p_step, 1e6)), len(reach) // columns - 1)
    j = lower_of(whole((across - numbers.tan_low) / numbers.tan_step + 0.5), columns - 1)
    packed = taken(reach, i * columns + j)
    region = packed >> 6
    # the barrel is reached above a transverse momentum
    soft = p < numbers.pt_min_barrel * root(1.0 + tan_lambda * tan_lambda)
    inside = inside & (region > 0) & (~(((region == 1) | (region == 3)) & soft))
    return chosen(inside, region, 0), chosen(inside, (packed & 63) - 1, -1)


@inlined_kernel
def _klm_last(u, species, charge, region, expected, numbers, cumulative):
    """Last layer hit, or -1, of a track whose region and last layer would be these if it were a muon.

    u is a uniform random number; `species` 0..4 for e, mu, pi, K, p (anything else: no hit) and `charge` are those of
    the particle the track is matched to; `numbers` and `cumulative` (flat) from `klm_tables`. One track or eight.
    """
    inside = (region > 0) & (region < _REGIONS) & (expected >= 0) & (expected < LAYERS)
    inside = inside & (species >= 1) & (species <= 4)
    u = (u - numbers.loss) / (1.0 - numbers.loss)
    kind = chosen((species == 4) & (charge < 0.0), 4, species - 1)
    at = chosen(inside, ((kind * _REGIONS + region) * LAYERS + expected) * (LAYERS + 1), 0)
    last = chosen(inside, expected, 0)
    # most hadrons leave no hit
    hits = inside & (u >= 0.0) & (u < taken(cumulative, at + last))
    deficit = last * 0
    more = hits & (u >= taken(cumulative, at))
    while some(more):
        deficit += chosen(more, 1, 0)
        more = more & (u >= taken(cumulative, at + deficit))
    return chosen(hits, last - deficit, -1)


@kernel
def _klm_neutral(rng, p, x, y, z, ux, uy, uz, numbers, neutral):
    """(layers, theta, phi) of the cluster of a K_L or neutron; layers is 0 if there is none.

    `p` in GeV, production point in cm, unit vector of the direction; theta and phi in rad from the origin to where it
    enters the yoke, smeared. Nothing is drawn for a neutral that misses the yoke.
    """
    # where it meets the inner cylinder or the face of an end yoke, whichever comes first
    best = math.inf
    a = ux * ux + uy * uy
    b = x * ux + y * uy
    c = x * x + y * y - numbers.barrel_r * numbers.barrel_r
    if a > 0.0 and c < 0.0:
        best = (-b + math.sqrt(b * b - a * c)) / a
    if uz > 0.0 and z < numbers.forward_z:
        best = min(best, (numbers.forward_z - z) / uz)
    elif uz < 0.0 and z > numbers.backward_z:
        best = min(best, (numbers.backward_z - z) / uz)
    if not best < 1e5 or not p >= 0.0:
        return 0, 0.0, 0.0
    x += best * ux
    y += best * uy
    z += best * uz
    rho = math.sqrt(x * x + y * y)
    if not (rho > 0.0 and z >= numbers.tan_low * rho and z <= numbers.tan_high * rho):
        return 0, 0.0, 0.0
    k = min(int(min(p / numbers.neutral_p_step, 1e6)), len(neutral) - 1)
    if rng.random() >= neutral[k] * (1.0 - numbers.loss):
        return 0, 0.0, 0.0
    sine = rho / math.sqrt(rho * rho + z * z)
    theta = math.acos(z / math.sqrt(rho * rho + z * z)) + numbers.neutral_angle * rng.standard_normal()
    phi = math.atan2(y, x) + numbers.neutral_angle / sine * rng.standard_normal()
    theta = min(max(theta, 0.0), math.pi)
    phi -= 2.0 * math.pi * math.floor((phi + math.pi) / (2.0 * math.pi))
    # Poisson by waiting times: numba's own allocates
    layers = numbers.neutral_layers
    at = rng.standard_exponential()
    while at < numbers.neutral_extra and layers < 15:
        layers += 1
        at += rng.standard_exponential()
    return layers, theta, phi
