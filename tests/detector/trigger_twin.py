"""The trigger formulas once more, slowly and in plain Python, from the lines of the card."""

import math
from itertools import combinations

import numpy as np


def turn_on(x, width):
    """1/2 erfc(-x/(sqrt(2) width))."""
    return 0.5 * math.erfc(-x / (math.sqrt(2.0) * width))


def number_of(chances, k):
    """Probability that k or more of independent trials succeed, by the sum over all outcomes."""
    total = 0.0
    for outcome in range(2 ** len(chances)):
        hits = [(outcome >> i) & 1 for i in range(len(chances))]
        if sum(hits) >= k:
            total += math.prod(p if hit else 1.0 - p for p, hit in zip(chances, hits, strict=True))
    return total


def directions(card, u):
    """Energy in the CMS over that in the lab, theta and phi there, of a direction of a photon."""
    beta = np.array(card.beam.boost)
    gamma = 1.0 / math.sqrt(1.0 - beta @ beta)
    p = u + ((gamma - 1.0) * (u @ beta) / (beta @ beta) - gamma) * beta
    scale = gamma * (1.0 - beta @ u)
    return scale, math.atan2(math.hypot(p[0], p[1]), p[2]), math.atan2(p[1], p[0])


def clusters_of_event(card, tracks, clusters, first_t, last_t, first_c, last_c):
    """(energy, theta, energy CMS, theta CMS, phi CMS) of all clusters."""
    crystals = card.muons.crystals
    found = []
    for i in range(first_t, last_t):
        pt = math.hypot(tracks.px[i], tracks.py[i])
        if tracks.ecl_energy[i] <= 0.05 or pt == 0.0:
            continue
        slope = tracks.pz[i] / pt
        radius = crystals.barrel_r.value
        if slope > 0:
            radius = min(radius, crystals.forward_z.value / slope)
        if slope < 0:
            radius = min(radius, crystals.backward_z.value / slope)
        turned = math.asin(max(-1.0, min(1.0, 0.5 * tracks.omega[i] * radius)))
        phi = math.atan2(tracks.py[i], tracks.px[i]) - turned
        found.append((tracks.ecl_energy[i], math.atan2(1.0, slope), phi))
    for i in range(first_c, last_c):
        if clusters.energy[i] > 0.05:
            found.append((clusters.energy[i], clusters.theta[i], clusters.phi[i]))
    rows = []
    for energy, theta, phi in found:
        u = np.array([math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta)])
        scale, theta_cms, phi_cms = directions(card, u)
        rows.append((energy, theta, scale * energy, theta_cms, phi_cms))
    return rows


def inside(line, theta):
    """Whether a polar angle (rad) is in the range of a line."""
    degrees = math.degrees(theta)
    hole = line.hole_min_deg > 0.0 and line.hole_min_deg < degrees < line.hole_max_deg
    return line.theta_min_deg <= degrees <= line.theta_max_deg and not hole


def apart(a, b):
    """Deviations in degrees of two clusters from back to back in azimuth, and of the sum of their theta from 180."""
    dphi = abs(math.remainder(a[4] - b[4], 2.0 * math.pi))
    return 180.0 - math.degrees(dphi), abs(math.degrees(a[3] + b[3]) - 180.0)


def veto(card, clusters):
    """Probability of the Bhabha veto."""
    v, best = card.trigger.bhabha, 0.0
    for a, b in combinations(clusters, 2):
        total = math.degrees(a[3] + b[3])
        if apart(a, b)[0] <= v.dphi_deg.value and v.sum_theta_min_deg.value < total < v.sum_theta_max_deg.value:
            low, high = min(a[2], b[2]), max(a[2], b[2])
            chance = turn_on(low - v.both.value, v.width.value) * turn_on(high - v.one.value, v.width.value)
            best = max(best, chance)
    return best


def track_line(card, line, tracks):
    """`tracks`: (phi, theta, p, found, share of neural)."""
    width = card.trigger.track.p_width.value
    here = [t for t in tracks if inside(line, t[1])]
    if line.tracks == 0:
        chances = [t[3] * t[4] * (turn_on(t[2] - line.p_min, width) if line.p_min > 0 else 1.0) for t in here]
        return number_of(chances, line.neural)
    p = 0.0
    if line.opening_deg > 0:
        for a in here:
            others = [b[3] for b in here if math.cos(a[0] - b[0]) <= math.cos(math.radians(line.opening_deg))]
            p = max(p, a[3] * (1.0 - math.prod(1.0 - e for e in others)))
    else:
        p = number_of([t[3] for t in here], line.tracks)
    if line.neural > 0:
        p *= 1.0 - math.prod(1.0 - t[4] for t in here if t[3] > 0.0)
    return p


