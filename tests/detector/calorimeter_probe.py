"""Event loops around the scalar kernels of the calorimeter."""

import math
from dataclasses import dataclass

import numpy as np

from toymc.detector.calorimeter.background import _background_clusters
from toymc.detector.calorimeter.charged import _track_cluster, _unmatched
from toymc.detector.calorimeter.electrons import MAX_BREMS, _photon_share, _radiate, _radiated_photons
from toymc.detector.calorimeter.hadrons import _neutral_hadron, _split_offs
from toymc.detector.calorimeter.merging import _merge_event, _overlap
from toymc.detector.calorimeter.photons import _pointing, _put, _shower
from toymc.detector.calorimeter.surface import _helix_impact, _impact, _material_row
from toymc.kernels import inlined_kernel, kernel
from toymc.lanes import WIDTH


@dataclass
class Clusters:
    """Rows of a run, with the event of each."""

    f: np.ndarray
    cov: np.ndarray
    i: np.ndarray
    event: np.ndarray

    @property
    def energy(self):
        return self.f[0]

    def p4(self):
        s = np.sin(self.f[1])
        return self.f[0] * np.stack([s * np.cos(self.f[2]), s * np.sin(self.f[2]), np.cos(self.f[1]), np.ones(s.size)])


def room(n):
    n += WIDTH  # vectors are read whole
    return np.empty((6, n)), np.empty((n, 3)), np.empty((4, n), np.int32)


def cut(blocks, n, offsets):
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return Clusters(blocks[0][:, :n], blocks[1][:n], blocks[2][:, :n], event)


@inlined_kernel
def _photon(
    rng, energy, x, y, z, ux, uy, uz, front, truth, numbers, regions, sigma, response, scale, outer, f, cov, ints, n
):
    """One photon, with the functions that the simulation gives eight."""
    measured, log_energy, vx, vy, vz, region = _shower(
        energy, x, y, z, ux, uy, uz, front, rng.random(), rng.standard_normal(), rng.standard_normal(),
        numbers, regions, sigma, response, scale, outer,
    )  # fmt: skip
    if not measured > 0.0:
        return n
    theta, phi, width, width_theta, width_phi = _pointing(
        rng.standard_normal(), rng.standard_normal(), log_energy, vx, vy, vz, 0.0, region, numbers, regions, sigma
    )
    return _put(
        measured, theta, phi, width, width_theta, width_phi, vx, vy, vz, region, truth,
        np.int32(1 if rng.random() < numbers.in_time else 0), f, cov, ints, n,
    )  # fmt: skip


@kernel
def _run_photons(
    rng, first, energy, x, u, front, merge, numbers, regions, sigma, response, scale, outer, f, cov, ints, at
):
    n = np.int64(0)
    impact = np.empty((3, 0))
    none = np.empty(0)
    regions, sigma, response, scale = regions.reshape(-1), sigma.reshape(-1), response.reshape(-1), scale.reshape(-1)
    for i in range(len(first) - 1):
        at[i] = n
        begin = n
        for j in range(first[i], first[i + 1]):
            n = _photon(
                rng, energy[j], x[j, 0], x[j, 1], x[j, 2], u[j, 0], u[j, 1], u[j, 2], front, j - first[i],
                numbers, regions, sigma, response, scale, outer, f, cov, ints, n,
            )  # fmt: skip
        if merge:
            n = _merge_event(rng, begin, n, 0, 0, impact, none, numbers, f, cov, ints)
    at[-1] = n
    return n


def photons(rng, tables, p4, per_event=1, position=None, front=0.0, merge=False):
    """Photons of four-momenta (n, 3) momentum; `per_event` consecutive ones belong together."""
    energy = np.sqrt((p4**2).sum(axis=1))
    x = np.zeros_like(p4) if position is None else np.ascontiguousarray(position, dtype=np.float64)
    first = np.arange(0, len(p4) + 1, per_event)
    at = np.empty(len(first), np.int64)
    blocks = room(len(p4))
    t = tables
    n = _run_photons(
        rng, first, energy, x, p4 / np.maximum(energy, 1e-300)[:, None], front, merge, t.numbers, t.regions, t.sigma,
        t.response, t.scale, t.outer, *blocks, at,
    )  # fmt: skip
    return cut(blocks, n, at)


