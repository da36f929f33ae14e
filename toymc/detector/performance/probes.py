"""Particles that probe a detector: single ones, two-body decays, and how to find again what became of them."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from toymc.constants import mass
from toymc.detector.simulate import particle_batch
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, STATUS_FINAL, EventBatch
from toymc.kinematics import boost

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def unit_vectors(theta: FloatArray, phi: FloatArray) -> FloatArray:
    """Directions (n, 3) of polar and azimuthal angles in rad."""
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)


def isotropic(rng: np.random.Generator, n: int, cos_low: float = -1.0, cos_high: float = 1.0) -> FloatArray:
    """Directions (n, 3), uniform in azimuth and in the cosine of the polar angle between two limits."""
    return unit_vectors(np.arccos(rng.uniform(cos_low, cos_high, n)), rng.uniform(-math.pi, math.pi, n))


def single(
    pdg: int, p: FloatArray, direction: FloatArray, vertex: FloatArray | None = None
) -> EventBatch:
    """One particle per event with momentum `p` (n,) along `direction` (n, 3), made at `vertex` (n, 3) or the origin."""
    return particle_batch(np.full(len(p), pdg), direction * p[:, None], vertex)


def decays(
    mother: float, pdg: Sequence[int], p: FloatArray, axis: FloatArray, rng: np.random.Generator,
    flight_cm: FloatArray | None = None,
) -> EventBatch:  # fmt: skip
    """Isotropic decays of a particle into two, one per event; the rows of an event are mother, first, second.

    Parameters
    ----------
    mother : float
        Its mass in GeV: the mass of the code is taken without its natural width.
    pdg : sequence of 3 int
        Codes of mother and daughters.
    p, axis : float64 (n,), (n, 3)
        Momentum of the mother in GeV and its direction, lab frame.
    rng : numpy.random.Generator
    flight_cm : float64 (n,), optional
        Way from the origin to the decay; 0 if not given.

    Raises
    ------
    InputError
        If the daughters are heavier than the mother.
    """
    n = len(p)
    first, second = mass(pdg[1]), mass(pdg[2])
    square = (mother**2 - (first + second) ** 2) * (mother**2 - (first - second) ** 2)
    if square < 0.0:
        raise InputError(f"a particle of {mother} GeV does not decay into {pdg[1]} and {pdg[2]}")
    star = math.sqrt(square) / (2.0 * mother)
    rest = star * isotropic(rng, n)
    velocity = axis * (p / np.hypot(p, mother))[:, None]
    rows = np.empty((n, 3, 3))
    rows[:, 0] = axis * p[:, None]
    for k, (sign, m) in enumerate(((1.0, first), (-1.0, second)), start=1):
        rows[:, k] = boost(np.column_stack([sign * rest, np.full(n, math.hypot(star, m))]), velocity)[:, :3]
    momentum = rows.reshape(-1, 3)
    place = np.zeros((n, 3, 3))
    if flight_cm is not None:
        place[:, 1:] = (axis * flight_cm[:, None])[:, None, :]
    x, y, z = (np.ascontiguousarray(c) for c in place.reshape(-1, 3).T)
    px, py, pz = (np.ascontiguousarray(c) for c in momentum.T)
    return EventBatch(
        offsets=3 * np.arange(n + 1, dtype=np.int64),
        pdg=np.tile(np.array(pdg, dtype=np.int32), n),
        status=np.tile(np.array([STATUS_DECAYED, STATUS_FINAL, STATUS_FINAL], dtype=np.int32), n),
        mother=np.tile(np.array([-1, 0, 0], dtype=np.int32), n),
        px=px, py=py, pz=pz, mass=np.tile([mother, first, second], n), x=x, y=y, z=z, t=np.zeros(3 * n),
        helicity=np.zeros(3 * n), weight=np.ones(n), event_id=np.arange(n, dtype=np.int64), process="decays",
    )  # fmt: skip


def found_rows(offsets: IntArray, truth: npt.NDArray[np.int32], row: int) -> IntArray:
    """Row (in the whole table) of the first object of each event that belongs to truth row `row`; -1 for none."""
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    at = np.full(len(offsets) - 1, -1, dtype=np.int64)
    mine = np.flatnonzero(truth == row)[::-1]
    at[event[mine]] = mine
    return at


def width(values: FloatArray) -> float:
    """Half of the interval that holds the central 68.3 % of `values`; NaN for fewer than ten."""
    if len(values) < 10:
        return math.nan
    low, high = np.quantile(values, [0.1585, 0.8415])
    return float(0.5 * (high - low))
