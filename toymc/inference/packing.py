"""From the model's dataclasses to the flat arrays that the kernels read.

A *block* is one sample in one channel: within it every factor (normfactor, lumi, normsys) is one number. Samples with a
factor per bin (shapefactor, or a second gamma on the same bin) are cut into blocks of one bin, so the kernels know one
case only. Factors of one bin with a constraint (staterror, shapesys: *gammas*) are solved inside the bin and are no
coordinates of the minimiser. A *slot* collects the yields of one bin that share the same gamma; each bin has one slot
without gamma, then one per gamma.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.model import (
    Channel,
    FloatArray,
    HistoSys,
    Luminosity,
    Model,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)

IntArray = npt.NDArray[np.int64]

NORMAL, POISSON = 1, 2  # kinds of constraint; 0 is none
LINEAR, NORMSYS = 0, 1  # kinds of factor

# Polynomial of interpolation code4 (pyhf, HistFactory): 1 + sum a_i alpha^i for |alpha| < 1 whose value, first and
# second derivative at +-1 are those of hi^alpha and lo^-alpha. Rows: a_1..a_6, columns: the six conditions.
_CODE4 = np.array(
    [
        [15 / 16, -15 / 16, -7 / 16, -7 / 16, 1 / 16, -1 / 16],
        [3 / 2, 3 / 2, -9 / 16, 9 / 16, 1 / 16, 1 / 16],
        [-5 / 8, 5 / 8, 5 / 8, 5 / 8, -1 / 8, 1 / 8],
        [-3 / 2, -3 / 2, 7 / 8, -7 / 8, -1 / 8, -1 / 8],
        [3 / 16, -3 / 16, -3 / 16, -3 / 16, 1 / 16, -1 / 16],
        [1 / 2, 1 / 2, -5 / 16, 5 / 16, 1 / 16, 1 / 16],
    ]
)


class Packed(NamedTuple):
    """The arrays of a model: M yields in R blocks, N bins, P parameters, J gammas, Q slots = N + J."""

    nominal: FloatArray  # (M,) events
    slot: IntArray  # (M,) slot of each yield
    block_start: IntArray  # (R+1,) rows of a block in the yields
    hist_start: IntArray  # (R+1,) histosys entries of a block
    hist_par: IntArray  # (H,) parameter of an entry
    hist_off: IntArray  # (H,) first row of its templates
    sym: FloatArray  # (hi - lo) / 2
    asym: FloatArray  # (hi + lo - 2 nominal) / 16
    fac_start: IntArray  # (R+1,) factors of a block
    fac_par: IntArray  # (F,)
    fac_kind: IntArray  # (F,) LINEAR or NORMSYS
    fac_coef: FloatArray  # (F, 8) ln lo, ln hi, a_1..a_6
    gam_start: IntArray  # (N+1,) gammas of a bin
    gam_kind: IntArray  # (J,) NORMAL or POISSON
    gam_scale: FloatArray  # (J,) sigma^2 or tau
    gam_lo: FloatArray  # (J,)
    gam_hi: FloatArray  # (J,)
    con_kind: IntArray  # (P,) 0, NORMAL or POISSON
    con_scale: FloatArray  # (P,) sigma^2 or tau
    lo: FloatArray  # (P,) bounds
    hi: FloatArray  # (P,)


@dataclass(frozen=True, eq=False)
class Layout:
    """Packed arrays and what their rows are called."""

    packed: Packed
    par_names: tuple[str, ...]  # (P,) the minimiser's coordinates, the parameter of interest first
    gam_names: tuple[str, ...]  # (J,)
    start: FloatArray  # (P,) initial values
    free: npt.NDArray[np.bool_]  # (P,)
    aux: FloatArray  # (P,) auxiliary data (0 where unconstrained)
    gam_aux: FloatArray  # (J,)
    channel_start: IntArray  # (C+1,) bins of a channel
    observed: FloatArray | None  # (N,)
    sample_rows: dict[tuple[str, str], IntArray]  # yields of (channel, sample) in bin order
    folded: IntArray  # coordinates whose likelihood may have a second minimum on the other side of zero

    @property
    def names(self) -> tuple[str, ...]:
        """All parameter names: coordinates first, gammas after."""
        return self.par_names + self.gam_names


@dataclass
class _Coordinate:
    name: str
    start: float
    lo: float
    hi: float
    fixed: bool
    kind: int = 0
    scale: float = 1.0
    aux: float = 0.0


class _Builder:
    """Collects parameters, gammas and blocks in one walk over the model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.offsets = np.concatenate([[0], np.cumsum([c.n_bins for c in model.channels])]).astype(np.int64)
        self.n_bins = int(self.offsets[-1])
        self.coordinates: dict[str, _Coordinate] = {}
        self.gammas: list[list[_Coordinate]] = [[] for _ in range(self.n_bins)]
        self.gamma_owner: dict[str, set[tuple[str, str]]] = {}  # local gamma set -> (channel, sample) that it scales
        self.inner = self._inner_sets()
        self.stat = self._stat_errors()

    # -- parameters ---------------------------------------------------------------------------------------------
    def _component(self, name: str, index: int, size: int, default: _Coordinate) -> _Coordinate:
        """The default with the model's settings of that name laid over it."""
        settings = self.model.parameter(name)
        if settings is None:
            return default
        for key in ("inits", "bounds", "auxdata", "sigmas"):
            values = getattr(settings, key)
            if values is not None and len(values) != size:
                raise InputError(f"parameter '{name}': {key} has {len(values)} entries, the parameter has {size}")
        if settings.sigmas is not None and default.kind != NORMAL:
            raise InputError(f"parameter '{name}': sigmas are given, but it has no Gaussian constraint")
        if settings.auxdata is not None and default.kind == 0:
            raise InputError(f"parameter '{name}': auxdata are given, but it has no constraint")
        if settings.inits is not None:
            default.start = settings.inits[index]
        if settings.bounds is not None:
            default.lo, default.hi = settings.bounds[index]
        if settings.auxdata is not None:
            default.aux = settings.auxdata[index]
        if settings.sigmas is not None:
            default.scale = settings.sigmas[index] ** 2
        default.fixed = default.fixed or settings.fixed
        if not default.lo <= default.start <= default.hi:
            raise InputError(
                f"parameter '{name}' starts at {default.start:g}, outside its bounds ({default.lo:g}, {default.hi:g})"
            )
        return default

    def _scalar(self, modifier: NormFactor | Luminosity | NormSys | HistoSys) -> None:
        name = modifier.name
        if name in self.coordinates:
            return
        if isinstance(modifier, NormFactor):
            default = _Coordinate(name, 1.0, 0.0, 10.0, False)
        elif isinstance(modifier, Luminosity):
            settings = self.model.parameter(name)
            value = settings.auxdata[0] if settings is not None and settings.auxdata else 1.0
            default = _Coordinate(name, value, 0.0, 10.0 * value, False, NORMAL, 1.0, value)
        else:
            default = _Coordinate(name, 0.0, -5.0, 5.0, False, NORMAL, 1.0, 0.0)
        self.coordinates[name] = self._component(name, 0, 1, default)

    # -- gammas -------------------------------------------------------------------------------------------------
    def _inner_sets(self) -> dict[tuple[str, str], str]:
        """For each (channel, sample) the one gamma set that is solved inside the bin: staterror before shapesys."""
        inner: dict[tuple[str, str], str] = {}
        for kind in (StatError, ShapeSys):
            for channel in self.model.channels:
                for sample in channel.samples:
                    for modifier in sample.modifiers:
                        if isinstance(modifier, kind):
                            inner.setdefault((channel.name, sample.name), modifier.name)
        for channel in self.model.channels:  # a set is inner for all its samples of the channel or for none
            for sample in channel.samples:
                for modifier in sample.modifiers:
                    if not isinstance(modifier, StatError | ShapeSys):
                        continue
                    if inner.get((channel.name, sample.name)) != modifier.name:
                        for other in channel.samples:
                            if inner.get((channel.name, other.name)) == modifier.name:
                                del inner[channel.name, other.name]
        return inner

    def _stat_errors(self) -> dict[str, FloatArray]:
        """Relative error per staterror name on all bins: sqrt(sum error^2) / sum nominal, over its samples (pyhf)."""
        square: dict[str, FloatArray] = {}
        total: dict[str, FloatArray] = {}
        for channel, first in zip(self.model.channels, self.offsets, strict=False):
            rows = slice(int(first), int(first) + channel.n_bins)
            for sample in channel.samples:
                for modifier in sample.modifiers:
                    if isinstance(modifier, StatError):
                        square.setdefault(modifier.name, np.zeros(self.n_bins))[rows] += modifier.error**2
                        total.setdefault(modifier.name, np.zeros(self.n_bins))[rows] += sample.data
        return {
            name: np.sqrt(np.divide(square[name], total[name] ** 2, out=np.zeros(self.n_bins), where=total[name] > 0))
            for name in square
        }

    def _members(self, name: str) -> list[int]:
        """Global bins of a gamma set, in the order of its components."""
        bins: list[int] = []
        for channel, first in zip(self.model.channels, self.offsets, strict=False):
            if any(m.name == name for s in channel.samples for m in s.modifiers):
                bins.extend(range(int(first), int(first) + channel.n_bins))
        return bins

    def _gamma(self, modifier: StatError | ShapeSys, sample: Sample, first: int, bin_: int) -> _Coordinate:
        members = self._members(modifier.name)
        index = members.index(bin_)
        name = f"{modifier.name}[{index}]"
        if isinstance(modifier, StatError):
            sigma = float(self.stat[modifier.name][bin_])
            scale = sigma**2 if sigma > 0 else 1.0
            default = _Coordinate(name, 1.0, 1e-10, 10.0, sigma == 0, NORMAL, scale, 1.0)
        else:
            nominal, error = float(sample.data[bin_ - first]), float(modifier.error[bin_ - first])
            valid = nominal > 0 and error > 0
            tau = (nominal / error) ** 2 if valid else 1.0
            default = _Coordinate(name, 1.0, 1e-10, 10.0, not valid, POISSON, tau, tau)
        return self._component(modifier.name, index, len(members), default)

    def _place_gammas(self, channel: Channel, first: int) -> None:
        for sample in channel.samples:
            for modifier in sample.modifiers:
                if not isinstance(modifier, StatError | ShapeSys):
                    continue
                inner = self.inner.get((channel.name, sample.name)) == modifier.name
                for bin_ in range(first, first + channel.n_bins):
                    gamma = self._gamma(modifier, sample, first, bin_)
                    if not inner:
                        self.coordinates.setdefault(gamma.name, gamma)
                    elif gamma.name not in [g.name for g in self.gammas[bin_]]:
                        if gamma.fixed:
                            gamma.lo = gamma.hi = gamma.start
                        self.gammas[bin_].append(gamma)

    def parameters(self) -> None:
        """First walk: all coordinates (parameter of interest first) and all gammas."""
        scalars: list[NormFactor | Luminosity | NormSys | HistoSys] = [
            m
            for c in self.model.channels
            for s in c.samples
            for m in s.modifiers
            if isinstance(m, NormFactor | Luminosity | NormSys | HistoSys)
        ]
        for scalar in sorted(scalars, key=lambda m: m.name != self.model.poi):
            self._scalar(scalar)
        for channel, first in zip(self.model.channels, self.offsets, strict=False):
            for sample in channel.samples:
                for modifier in sample.modifiers:
                    if isinstance(modifier, ShapeFactor):
                        for i in range(channel.n_bins):
                            name = f"{modifier.name}[{i}]"
                            default = _Coordinate(name, 1.0, 0.0, 10.0, False)
                            component = self._component(modifier.name, i, channel.n_bins, default)
                            self.coordinates.setdefault(name, component)
            self._place_gammas(channel, int(first))

    # -- blocks -------------------------------------------------------------------------------------------------
    def _per_bin_factor(self, channel: Channel, sample: Sample) -> list[ShapeFactor | StatError | ShapeSys]:
        inner = self.inner.get((channel.name, sample.name))
        return [
            m
            for m in sample.modifiers
            if isinstance(m, ShapeFactor) or (isinstance(m, StatError | ShapeSys) and m.name != inner)
        ]

    def blocks(self) -> tuple[dict[str, list[Any]], dict[tuple[str, str], IntArray]]:
        """Second walk: yields, slots, histosys and factors of every block."""
        order = {name: i for i, name in enumerate(self.coordinates)}
        gam_start = np.concatenate([[0], np.cumsum([len(g) for g in self.gammas])])
        out: dict[str, list[Any]] = {key: [] for key in _LISTS}
        for key in ("block_start", "hist_start", "fac_start"):
            out[key].append(0)
        rows: dict[tuple[str, str], IntArray] = {}
        for channel, first in zip(self.model.channels, self.offsets, strict=False):
            for sample in channel.samples:
                begin = len(out["nominal"])
                special = self._per_bin_factor(channel, sample)
                step = 1 if special else channel.n_bins
                inner = self.inner.get((channel.name, sample.name))
                for low in range(0, channel.n_bins, step):
                    piece = range(low, low + step)
                    out["nominal"].extend(sample.data[low : low + step].tolist())
                    for i in piece:
                        bin_ = int(first) + i
                        slot = bin_ + int(gam_start[bin_])
                        for k, gamma in enumerate(self.gammas[bin_]):
                            if inner is not None and gamma.name.rpartition("[")[0] == inner:
                                slot = bin_ + int(gam_start[bin_]) + 1 + k
                        out["slot"].append(slot)
                    self._entries(out, sample, order, piece)
                    for modifier in special:
                        index = (
                            low
                            if isinstance(modifier, ShapeFactor)
                            else self._members(modifier.name).index(int(first) + low)
                        )
                        _factor(out, order[f"{modifier.name}[{index}]"], LINEAR, np.zeros(8))
                    out["block_start"].append(len(out["nominal"]))
                    out["hist_start"].append(len(out["hist_par"]))
                    out["fac_start"].append(len(out["fac_par"]))
                rows[channel.name, sample.name] = np.arange(begin, begin + channel.n_bins, dtype=np.int64)
        return out, rows

    @staticmethod
    def _entries(out: dict[str, list[Any]], sample: Sample, order: dict[str, int], piece: range) -> None:
        part = slice(piece.start, piece.stop)
        for m in sample.modifiers:
            if isinstance(m, HistoSys):
                out["hist_par"].append(order[m.name])
                out["hist_off"].append(len(out["sym"]))
                out["sym"].extend((0.5 * (m.hi - m.lo)[part]).tolist())
                out["asym"].extend((0.0625 * (m.hi + m.lo - 2.0 * sample.data)[part]).tolist())
            elif isinstance(m, NormSys):
                _factor(out, order[m.name], NORMSYS, _code4(m.lo, m.hi))
            elif isinstance(m, NormFactor | Luminosity):
                _factor(out, order[m.name], LINEAR, np.zeros(8))


