"""Particles and tables for the tests of the transport."""

import math
from functools import cache

import numpy as np

from toymc.constants import mass
from toymc.detector.transport import transport_tables
from toymc.events import EventBatch
from toymc.geometry import load_card


@cache
def tables(name="belle2_run2"):
    return transport_tables(load_card(name))


@cache
def vacuum(name="belle2_run2"):
    """The same without material."""
    full = tables(name)
    return full._replace(pieces=np.zeros((0, full.pieces.shape[1])), bounds=0.0 * full.bounds)


def momenta(p, theta_deg, phi):
    theta = np.radians(theta_deg)
    across = p * np.sin(theta)
    return np.stack([across * np.cos(phi), across * np.sin(phi), p * np.cos(theta) + 0.0 * phi], 1)


def particles(pdg, momentum, vertex=None, masses=None):
    """One final particle per event."""
    momentum = np.asarray(momentum, dtype=np.float64)
    n = len(momentum)
    pdg = np.broadcast_to(np.asarray(pdg, dtype=np.int32), (n,)).copy()
    place = np.zeros((n, 3)) if vertex is None else np.broadcast_to(np.asarray(vertex, dtype=np.float64), (n, 3))
    if masses is None:
        known = {int(code): mass(int(code)) for code in np.unique(pdg)}
        masses = np.array([known[int(code)] for code in pdg])
    x, y, z = (np.ascontiguousarray(column) for column in place.T)
    px, py, pz = (np.ascontiguousarray(column) for column in momentum.T)
    return EventBatch(
        np.arange(n + 1), pdg, np.ones(n, np.int32), np.full(n, -1, np.int32), px, py, pz, np.asarray(masses),
        x, y, z, np.zeros(n), np.zeros(n), np.ones(n), np.arange(n), "probe",
    )  # fmt: skip


def beam(pdg, p, theta_deg, n, rng, vertex=None):
    """n equal particles with uniform azimuth."""
    return particles(pdg, momenta(p, theta_deg, rng.uniform(-math.pi, math.pi, n)), vertex)


def made_by(batch, row):
    """For every row of the batch the global row of its mother, -1 for none; rows made by `row` if it is given."""
    starts = np.repeat(batch.offsets[:-1], batch.counts)
    mothers = np.where(batch.mother >= 0, starts + batch.mother, -1)
    return mothers if row is None else np.flatnonzero(mothers == row)


def generator_rows(batch, seen):
    """Global rows in the transported batch of the generator's rows."""
    shift = seen.batch.offsets[:-1] - batch.offsets[:-1]
    return np.arange(batch.n_particles) + np.repeat(shift, batch.counts)


def summed(batch, mothers):
    """Four-momenta summed over the daughters of each row, (n, 4)."""
    total = np.zeros((batch.n_particles, 4))
    daughters = mothers >= 0
    columns = np.stack([batch.px, batch.py, batch.pz, batch.energy], 1)
    np.add.at(total, mothers[daughters], columns[daughters])
    return total
