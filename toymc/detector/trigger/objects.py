"""What the level-1 trigger looks at: tracks and calorimeter clusters of eight events side by side.

Each lane is an event. `work` holds, for slot a of the events, WIDTH numbers for each of ROWS quantities: slots 0 to
n_tracks - 1 are the tracks and the clusters that they leave, the further ones the neutral clusters. An event with fewer
objects than its neighbours has empty slots: tracks with a probability of 0, clusters without energy.
"""

import math

import numpy as np
from numpy.polynomial import chebyshev

from toymc.detector.trigger.tables import WIDTHS
from toymc.kernels import inlined_kernel
from toymc.lane_math import atan2_of, cos_sin_of
from toymc.lane_memory import gathered, loaded, stored
from toymc.lanes import WIDTH, chosen, filled, higher_of, lower_of, real, root, some, whole

MAX_CLUSTERS, MAX_TRACKS = 32, 32
"""Neutral clusters and tracks of an event that are looked at."""
SLOTS = MAX_CLUSTERS + MAX_TRACKS
# clusters: energy, 0 for none; in the centre-of-mass system (CMS) the direction times `SCALE_CMS`, the energy over that
# in the lab; `ACROSS` is the part of it across the beams; cosine of the polar angle in the lab
ENERGY, ENERGY_CMS, X_CMS, Y_CMS, Z_CMS, ACROSS_CMS, SCALE_CMS, COSINE = range(8)
# tracks: direction in the transverse plane, tan(lambda), momentum, probability to be found, share of that with a neural
# track, 1 for those that fire the muon detector
TRACK_X, TRACK_Y, TANGENT, MOMENTUM, FOUND, NEURAL_SHARE, MUON = range(8, 15)
ROWS = 15

# slots of the pairs: those of the first n slots are the first n (n - 1)/2
_A, _B = np.tril_indices(SLOTS, -1)

_FAINT = 0.05  # GeV: clusters below it pass no threshold of any line


def _series() -> tuple[float, ...]:
    """(T - 1/2)/s of the turn-on T as a polynomial in s^2/8 - 1, from its values at Chebyshev's points of |s| < 4."""
    degree = 11
    nodes = np.cos((np.arange(degree + 1) + 0.5) * math.pi / (degree + 1))
    s = WIDTHS * np.sqrt(0.5 * (nodes + 1.0))
    values = np.array([0.5 * math.erf(x / math.sqrt(2.0)) / x for x in s])
    return tuple(float(c) for c in chebyshev.cheb2poly(chebyshev.chebfit(nodes, values, degree)))


_P = _series()


@inlined_kernel
def _turn_on(x, width):
    """1/2 erfc(-x/(sqrt(2) width)) to 3e-8; 0 and 1 beyond four widths."""
    s = x * (1.0 / width)
    r = lower_of(higher_of(s, -WIDTHS), WIDTHS)
    z = r * r * (2.0 / (WIDTHS * WIDTHS)) - 1.0
    # in pairs: half of the latency of one product after the other
    z2 = z * z
    z4 = z2 * z2
    p = (_P[8] + z * _P[9]) + z2 * (_P[10] + z * _P[11])
    p = ((_P[4] + z * _P[5]) + z2 * (_P[6] + z * _P[7])) + z4 * p
    p = ((_P[0] + z * _P[1]) + z2 * (_P[2] + z * _P[3])) + z4 * p
    return chosen(s >= WIDTHS, 1.0, chosen(s > -WIDTHS, 0.5 + r * p, 0.0))


@inlined_kernel
def _of(work, row, a):
    """A quantity of slot a."""
    return loaded(work, WIDTH * (ROWS * a + row))


@inlined_kernel
def _keep(work, row, a, value):
    """Write a quantity of slot a."""
    stored(work, WIDTH * (ROWS * a + row), value)


@inlined_kernel
def _fill_cluster(work, a, energy, ux, uy, uz, numbers):
    """Slot a of the clusters from energies and directions in the lab."""
    dot = numbers.beta_x * ux + numbers.beta_y * uy + numbers.beta_z * uz
    along = numbers.boost_factor * dot - numbers.gamma
    scale = numbers.gamma * (1.0 - dot)
    x = ux + along * numbers.beta_x
    y = uy + along * numbers.beta_y
    energy = chosen(energy > _FAINT, energy, 0.0)
    _keep(work, ENERGY, a, energy)
    _keep(work, ENERGY_CMS, a, energy * scale)
    _keep(work, X_CMS, a, x)
    _keep(work, Y_CMS, a, y)
    _keep(work, Z_CMS, a, uz + along * numbers.beta_z)
    _keep(work, ACROSS_CMS, a, root(x * x + y * y))
    _keep(work, SCALE_CMS, a, scale)
    _keep(work, COSINE, a, uz)