@kernel
def _run_hadrons(rng, row, mass, given, x, p, numbers, regions, sigma, hadrons, visible, f, cov, ints, at, interacted):
    n = np.int64(0)
    regions, sigma, hadrons = regions.reshape(-1), sigma.reshape(-1), hadrons.reshape(-1)
    for j in range(len(p)):
        at[j] = n
        size = math.sqrt(p[j, 0] ** 2 + p[j, 1] ** 2 + p[j, 2] ** 2)
        scale = 1.0 / size if size > 0.0 else 0.0
        n, interacted[j] = _neutral_hadron(
            rng, row, size, mass, x[j, 0], x[j, 1], x[j, 2], p[j, 0] * scale, p[j, 1] * scale, p[j, 2] * scale,
            given, j,
            numbers, regions, sigma, hadrons, visible, f, cov, ints, n,
        )  # fmt: skip
    at[-1] = n
    return n


def hadrons(rng, tables, row, mass, p, position=None, given=-1):
    x = np.zeros_like(p) if position is None else np.ascontiguousarray(position, dtype=np.float64)
    at, interacted = np.empty(len(p) + 1, np.int64), np.empty(len(p), np.int64)
    blocks = room(4 * len(p))
    t = tables
    n = _run_hadrons(
        rng, row, mass, given, x, p, t.numbers, t.regions, t.sigma, t.hadrons, t.visible, *blocks, at, interacted
    )
    return cut(blocks, n, at), interacted


@kernel
def _run_tracks(
    rng, species, charge, mass, x, p, end_arc, radiates, found,
    numbers, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation,
    energy, v, interacted, radiated, f, cov, ints, at,
):  # fmt: skip
    n = np.int64(0)
    emitted, made = np.empty((MAX_BREMS, 4)), np.empty((MAX_BREMS, 8))
    impact = np.empty((3, len(p) + WIDTH))
    regions, sigma, response, scale = regions.reshape(-1), sigma.reshape(-1), response.reshape(-1), scale.reshape(-1)
    hadrons, ionisation = hadrons.reshape(-1), ionisation.reshape(-1)
    for j in range(len(p)):
        at[j] = n
        begin = n
        px, py, pz = p[j, 0], p[j, 1], p[j, 2]
        a, b, c = x[j, 0], x[j, 1], x[j, 2]
        pt = math.sqrt(px * px + py * py)
        size = math.sqrt(pt * pt + pz * pz)
        curvature = charge * numbers.gyration / max(pt, 1e-12)
        radiated[j] = 0.0
        if radiates and species == 0 and pt > 0.0:
            m = _radiate(rng, size, pz / pt, math.sqrt(a * a + b * b), numbers, shells, emitted)
            if m > 0:
                radiated[j] = size - emitted[m - 1, 2]
            a, b, c, px, py, pz, curvature = _radiated_photons(a, b, c, px, py, pz, curvature, emitted, m, made)
            for q in range(m):
                r = made[q]
                n = _photon(
                    rng, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], j, numbers, regions, sigma, response, scale,
                    outer, f, cov, ints, n,
                )  # fmt: skip
        e, vx, vy, vz, hit = _track_cluster(
            rng.standard_normal(), rng.standard_normal(), rng.random(), rng.random(), float(species), a, b, c,
            px, py, pz, mass, curvature, end_arc,
            numbers, regions, sigma, response, scale, outer, hadrons, visible, ionisation,
        )  # fmt: skip
        energy[j], interacted[j] = e, 1 if hit else 0
        v[j, 0], v[j, 1], v[j, 2] = vx, vy, vz
        impact[0, j], impact[1, j], impact[2, j] = vx, vy, vz
        if hit:
            available = math.sqrt(mass * mass + size * size)
            n = _split_offs(rng, vx, vy, vz, available, j, numbers, regions, sigma, f, cov, ints, n)
        if found:
            n = _merge_event(rng, begin, n, j, j + 1, impact, energy, numbers, f, cov, ints)
        else:
            n = _unmatched(rng, e, vx, vy, vz, j, numbers, regions, sigma, f, cov, ints, n)
    at[-1] = n
    return n