def muon_line(card, line, muons):
    """`muons`: (phi, p, found)."""
    if line.opening_deg > 0:
        limit = math.cos(math.radians(line.opening_deg))
        return float(any(math.cos(a[0] - b[0]) <= limit for a, b in combinations(muons, 2)))
    width = card.trigger.track.p_width.value
    chances = [m[2] * turn_on(m[1] - line.p_min, width) if line.tracks > 0 else 1.0 for m in muons]
    return number_of(chances, line.muons)


def single_line(line, clusters):
    """One cluster above `cms`, the others below `other_max`."""
    here = [c for c in clusters if inside(line, c[1])]
    if line.other_max == 0.0:
        return 1.0 - math.prod(1.0 - turn_on(c[2] - line.cms, line.width) for c in here)
    if not here:
        return 0.0
    hardest = max(here, key=lambda c: c[2])
    others = math.prod(1.0 - turn_on(c[0] - line.other_max, line.width) for c in clusters if c is not hardest)
    return turn_on(hardest[2] - line.cms, line.width) * others


def pair_line(line, clusters):
    """The pair that fires the line best, times the upper limits."""
    best = 0.0
    for a, b in combinations(clusters, 2):
        dphi, total = apart(a, b)
        if dphi <= line.dphi_deg and (line.sum_theta_deg == 180.0 or total <= line.sum_theta_deg):
            hard, soft = max(a[0], b[0]), min(a[0], b[0])
            e = turn_on(hard - line.one, line.width) * turn_on(soft - line.cluster, line.width)
            if line.other_max > 0.0:
                e *= 1.0 - turn_on(soft - line.other_max, line.width)
            best = max(best, e)
    for c in clusters:
        for limit, value in ((line.cms_max, c[2]), (line.all_max, c[0])):
            best *= 1.0 - turn_on(value - limit, line.width) if limit > 0.0 else 1.0
    if line.total_max > 0.0:
        best *= 1.0 - turn_on(sum(c[0] for c in clusters) - line.total_max, line.width)
    return best


def line_probability(card, line, tracks, muons, clusters):
    """Probability of a line without the Bhabha veto and the plateau."""
    if line.kind == "track":
        return track_line(card, line, tracks)
    if line.kind == "muon":
        return muon_line(card, line, muons)
    if line.kind == "single":
        return single_line(line, clusters)
    if line.kind == "pair":
        return pair_line(line, clusters)
    energies = [c[0] for c in clusters if inside(line, c[1])]
    if line.kind == "energy":
        return turn_on(sum(energies) - line.total, line.width)
    p = number_of([turn_on(c[0] - line.cluster, line.width) for c in clusters], line.clusters)
    return p * turn_on(max(energies, default=0.0) - line.one, line.width) if line.one > 0.0 else p


def lines_of_event(card, tracks, clusters, i):
    """Probability of every line of event i."""
    t, (t0, t1) = card.trigger.track, tracks.offsets[i : i + 2]
    c0, c1 = clusters.offsets[i : i + 2]
    objects, muons = [], []
    for j in range(t0, t1):
        pt = math.hypot(tracks.px[j], tracks.py[j])
        p, phi = math.hypot(pt, tracks.pz[j]), math.atan2(tracks.py[j], tracks.px[j])
        found = t.found.value * turn_on(pt - t.pt.value, t.pt_width.value)
        found = found if abs(tracks.d0[j]) < t.d0_max_cm.value else 0.0
        neural = t.neural.value / t.found.value if abs(tracks.z0[j]) < t.z_max_cm.value else 0.0
        objects.append((phi, math.atan2(pt, tracks.pz[j]), p, found, neural))
        if tracks.klm_layers[j] >= card.trigger.muon_layers.value - 1.0:
            muons.append((phi, p, found))
    showers = clusters_of_event(card, tracks, clusters, t0, t1, c0, c1)
    vetoed = veto(card, showers)
    return [
        line.plateau * line_probability(card, line, objects, muons, showers) * (1.0 - vetoed * (line.veto == "bhabha"))
        for line in card.trigger.lines
    ]