@inlined_kernel
def _fill_tracks(n, first, count, px, py, pz, omega, d0, z0, deposit, klm_layers, numbers, work):
    """Fill in n slots of tracks, `count` of which an event has, and of their clusters; tracks with muons, by event.

    A track turns by asin(omega r/2) on its way to the crystals at radius r; curlers end a quarter turn away.
    """
    muons = filled(0.0)
    for a in range(n):
        here = count > float(a)
        at = whole(chosen(here, first + float(a), 0.0))
        x, y, z = gathered(px, at), gathered(py, at), gathered(pz, at)
        pt2 = x * x + y * y
        moves = here & (pt2 > 0.0)
        pt = root(pt2)
        p = root(pt2 + z * z)
        inverse = chosen(moves, 1.0 / pt, 0.0)
        found = chosen(
            moves & (abs(gathered(d0, at)) < numbers.d0_max),
            numbers.found * _turn_on(pt - numbers.pt, numbers.pt_width),
            0.0,
        )
        neural = (found > 0.0) & (abs(gathered(z0, at)) < numbers.z_max)
        muon = chosen(here & (real(gathered(klm_layers, at)) >= numbers.muon_layer), filled(1.0), 0.0)
        muons += muon
        _keep(work, TRACK_X, a, x * inverse)
        _keep(work, TRACK_Y, a, y * inverse)
        _keep(work, TANGENT, a, z * inverse)
        _keep(work, MOMENTUM, a, p)
        _keep(work, FOUND, a, found)
        _keep(work, NEURAL_SHARE, a, chosen(neural, filled(numbers.neural_ratio), 0.0))
        _keep(work, MUON, a, muon)
        # end caps: the radius where the straight line crosses them
        far = chosen(z > 0.0, filled(numbers.forward_z), -numbers.backward_z) * pt
        radius = chosen(abs(z) * numbers.radius > far, far / abs(z), numbers.radius)
        s = lower_of(higher_of(0.5 * gathered(omega, at) * radius, -1.0), 1.0)
        c = root(1.0 - s * s)
        share = chosen(moves, 1.0 / p, 0.0)
        energy = chosen(moves, gathered(deposit, at), 0.0)
        _fill_cluster(work, a, energy, (x * c + y * s) * share, (y * c - x * s) * share, z * share, numbers)
    return muons


@inlined_kernel
def _fill_clusters(start, n, first, count, energy, theta, phi, numbers, work):
    """Fill in n slots of neutral clusters, `count` of which an event has, from slot `start` on."""
    for a in range(n):
        here = count > float(a)
        at = whole(chosen(here, first + float(a), 0.0))
        z, across = cos_sin_of(gathered(theta, at))
        x, y = cos_sin_of(gathered(phi, at))
        _fill_cluster(work, start + a, chosen(here, gathered(energy, at), 0.0), across * x, across * y, z, numbers)


@inlined_kernel
def _fill_chances(n, turn_ons, work, chances):
    """Probability of n slots of clusters to pass each of the thresholds `turn_ons` (threshold, width) in the lab."""
    for a in range(n):
        energy = _of(work, ENERGY, a)
        for m in range(len(turn_ons)):
            p = chosen(energy > 0.0, _turn_on(energy - turn_ons[m, 0], turn_ons[m, 1]), 0.0)
            stored(chances, WIDTH * (len(turn_ons) * a + m), p)


@inlined_kernel
def _fill_pairs(n, work, pairs):
    """Angles in the CMS of the pairs of n slots of clusters, up to common factors.

    Cosine of the azimuth between them and its denominator, cosine of the sum of their theta and its denominator.
    """
    for m in range(n * (n - 1) // 2):
        a, b, at = _A[m], _B[m], 4 * WIDTH * m
        across = _of(work, ACROSS_CMS, a) * _of(work, ACROSS_CMS, b)
        flat = _of(work, X_CMS, a) * _of(work, X_CMS, b) + _of(work, Y_CMS, a) * _of(work, Y_CMS, b)
        stored(pairs, at, flat)
        stored(pairs, at + WIDTH, across)
        stored(pairs, at + 2 * WIDTH, _of(work, Z_CMS, a) * _of(work, Z_CMS, b) - across)
        stored(pairs, at + 3 * WIDTH, _of(work, SCALE_CMS, a) * _of(work, SCALE_CMS, b))


@inlined_kernel
def _largest(n, work):
    """Sum, largest and second largest energy of the clusters, largest in the CMS."""
    total, most, second, most_cms = filled(0.0), filled(0.0), filled(0.0), filled(0.0)
    for a in range(n):
        e = _of(work, ENERGY, a)
        total += e
        second = higher_of(second, lower_of(e, most))
        most = higher_of(most, e)
        most_cms = higher_of(most_cms, _of(work, ENERGY_CMS, a))
    return total, most, second, most_cms


@inlined_kernel
def _inside(limits, value):
    """Whether a value lies in a range without its hole (`ranges` of `TriggerTables`)."""
    here = (value > limits[0]) & (value < limits[1])
    if limits[2] < limits[3]:
        here &= (value <= limits[2]) | (value >= limits[3])
    return here


@inlined_kernel
def _veto(n, most_cms, numbers, work):
    """Probability that two clusters back to back are taken for a Bhabha event."""
    veto = filled(0.0)
    reach = WIDTHS * numbers.veto_width
    if not some(most_cms >= numbers.veto_one - reach):
        return veto
    for a in range(1, n):
        x, y, z = _of(work, X_CMS, a), _of(work, Y_CMS, a), _of(work, Z_CMS, a)
        across, energy = _of(work, ACROSS_CMS, a), _of(work, ENERGY_CMS, a)
        for b in range(a):
            low = lower_of(energy, _of(work, ENERGY_CMS, b))
            flat = across * _of(work, ACROSS_CMS, b)
            apart = x * _of(work, X_CMS, b) + y * _of(work, Y_CMS, b) <= numbers.cos_dphi_veto * flat
            hit = apart & (low > numbers.veto_both - reach)
            if not some(hit):
                continue
            # sine and cosine of the sum of theta, up to a common factor
            sine = z * _of(work, ACROSS_CMS, b) + across * _of(work, Z_CMS, b)
            total = atan2_of(sine, z * _of(work, Z_CMS, b) - flat)
            total = chosen(total < 0.0, total + 2.0 * math.pi, total)
            hit &= (total > numbers.sum_theta_low) & (total < numbers.sum_theta_high)
            high = higher_of(energy, _of(work, ENERGY_CMS, b))
            p = _turn_on(low - numbers.veto_both, numbers.veto_width)
            p *= _turn_on(high - numbers.veto_one, numbers.veto_width)
            veto = chosen(hit & (p > veto), p, veto)
    return veto
