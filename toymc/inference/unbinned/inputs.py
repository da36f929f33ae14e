"""What a mass scan is given: channels, checked and packed into arrays for the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.unbinned import batch
from toymc.inference.unbinned.background import FAMILIES, Background
from toymc.inference.unbinned.shapes import N_SHAPE, TEMPLATE, SignalShape
from toymc.inference.unbinned.windows import Density, Window

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MassChannel:
    """One final state of a mass search.

    Attributes
    ----------
    name : str
    signal : SignalShape
        Shapes at the hypotheses; arrays that broadcast to (masses, lifetimes).
    window : Window
        Fit windows, GeV; arrays that broadcast to (masses, lifetimes). Give the masses as a column, ``m[:, None]``.
    background : Background
    per_unit : float or float64 (masses, lifetimes)
        Expected signal events in the window per unit of the parameter of interest (efficiency times number of parents
        times their fraction). 1: limits are in events. 0: no sensitivity there.
    data : float64 (n,) or a sequence of them, or None
        Observed masses, GeV. Several arrays: selections of the same data, see `selection`.
    expected : Density or a sequence of them, or None
        Expected background, from simulation or sidebands; the bands are made from it. None: from the fit to the data.
    selection : int (masses,), optional
        Which array of `data` and `expected` belongs to a mass: for instance a tighter cut near a known resonance.
    efficiency_error, resolution_error : float or float64 (masses, lifetimes)
        Relative uncertainties of `per_unit` and of sigma, profiled.
    """

    name: str
    signal: SignalShape
    window: Window
    background: Background = field(default_factory=Background)
    per_unit: npt.ArrayLike = 1.0
    data: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None
    expected: Density | Sequence[Density] | None = None
    selection: npt.ArrayLike | None = None
    efficiency_error: npt.ArrayLike = 0.0
    resolution_error: npt.ArrayLike = 0.0


def _at(name: str, array: FloatArray, good: npt.NDArray[np.bool_], allowed: str) -> None:
    """Refuse the first value that is not good, with its place."""
    bad = np.argwhere(~good)
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        raise InputError(f"{name} = {array[at]:g} at (mass, lifetime) {at}; it must be {allowed}")


def _spread(name: str, value: npt.ArrayLike, shape: tuple[int, int]) -> FloatArray:
    array = np.asarray(value, dtype=np.float64)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise InputError(
            f"{name} has shape {array.shape}, the scan has {shape[0]} masses x {shape[1]} lifetimes; "
            "give one number, a column of masses or the whole map"
        ) from None


def _hypotheses(channel: MassChannel, shape: tuple[int, int], row_offset: int) -> FloatArray:
    """Columns of a channel's hypotheses, checked, (masses, lifetimes, columns)."""
    label = f"channel '{channel.name}': "
    out = np.zeros((*shape, batch.SHAPE + N_SHAPE))
    out[..., batch.LOW] = low = _spread(label + "window", channel.window.low, shape)
    out[..., batch.HIGH] = high = _spread(label + "window", channel.window.high, shape)
    for k in range(N_SHAPE):
        out[..., batch.SHAPE + k] = _spread(label + "signal shape", channel.signal.parameters[..., k], shape)
    if channel.signal.code == TEMPLATE:
        out[..., batch.SHAPE + 2] += row_offset
    mean = out[..., batch.SHAPE]
    _at(label + "peak position (GeV)", mean, (mean >= low) & (mean <= high), "inside its window")
    for column, name, value in (
        (batch.SHARE_OF, "events per unit (efficiency)", channel.per_unit),
        (batch.EFFICIENCY, "efficiency error", channel.efficiency_error),
        (batch.RESOLUTION, "resolution error", channel.resolution_error),
    ):
        array = _spread(label + name, value, shape)
        _at(label + name, array, np.isfinite(array) & (array >= 0.0), "finite and not negative")
        out[..., column] = array
    for column, name, most in (
        (batch.EFFICIENCY, "efficiency error", 0.99),
        (batch.RESOLUTION, "resolution error", 0.3),
    ):
        _at(label + name, out[..., column], out[..., column] <= most, f"{most:g} or less (it is relative)")
    if channel.background.family == "threshold":
        _at(label + "window start (GeV)", low, high > channel.background.onset, "such that it ends above the onset")
    return out


def _datasets(channel: MassChannel) -> list[FloatArray]:
    """The channel's events, sorted."""
    if channel.data is None:
        return []
    several = isinstance(channel.data, list | tuple) and len(channel.data) > 0 and not np.isscalar(channel.data[0])
    sets = [np.asarray(d, dtype=np.float64) for d in (channel.data if several else [channel.data])]  # type: ignore[union-attr]
    for x in sets:
        if x.ndim != 1:
            raise InputError(f"channel '{channel.name}': data of shape {x.shape}; give one mass per event")
        bad = np.flatnonzero(~np.isfinite(x))
        if len(bad):
            raise InputError(f"channel '{channel.name}': event {bad[0]} has mass {x[bad[0]]:g}; it must be finite")
    return [np.sort(x) for x in sets]