_LISTS = ("nominal", "slot", "block_start", "hist_start", "hist_par", "hist_off", "sym", "asym",
          "fac_start", "fac_par", "fac_kind", "fac_coef")  # fmt: skip
_FLOATS = ("nominal", "sym", "asym", "fac_coef")


def _code4(lo: float, hi: float) -> FloatArray:
    up, down = np.log(hi), np.log(lo)
    conditions = np.array([hi - 1.0, lo - 1.0, up * hi, -down * lo, up**2 * hi, down**2 * lo])
    return np.concatenate([[down, up], _CODE4 @ conditions])


def _factor(out: dict[str, list[Any]], parameter: int, kind: int, coefficients: FloatArray) -> None:
    out["fac_par"].append(parameter)
    out["fac_kind"].append(kind)
    out["fac_coef"].append(coefficients)


def _floats(values: list[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)


def pack(model: Model) -> Layout:
    """Pack a checked model.

    Parameters
    ----------
    model : Model
        Yields in events.

    Returns
    -------
    Layout

    Raises
    ------
    InputError
        If settings of a parameter do not fit it.

    Examples
    --------
    >>> from toymc.inference.model import Channel, Model, NormFactor, Sample
    >>> model = Model([Channel("sr", (Sample("s", [1.0], (NormFactor("mu"),)), Sample("b", [3.0])))], poi="mu")
    >>> pack(model).packed.nominal
    array([1., 3.])
    """
    builder = _Builder(model)
    builder.parameters()
    lists, rows = builder.blocks()
    arrays: dict[str, Any] = {
        key: np.array(values, dtype=np.float64 if key in _FLOATS else np.int64) for key, values in lists.items()
    }
    arrays["fac_coef"] = arrays["fac_coef"].reshape(-1, 8)
    pars = list(builder.coordinates.values())
    gammas = [g for per_bin in builder.gammas for g in per_bin]
    # the parameter of interest has no upper bound in a limit, and the published q~_mu asks for mu >= 0
    packed = Packed(
        **arrays,
        gam_start=np.concatenate([[0], np.cumsum([len(g) for g in builder.gammas])]).astype(np.int64),
        gam_kind=np.array([g.kind for g in gammas], dtype=np.int64),
        gam_scale=_floats([g.scale for g in gammas]),
        gam_lo=_floats([g.lo for g in gammas]),
        gam_hi=_floats([g.hi for g in gammas]),
        con_kind=np.array([p.kind for p in pars], dtype=np.int64),
        con_scale=_floats([p.scale for p in pars]),
        lo=_floats([0.0 if p.name == model.poi else p.lo for p in pars]),
        hi=_floats([np.inf if p.name == model.poi else p.hi for p in pars]),
    )
    data = [c.observed for c in model.channels if c.observed is not None]
    return Layout(
        packed=packed,
        par_names=tuple(p.name for p in pars),
        gam_names=tuple(g.name for g in gammas),
        start=_floats([p.start for p in pars]),
        free=np.array([not p.fixed for p in pars], dtype=np.bool_),
        aux=_floats([p.aux for p in pars]),
        gam_aux=_floats([g.aux for g in gammas]),
        channel_start=builder.offsets,
        observed=np.concatenate(data) if data else None,
        sample_rows=rows,
        folded=_folded(packed),
    )


def _folded(m: Packed) -> IntArray:
    """Parameters whose variations at -1 and +1 sigma shift a bin the same way, by more than a third of its error.

    The yield then has an extremum between them, two values of the parameter describe the data equally well, and the
    likelihood may have a minimum on either side of zero.
    """
    strength = np.zeros(m.lo.size)
    for r in range(m.block_start.size - 1):
        rows = slice(int(m.block_start[r]), int(m.block_start[r + 1]))
        for e in range(int(m.hist_start[r]), int(m.hist_start[r + 1])):
            entry = slice(int(m.hist_off[e]), int(m.hist_off[e]) + rows.stop - rows.start)
            same_way = np.maximum(8.0 * np.abs(m.asym[entry]) - np.abs(m.sym[entry]), 0.0)  # the smaller of the two
            strength[m.hist_par[e]] += float(np.sum(same_way**2 / np.maximum(m.nominal[rows], 1.0)))
    return np.flatnonzero(strength > 0.1).astype(np.int64)
