"""Long-lived particles: where they decay, and forced decays with their weight.

A particle of mass m, momentum p and proper decay length c tau flies an exponential distance of mean
lambda = c tau p/m. `force_in_window` and `force_in_volume` draw the decay between two distances or inside a
cylinder and return the probability of that as weight, so that weighted sums are those of natural decays.

Weights that take a sample to another lifetime are in `toymc.generators.lifetime`.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from toymc.constants import SPEED_OF_LIGHT_CM_PER_NS
from toymc.errors import InputError
from toymc.events import STATUS_DECAYED, EventBatch
from toymc.generators.lifetime import positive_length

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

@dataclass(frozen=True)
class Cylinder:
    """A cylinder or cylindrical shell about the z axis, cm.

    Raises
    ------
    InputError
        If it is empty or not finite.

    Examples
    --------
    >>> Cylinder(r_max=80.0, z_min=-80.0, z_max=120.0, r_min=0.05).r_min
    0.05
    """

    r_max: float
    z_min: float
    z_max: float
    r_min: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.r_max, self.z_min, self.z_max, self.r_min]).all()
                and 0.0 <= self.r_min < self.r_max and self.z_min < self.z_max):
            raise InputError(
                f"cylinder with radius {self.r_min} to {self.r_max} cm and z {self.z_min} to {self.z_max} cm: give "
                "0 <= r_min < r_max and z_min < z_max"
            )  # fmt: skip

    def windows(self, origin: FloatArray, direction: FloatArray) -> FloatArray:
        """Distances along straight flights that lie inside.

        Parameters
        ----------
        origin, direction : float64 (n, 3)
            cm; unit vectors.

        Returns
        -------
        float64 (n, 2, 2)
            First and last distance of up to two stretches, cm; empty ones have last = first.
        """
        low, high = _inside_radius(origin, direction, self.r_max)
        z_low, z_high = _between(origin[:, 2], direction[:, 2], self.z_min, self.z_max)
        low, high = np.maximum(np.maximum(low, z_low), 0.0), np.minimum(high, z_high)
        out = np.stack([low, high, low, low], axis=1)
        if self.r_min > 0.0:
            enter, leave = _inside_radius(origin, direction, self.r_min)
            crossed = leave > enter
            out[:, 1] = np.where(crossed, np.minimum(high, enter), high)
            out[:, 2] = np.where(crossed, np.maximum(low, leave), low)
            out[:, 3] = np.where(crossed, high, low)
        out = out.reshape(-1, 2, 2)
        empty = ~(out[:, :, 1] > out[:, :, 0])
        out[empty] = 0.0
        return out


def _inside_radius(origin: FloatArray, direction: FloatArray, radius: float) -> tuple[FloatArray, FloatArray]:
    """Distances at which a line enters and leaves an endless cylinder; equal ones if it never does."""
    a = direction[:, 0] ** 2 + direction[:, 1] ** 2
    b = origin[:, 0] * direction[:, 0] + origin[:, 1] * direction[:, 1]
    c = origin[:, 0] ** 2 + origin[:, 1] ** 2 - radius**2
    along = a < 1e-20
    root = b * b - a * c
    half = np.sqrt(np.clip(root, 0.0, None)) / np.where(along, 1.0, a)
    middle = np.where(along, 0.0, -b / np.where(along, 1.0, a))
    half = np.where(along, np.where(c < 0.0, np.inf, 0.0), half)
    return middle - half, middle + half


def _between(z: FloatArray, slope: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Distances at which low < z + slope s < high."""
    flat = np.abs(slope) < 1e-20
    safe = np.where(flat, 1.0, slope)
    first, last = (low - z) / safe, (high - z) / safe
    inside = (z > low) & (z < high)
    first = np.where(flat, np.where(inside, -np.inf, 0.0), first)
    last = np.where(flat, np.where(inside, np.inf, 0.0), last)
    return np.minimum(first, last), np.maximum(first, last)


def mean_flight(momentum: npt.ArrayLike, mass: npt.ArrayLike, ctau: float) -> FloatArray:
    """Mean flight distance c tau p/m in cm.

    Parameters
    ----------
    momentum, mass : array_like
        GeV.
    ctau : float
        cm, 0 or more.

    Raises
    ------
    InputError
        For a negative or infinite ctau, a negative momentum or a mass that is not positive.

    Examples
    --------
    >>> mean_flight([2.0, 0.0], 0.5, 3.0).tolist()
    [12.0, 0.0]
    """
    positive_length("ctau", ctau, zero=True)
    p, m = np.asarray(momentum, dtype=np.float64), np.asarray(mass, dtype=np.float64)
    if np.any(~(p >= 0.0)) or np.any(~(m > 0.0)):
        raise InputError("momentum below 0 or mass of 0 or less: give GeV, a flight distance needs a massive particle")
    return np.asarray(ctau * p / m)


