"""The slow twin of the covariance engine: weight matrix over all measurements, every derivative by finite differences.

It shares the table of surfaces with the engine and nothing else: crossings by root finding along the helix,
measurements as coordinates of the crossing point, scattering by turning the momentum at a surface and looking where the
later surfaces are met, energy loss by shortening the momentum there. Dense matrices in numpy.
"""

import math

import numpy as np
from scipy.optimize import brentq

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.covariance import surfaces as s
from toymc.detector.helix import helix_from_state


class Twin:
    """Dense calculation for one particle."""

    def __init__(self, surfaces, constants, state, charge, mass):
        self.surfaces, self.constants, self.charge, self.mass = surfaces, constants, charge, mass
        self.state = np.array(state, dtype=float)
        self.start_radius = math.hypot(self.state[0], self.state[1])
        self.perigee = self.helix(self.state)

    def helix(self, state):
        return helix_from_state(np.array([state]), np.array([self.charge]), self.constants.field)[0]

    def point(self, par, arc):
        """Position and unit-transverse direction at an arc from the perigee."""
        d0, phi0, omega, z0, t = par
        x = d0 * math.sin(phi0) + (math.sin(phi0) - math.sin(phi0 - omega * arc)) / omega
        y = -d0 * math.cos(phi0) - (math.cos(phi0) - math.cos(phi0 - omega * arc)) / omega
        phi = phi0 - omega * arc
        return np.array([x, y, z0 + arc * t]), np.array([math.cos(phi), math.sin(phi), t])

    def surface_radius(self, surface, z):
        if surface[s.KIND] == 2:
            return math.sqrt(surface[s.RADIUS] ** 2 + surface[s.SLOPE] * (z - surface[s.Z_MIDDLE]) ** 2)
        return surface[s.RADIUS] + surface[s.SLOPE] * (z - surface[s.Z_MIN])

    def crossing(self, par, surface):
        """Arc of the first outgoing crossing, None if there is none."""

        def gap(arc):
            at, _ = self.point(par, arc)
            return math.hypot(at[0], at[1]) - self.surface_radius(surface, at[2])

        far = math.pi / abs(par[2]) * (1.0 - 1e-9)
        arcs = np.linspace(0.0, far, 400)
        values = [gap(a) for a in arcs]
        for a, b, low, high in zip(arcs, arcs[1:], values, values[1:], strict=False):
            if low < 0.0 <= high:
                return brentq(gap, a, b, xtol=1e-13, rtol=1e-15)
        return None

    def near(self, par, surface, guess):
        """Arc of the crossing next to a known one."""

        def gap(arc):
            at, _ = self.point(par, arc)
            return math.hypot(at[0], at[1]) - self.surface_radius(surface, at[2])

        width = 0.05
        return brentq(gap, guess - width, guess + width, xtol=1e-14, rtol=1e-15)

    def oblique(self, par, arc):
        at, way = self.point(par, arc)
        r = math.hypot(at[0], at[1])
        return abs(at[0] * way[1] - at[1] * way[0]) / r

    def follow(self):
        """Crossings: (surface, arc, helix in front, helix behind, energy in front)."""
        found, layer, par = [], -1.0, self.perigee
        momentum = math.sqrt(sum(self.state[3:] ** 2))
        energy = math.hypot(momentum, self.mass)
        log_bg = math.log(momentum / self.mass)
        for surface in self.surfaces:
            if surface[s.KIND] == 1 and surface[s.LAYER] == layer:
                continue
            arc = self.crossing(par, surface)
            if arc is None:
                continue
            at, way = self.point(par, arc)
            inside = surface[s.Z_MIN] <= at[2] <= surface[s.Z_MAX]
            if not inside or math.hypot(at[0], at[1]) <= self.start_radius:
                continue
            if self.oblique(par, arc) > self.constants.sin_max:
                continue
            layer = surface[s.LAYER]
            normal = self.normal(surface, at)
            cosine = abs(normal @ way) / np.linalg.norm(way)
            entry = {"surface": surface, "arc": arc, "par": par, "energy": energy, "cosine": cosine, "loss": 0.0}
            if self.constants.losing and surface[s.LOSS] > 0.0:
                beta2 = 1.0 - (self.mass / energy) ** 2
                delta = max(surface[s.PLASMA] + log_bg, 0.0)
                entry["loss"] = surface[s.LOSS] / cosine / beta2 * (surface[s.EXCITATION] + 2 * log_bg - beta2 - delta)
                energy -= entry["loss"]
                par = self.behind(par, arc, entry["loss"])
            found.append(entry)
        return found

    def normal(self, surface, at):
        r = math.hypot(at[0], at[1])
        radial = np.array([at[0] / r, at[1] / r, 0.0])
        if surface[s.KIND] == 1:
            return radial * surface[s.COS] + np.array([0.0, 0.0, surface[s.SIN]])
        return radial

    def momentum(self, par):
        return OMEGA_PER_TESLA_GEV_CM * self.constants.field / abs(par[2])

    def behind(self, par, arc, loss):
        """Helix behind a surface where `loss` of energy is left."""
        at, way = self.point(par, arc)
        p = self.momentum(par) * math.sqrt(1 + par[4] ** 2)
        after = math.sqrt((math.hypot(p, self.mass) - loss) ** 2 - self.mass**2)
        return self.helix([*at, *(way / np.linalg.norm(way) * after)])

    def kicked(self, par, arc, in_plane, dip):
        at, way = self.point(par, arc)
        p = self.momentum(par) * math.sqrt(1 + par[4] ** 2)
        phi, lam = math.atan2(way[1], way[0]) + in_plane, math.atan(par[4]) + dip
        if not self.constants.bending:  # projections apart: pT stays
            p *= math.cos(math.atan(par[4])) / math.cos(lam)
        direction = [math.cos(lam) * math.cos(phi), math.cos(lam) * math.sin(phi), math.sin(lam)]
        return self.helix([*at, *(p * np.array(direction))])

    def coordinates(self, entry, par):
        """Measured coordinates of a track with parameters `par` in front of the surface, from the nominal crossing."""
        surface = entry["surface"]
        nominal, way = self.point(entry["par"], entry["arc"])
        r = math.hypot(nominal[0], nominal[1])
        azimuthal = np.array([-nominal[1] / r, nominal[0] / r, 0.0])
        if surface[s.KIND] == 2:
            wire = surface[s.SIN] * azimuthal + np.array([0.0, 0.0, surface[s.COS]])
            across = np.cross(wire, way)
            at, _ = self.point(par, entry["arc"])
            return [(across @ (at - nominal)) / np.linalg.norm(across)]
        at, _ = self.point(par, self.near(par, surface, entry["arc"]))
        turn = math.atan2(at[1], at[0]) - math.atan2(nominal[1], nominal[0])
        turn -= 2 * math.pi * round(turn / (2 * math.pi))
        along = np.array([-surface[s.SIN], surface[s.COS]])
        moved = np.array([math.hypot(at[0], at[1]) - r, at[2] - nominal[2]])
        return [r * turn, along @ moved]

    def measured(self, path, first, par):
        """All measurements from crossing `first` on, of a track that has `par` in front of it."""
        values = []
        for entry in path[first:]:
            if entry["surface"][s.WEIGHT_U] > 0.0:
                values.extend(self.coordinates(entry, par))
            if entry["loss"] > 0.0:
                arc = self.near(par, self.cylinder(entry), entry["arc"])
                par = self.behind(par, arc, entry["loss"])
        return np.array(values)

    def cylinder(self, entry):
        """The surface; wires as the cylinder through the nominal crossing."""
        surface = entry["surface"].copy()
        if surface[s.KIND] == 2:
            at, _ = self.point(entry["par"], entry["arc"])
            surface[s.RADIUS], surface[s.SLOPE] = math.hypot(at[0], at[1]), 0.0
        return surface

    def covariance(self):
        """(5, 5) covariance of the perigee parameters, and the number of measuring crossings."""
        path = self.follow()
        last = max(k for k, e in enumerate(path) if e["surface"][s.WEIGHT_U] > 0.0)
        path = path[: last + 1]
        variances, first_of = [], []
        for entry in path:
            first_of.append(len(variances))
            if entry["surface"][s.WEIGHT_U] > 0.0:
                variances.append(1.0 / entry["surface"][s.WEIGHT_U])
                if entry["surface"][s.KIND] == 1:
                    variances.append(1.0 / entry["surface"][s.WEIGHT_V])
        v = np.diag(variances)
        depth = [e["surface"][s.DEPTH] / e["cosine"] for e in path]
        p = math.sqrt(sum(self.state[3:] ** 2))
        bracket = 1.0 + self.constants.highland_log * math.log(sum(depth) * (1 + self.mass**2 / p**2))
        for k, entry in enumerate(path):
            if depth[k] == 0.0 or k == last:
                continue
            p2 = entry["energy"] ** 2 - self.mass**2
            theta = self.constants.highland * bracket * math.sqrt(depth[k]) * entry["energy"] / p2
            par, arc = entry["par"], entry["arc"]
            for kick in ((1.0 / math.cos(math.atan(par[4])), 0.0), (0.0, 1.0)):
                shifted = []
                for sign in (1.0, -1.0):
                    new = self.kicked(par, arc, *(sign * 1e-5 * np.array(kick)))
                    # behind the surface: the loss happens to the kicked track, at the same point
                    if entry["loss"] > 0.0:
                        here = self.arc_of(new, par, arc)
                        new = self.behind(new, here, entry["loss"])
                    shifted.append(self.measured(path, k + 1, new))
                d = np.zeros(len(v))
                start = first_of[k + 1] if k + 1 < len(first_of) else len(v)
                d[start:] = (shifted[0] - shifted[1]) / 2e-5
                v += theta**2 * np.outer(d, d)
        h = np.empty((len(v), 5))
        for j, step in enumerate((1e-4, 1e-5, 1e-8, 1e-4, 1e-5)):
            change = np.zeros(5)
            change[j] = step
            up, down = self.measured(path, 0, self.perigee + change), self.measured(path, 0, self.perigee - change)
            h[:, j] = (up - down) / (2 * step)
        self.path, self.first_of, self.h, self.weighted = path, first_of, h, np.linalg.solve(v, h)
        return np.linalg.inv(h.T @ self.weighted), last + 1

    def response(self, radius):
        """Change of the fitted parameters per unit of omega at a radius; after `covariance`, without energy loss."""
        shell = self.surfaces[0].copy()
        shell[s.KIND], shell[s.SLOPE], shell[s.RADIUS] = 0, 0.0, radius
        arc = self.crossing(self.perigee, shell)
        at, way = self.point(self.perigee, arc)
        first = next(k for k, e in enumerate(self.path) if e["arc"] > arc)
        p = self.momentum(self.perigee)
        shifted = [self.measured(self.path, first, self.helix([*at, *(p / (1.0 + x) * way)])) for x in (1e-6, -1e-6)]
        d = np.zeros(len(self.weighted))
        d[self.first_of[first] :] = (shifted[0] - shifted[1]) / (2e-6 * self.perigee[2])
        return np.linalg.inv(self.h.T @ self.weighted) @ self.weighted.T @ d

    def arc_of(self, new, par, arc):
        """Arc of the point (par, arc) along a helix that passes through it."""
        at, _ = self.point(par, arc)

        def distance(a):
            here, way = self.point(new, a)
            return (here - at)[:2] @ way[:2]

        return brentq(distance, arc - 0.05, arc + 0.05, xtol=1e-14)