def _densities(channel: MassChannel) -> list[Density]:
    if channel.expected is None:
        return []
    return [channel.expected] if isinstance(channel.expected, Density) else list(channel.expected)


def _pool(parts: list[list[FloatArray]]) -> tuple[FloatArray, list[list[tuple[int, int]]]]:
    """One array of all parts, and where each of each channel lies in it."""
    flat = [x for channel in parts for x in channel]
    ends = np.cumsum([0, *(x.size for x in flat)])
    places, k = [], 0
    for channel in parts:
        places.append([(int(ends[k + i]), int(ends[k + i + 1])) for i in range(len(channel))])
        k += len(channel)
    return np.concatenate([*flat, np.zeros(0)]), places


def _selection(channel: MassChannel, n_masses: int, n_sets: int) -> IntArray:
    if channel.selection is None:
        if n_sets > 1:
            raise InputError(f"channel '{channel.name}': {n_sets} selections of data and no `selection` for the masses")
        return np.zeros(n_masses, dtype=np.int64)
    rows = np.asarray(channel.selection, dtype=np.int64)
    if rows.shape != (n_masses,) or np.any((rows < 0) | (rows >= n_sets)):
        raise InputError(
            f"channel '{channel.name}': selection has shape {rows.shape} and values up to {rows.max(initial=0)}; "
            f"give {n_masses} numbers from 0 to {n_sets - 1}"
        )
    return rows


class _Packed:
    """Arrays of a scan for the kernel."""

    def __init__(self, channels: Sequence[MassChannel], n_masses: int, n_lifetimes: int) -> None:
        if not channels:
            raise InputError("scan: no channels; give one or more")
        names = [c.name for c in channels]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"scan: two channels are called '{name}'")
        shape = (n_masses, n_lifetimes)
        rows = np.cumsum([0, *(c.signal.tables.shape[0] for c in channels)])
        self.tables = np.concatenate([c.signal.tables for c in channels])
        self.hypotheses = np.stack(
            [_hypotheses(c, shape, int(r)) for c, r in zip(channels, rows, strict=False)], axis=2
        )
        self.per_unit = self.hypotheses[..., batch.SHARE_OF].sum(axis=2)
        with np.errstate(invalid="ignore"):
            shares = self.hypotheses[..., batch.SHARE_OF] / self.per_unit[..., None]
        self.hypotheses[..., batch.SHARE_OF] = np.where(self.per_unit[..., None] > 0.0, shares, 0.0)
        holes = [c.window.holes for c in channels]
        ends = np.cumsum([0, *(len(h) for h in holes)])
        self.holes = np.array([h for part in holes for h in part], dtype=np.float64).reshape(-1, 2)
        self.settings = np.zeros((len(channels), 6), dtype=np.int64)
        for k, c in enumerate(channels):
            fixed = -1 if c.background.degree is None else c.background.degree
            self.settings[k] = (
                c.signal.code, FAMILIES[c.background.family], fixed, c.background.highest, ends[k], ends[k + 1],
            )  # fmt: skip
        self.onset = np.array([c.background.onset for c in channels])
        self.thresholds = np.array(channels[0].background.thresholds)
        if any(c.background.p_value != channels[0].background.p_value for c in channels):
            raise InputError("scan: channels with different p-values of the background rule; give one to all")
        self._set_sources(channels, n_masses)

    def _set_sources(self, channels: Sequence[MassChannel], n_masses: int) -> None:
        data, densities = [_datasets(c) for c in channels], [_densities(c) for c in channels]
        for what, parts in (("data", data), ("an expected background", densities)):
            if any(parts) and not all(parts):
                missing = [c.name for c, p in zip(channels, parts, strict=True) if not p]
                raise InputError(f"channel '{missing[0]}' lacks {what} and others have it: give it to all or none")
        self.use_data, self.use_expected = any(data), any(densities)
        if not self.use_data and not self.use_expected:
            raise InputError("scan: neither data nor an expected background; give one or both")
        self.events, event_places = _pool(data)
        self.grid, grid_places = _pool([[d.x for d in part] for part in densities])
        self.values, _ = _pool([[d.per_gev for d in part] for part in densities])
        self.sources = np.zeros((n_masses, len(channels), 4), dtype=np.int64)
        for k, c in enumerate(channels):
            if self.use_data and self.use_expected and len(data[k]) != len(densities[k]):
                raise InputError(
                    f"channel '{c.name}': {len(data[k])} selections of data, {len(densities[k])} densities"
                )
            row = _selection(c, n_masses, max(len(data[k]), len(densities[k])))
            if self.use_data:
                self.sources[:, k, : batch.GRID_FROM] = np.array(event_places[k])[row]
            if self.use_expected:
                self.sources[:, k, batch.GRID_FROM :] = np.array(grid_places[k])[row]