def _divisor(mean: FloatArray) -> FloatArray:
    """Mean flights as divisors: 1 for 0, and nothing so small that a quotient overflows."""
    return np.where(mean > 0.0, np.maximum(mean, 1e-200), 1.0)


def window_probability(mean: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> FloatArray:
    """Probability to decay between two flight distances, e^(-low/lambda) - e^(-high/lambda).

    Parameters
    ----------
    mean, low, high : array_like
        cm, 0 <= low <= high; mean = 0 decays at once.

    Examples
    --------
    >>> window_probability(10.0, 0.0, [10.0, np.inf]).round(4).tolist()
    [0.6321, 1.0]
    """
    mean, low, high = (np.asarray(v, dtype=np.float64) for v in (mean, low, high))
    if np.any(~(mean >= 0.0)) or np.any(~(low >= 0.0)) or np.any(~(high >= low)):
        raise InputError("window of flight distances: give mean >= 0 and 0 <= low <= high, in cm")
    safe = _divisor(mean)
    width = np.where(high > low, high - low, 0.0)
    natural = -np.exp(-low / safe) * np.expm1(-width / safe)
    return np.asarray(np.where(mean > 0.0, natural, ((low == 0.0) & (high > low)) * 1.0))


def force_in_window(
    rng: np.random.Generator, mean: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Draw flight distances between two limits, with the probability of that as weight.

    Parameters
    ----------
    rng : numpy.random.Generator
    mean, low, high : array_like
        As in `window_probability`.

    Returns
    -------
    distance, weight : float64
        cm; the weight is 0 where the window is empty or out of reach.

    Raises
    ------
    InputError
        As `window_probability`.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> distance, weight = force_in_window(stream(1, "doc", "test", 0), np.full(5, 100.0), 1.0, 2.0)
    >>> bool(((distance > 1.0) & (distance < 2.0)).all()), round(float(weight[0]), 5)
    (True, 0.00985)
    """
    weight = window_probability(mean, low, high)
    mean, low, high = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (mean, low, high)))
    safe = _divisor(mean)
    width = np.where(high > low, high - low, 0.0)
    u = rng.random(weight.shape)
    distance = low - safe * np.log1p(u * np.expm1(-width / safe))
    return np.where(mean > 0.0, distance, low), weight


def force_in_volume(
    rng: np.random.Generator,
    origin: FloatArray,
    momentum: FloatArray,
    mass: npt.ArrayLike,
    ctau: float,
    volume: Cylinder,
) -> tuple[FloatArray, FloatArray]:
    """Draw the decay of each particle inside a cylinder, with the probability of that as weight.

    Parameters
    ----------
    rng : numpy.random.Generator
    origin : float64 (n, 3)
        Where the particles are made, cm.
    momentum : float64 (n, 3)
        GeV.
    mass : float or float64 (n,)
        GeV.
    ctau : float
        cm.
    volume : Cylinder

    Returns
    -------
    distance : float64 (n,)
        Flight distance in cm; 0 where the flight does not cross the volume.
    weight : float64 (n,)
        Probability to decay inside; 0 where it does not cross.

    Raises
    ------
    InputError
        As `mean_flight`.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> rng, shell = stream(1, "doc", "test", 0), Cylinder(10.0, -5.0, 5.0, r_min=1.0)
    >>> r, w = force_in_volume(rng, np.zeros((4, 3)), np.tile([1.0, 0.0, 0.0], (4, 1)), 1.0, 50.0, shell)
    >>> bool(((r > 1.0) & (r < 10.0)).all())
    True
    """
    p = np.linalg.norm(momentum, axis=1)
    mean = mean_flight(p, mass, ctau)
    direction = np.where((p > 0.0)[:, None], momentum / np.where(p > 0.0, p, 1.0)[:, None], [0.0, 0.0, 1.0])
    windows = volume.windows(np.asarray(origin, dtype=np.float64), direction)
    share = window_probability(mean[:, None], windows[:, :, 0], windows[:, :, 1])
    weight = share.sum(axis=1)
    second = (rng.random(len(mean)) * weight >= share[:, 0]) & (share[:, 1] > 0.0)
    chosen = windows[np.arange(len(mean)), second.astype(np.int64)]
    distance, _ = force_in_window(rng, mean, chosen[:, 0], chosen[:, 1])
    return np.where(weight > 0.0, distance, 0.0), weight


def ancestor_rows(mother: IntArray, chosen: BoolArray) -> IntArray:
    """The nearest chosen row at or above each row.

    Parameters
    ----------
    mother : int64 (n,)
        Absolute row of the mother, -1 for none.
    chosen : bool (n,)

    Returns
    -------
    int64 (n,)
        -1 where there is none.

    Examples
    --------
    >>> ancestor_rows(np.array([-1, 0, 1, 1, -1]), np.array([False, True, False, False, False])).tolist()
    [-1, 1, 1, 1, -1]
    """
    found = np.where(chosen, np.arange(len(mother)), mother)
    while True:
        moving = (found >= 0) & ~chosen[found]
        if not moving.any():
            return found
        found[moving] = mother[found[moving]]


def _decayed(batch: EventBatch, pdg: int) -> tuple[IntArray, IntArray, IntArray]:
    """Rows of the decayed particles of this code or its conjugate, their first daughters, absolute mothers."""
    absolute = np.where(batch.mother >= 0, batch.offsets[batch.event_index] + batch.mother, -1)
    first = np.full(batch.n_particles, -1)
    daughters = np.flatnonzero(absolute >= 0)[::-1]
    first[absolute[daughters]] = daughters
    rows = np.flatnonzero((np.abs(batch.pdg) == abs(pdg)) & (batch.status == STATUS_DECAYED) & (first >= 0))
    return rows, first[rows], absolute


def proper_lengths(batch: EventBatch, pdg: int) -> tuple[IntArray, FloatArray]:
    """Proper decay lengths c t of the particles of one kind, from their decay vertices.

    Parameters
    ----------
    batch : EventBatch
    pdg : int
        Code; antiparticles count.

    Returns
    -------
    rows : int64 (k,)
        Of the batch.
    lengths : float64 (k,)
        cm.
    """
    rows, first, _ = _decayed(batch, pdg)
    energy = batch.energy[rows]
    # from the time, which holds for particles at rest as well
    time = (batch.t[first] - batch.t[rows]) * SPEED_OF_LIGHT_CM_PER_NS
    return rows, np.asarray(time * batch.mass[rows] / energy)


def force_decays(
    batch: EventBatch,
    pdg: int,
    ctau: float,
    rng: np.random.Generator,
    volume: Cylinder | tuple[float, float] | None = None,
) -> EventBatch:
    """Decay the particles of one kind anew, with another lifetime or inside a volume.

    Parameters
    ----------
    batch : EventBatch
    pdg : int
        Code; antiparticles as well. Everything that comes from their decay moves along.
    ctau : float
        cm.
    rng : numpy.random.Generator
    volume : Cylinder or (low, high), optional
        A volume, or flight distances in cm; anywhere by default.

    Returns
    -------
    EventBatch
        With the probability of all forced decays of an event in its weight (0 if one cannot reach the volume).

    Raises
    ------
    InputError
        If the batch has no such particle, or as `force_in_volume`.
    """
    rows, first, absolute = _decayed(batch, pdg)
    if len(rows) == 0:
        raise InputError(f"no decayed particle {pdg} in the batch: give the code of one that it has")
    momentum = np.stack([batch.px, batch.py, batch.pz], axis=1)[rows]
    origin = np.stack([batch.x, batch.y, batch.z], axis=1)[rows]
    p, mass = np.linalg.norm(momentum, axis=1), batch.mass[rows]
    if isinstance(volume, Cylinder):
        distance, weight = force_in_volume(rng, origin, momentum, mass, ctau, volume)
    else:
        low, high = volume if volume is not None else (0.0, np.inf)
        distance, weight = force_in_window(rng, mean_flight(p, mass, ctau), low, high)
    moving = p > 0.0
    safe = np.where(moving, p, 1.0)
    where = origin + momentum * np.where(moving, distance / safe, 0.0)[:, None]
    when = batch.t[rows] + np.where(moving, distance * batch.energy[rows] / safe, 0.0) / SPEED_OF_LIGHT_CM_PER_NS
    old = np.stack([batch.x, batch.y, batch.z, batch.t])[:, first]
    shift = np.zeros((4, batch.n_particles))
    shift[:, rows] = np.concatenate([where.T, when[None, :]]) - old
    chosen = np.zeros(batch.n_particles, dtype=np.bool_)
    chosen[rows] = True
    above = np.where(absolute >= 0, ancestor_rows(absolute, chosen)[absolute], -1)
    moved = np.where(above >= 0, shift[:, above], 0.0)
    factor = np.ones(batch.n_events)
    np.multiply.at(factor, batch.event_index[rows], weight)
    return replace(
        batch,
        x=batch.x + moved[0],
        y=batch.y + moved[1],
        z=batch.z + moved[2],
        t=batch.t + moved[3],
        weight=batch.weight * factor,
    )