@dataclass
class Tracks:
    energy: np.ndarray
    v: np.ndarray
    interacted: np.ndarray
    radiated: np.ndarray
    clusters: Clusters


def tracks(rng, t, species, charge, mass, p, position=None, end_arc=math.inf, radiates=True, found=True):
    x = np.zeros_like(p) if position is None else np.ascontiguousarray(position, dtype=np.float64)
    n = len(p)
    energy, v, radiated, interacted = np.empty(n), np.empty((n, 3)), np.empty(n), np.empty(n, np.int64)
    at, blocks = np.empty(n + 1, np.int64), room((MAX_BREMS + 4) * n)
    rows = _run_tracks(
        rng, species, float(charge), mass, x, p, end_arc, radiates, found, t.numbers, t.regions, t.sigma,
        t.response, t.scale, t.outer, t.shells, t.hadrons, t.visible, t.ionisation,
        energy, v, interacted, radiated, *blocks, at,
    )  # fmt: skip
    return Tracks(energy, v, interacted, radiated, cut(blocks, rows, at))


@kernel
def _run_background(rng, numbers, regions, sigma, background, f, cov, ints, at):
    n = np.int64(0)
    regions, sigma = regions.reshape(-1), sigma.reshape(-1)
    for i in range(len(at) - 1):
        at[i] = n
        n = _background_clusters(rng, numbers, regions, sigma, background, f, cov, ints, n)
    at[-1] = n
    return n


def background(rng, t, events, capacity):
    at, blocks = np.empty(events + 1, np.int64), room(capacity)
    n = _run_background(rng, t.numbers, t.regions, t.sigma, t.background, *blocks, at)
    return cut(blocks, n, at)


@kernel
def _run_radiate(rng, p, tangent, rho, numbers, shells, left, radii, counts):
    emitted = np.empty((MAX_BREMS, 4))
    total = 0
    for j in range(len(left)):
        n = _radiate(rng, p, tangent, rho, numbers, shells, emitted)
        counts[j] = n
        left[j] = emitted[n - 1, 2] if n > 0 else p
        for m in range(n):
            if total < len(radii):
                radii[total] = emitted[m, 0]
                total += 1
    return total


def radiate(rng, t, p, tangent, rho, n):
    left, radii, counts = np.empty(n), np.empty(MAX_BREMS * n), np.empty(n, np.int64)
    total = _run_radiate(rng, p, tangent, rho, t.numbers, t.shells, left, radii, counts)
    return left, radii[:total], counts


@kernel
def _run_shares(rng, cutoff, out):
    for j in range(len(out)):
        out[j] = _photon_share(rng, cutoff)


def shares(rng, cutoff, n):
    out = np.empty(n)
    _run_shares(rng, cutoff, out)
    return out


@kernel
def overlap(a, b, region, numbers):
    return _overlap(a[0], a[1], a[2], b[0], b[1], b[2], region, numbers)


@kernel
def helix_impact(x, p, curvature, numbers):
    return _helix_impact(x[0], x[1], x[2], p[0], p[1], p[2], curvature, numbers)


@kernel
def impact(x, u, numbers):
    return _impact(x[0], x[1], x[2], u[0], u[1], u[2], numbers)


@kernel
def material_row(tangent, numbers, n):
    return _material_row(tangent, numbers, n)
