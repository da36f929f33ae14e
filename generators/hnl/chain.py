"""Kernel of the whole chain tau- -> N X, N -> Y in the rest frame of the tau, with the polarimeter vector of the tau.

`_signal_chain` fills a `Chain` and returns h: the chain of a tau- with spin s has dGamma ~ 1 + s.h. Axes belong to the
decay, as for `toymc.generators.tau.decay._decay_tau`: the caller turns h to the direction it drew from the density of
the pair. For a tau+ momenta are turned round, codes conjugated, and h stays.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import M_TAU
from toymc.errors import InputError
from toymc.generators.hnl.decay import _choose, _decay_hnl
from toymc.generators.hnl.layout import (
    AS_LEPTON,
    AS_TAU,
    CODE,
    HNL,
    HNL_MESON,
    KIND,
    LINE,
    MAJORANA,
    MASS,
    N_MASS,
    N_PDG,
    PSEUDOSCALAR,
    ROWS,
    SIGN,
    TAU,
    TAU_MESON,
    ChainTables,
    new_chain,
)
from toymc.generators.hnl.lines import _sample_line
from toymc.generators.hnl.moves import _dot, _leave_rest, _pair_along_z, _rotate, _three_bodies, _vector_decay
from toymc.generators.lorentz import _rotation_between, _transverse
from toymc.generators.radiation import _radiate
from toymc.generators.secondary import _conjugate, secondary_table
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]


@lean_kernel
def _produce(rng, row, m, lines, secondaries, chain):
    """tau- -> N (row 0) + meson or lepton (row 1) [+ neutrino (row 2)], unpolarised.

    Returns the number of rows, and g with |M|^2 ~ g.(k -+ m s_N) for a tau without spin, J^2 of the current.
    """
    p, codes, masses = chain.p[TAU], chain.codes[TAU], chain.masses[TAU]
    for i in range(3):
        codes[i] = int(row[CODE + i])
        masses[i] = row[MASS + i]
    masses[0] = m
    kind = row[KIND]
    chain.rows[TAU_MESON] = 0
    if kind == AS_TAU:
        square = _sample_line(rng, lines, int(row[LINE]))
        _three_bodies(rng, p, M_TAU, square, 0, m, 1, masses[1], 2, 0.0)
        return 3, p[1, 0], p[1, 1], p[1, 2], p[1, 3], 0.0
    if kind == AS_LEPTON:
        square = _sample_line(rng, lines, int(row[LINE]))
        _three_bodies(rng, p, M_TAU, square, 1, masses[1], 2, 0.0, 0, m)
        return 3, 0.0, 0.0, 0.0, 1.0, 0.0
    jx, jy = 0.0, 0.0
    if kind == PSEUDOSCALAR:
        jz = _pair_along_z(p, M_TAU, m, masses[1])
        jt, j2 = p[1, 3], masses[1] * masses[1]
    else:
        q = np.sqrt(_sample_line(rng, lines, int(row[LINE])))
        masses[1] = q
        k = _pair_along_z(p, M_TAU, m, q)
        square = 2.0 * (k * M_TAU / q) ** 2
        flat = 0.5 * (M_TAU * M_TAU + m * m - q * q)
        n, jx, jy, ez = _vector_decay(
            rng, secondaries, codes[1], q, flat, square, chain.p[TAU_MESON], chain.codes[TAU_MESON],
            chain.masses[TAU_MESON], chain.rotation,
        )  # fmt: skip
        chain.rows[TAU_MESON] = n
        jz, jt, j2 = ez * p[1, 3] / q, ez * k / q, -1.0
    chain.current[0], chain.current[1], chain.current[2], chain.current[3] = jx, jy, jz, jt
    return 2, 2.0 * jx * jt, 2.0 * jy * jt, 2.0 * jz * jt, 2.0 * jt * jt - j2, j2


@lean_kernel
def _polarisation(sign, m, p, gx, gy, gz, gt):
    """Polarisation S of N (row 0 of p) in its rest frame, from g: direction and length."""
    kx, ky, kz, ke = p[0, 0], p[0, 1], p[0, 2], p[0, 3]
    bottom = _dot(gx, gy, gz, gt, kx, ky, kz, ke) / m
    f = (gt + bottom) / (ke + m)
    sx, sy, sz = sign * (gx - f * kx) / bottom, sign * (gy - f * ky) / bottom, sign * (gz - f * kz) / bottom
    length = np.sqrt(sx * sx + sy * sy + sz * sz)
    if length <= 0.0:
        return 0.0, 0.0, 1.0, 0.0
    return sx / length, sy / length, sz / length, min(length, 1.0)


@lean_kernel
def _direction_about(rng, x, y, z, k):
    """Unit vector n with density 1 + k n.(x, y, z)."""
    u = 2.0 * rng.random() - 1.0
    c = (2.0 * u + k) / (1.0 + np.sqrt(max(1.0 + k * (2.0 * u + k), 0.0)))
    s = np.sqrt(max(0.0, 1.0 - c * c))
    phi = 2.0 * np.pi * rng.random()
    ax, ay, az, bx, by, bz = _transverse(x, y, z)
    u, v = s * np.cos(phi), s * np.sin(phi)
    return c * x + u * ax + v * bx, c * y + u * ay + v * by, c * z + u * az + v * bz


@lean_kernel
def _polarimeter(kind, sign, m, p, current, j2, hx, hy, hz):
    """Polarimeter vector of the tau, given that N (row 0) is analysed by h in its rest frame."""
    if kind == AS_TAU:
        return p[2, 0] / p[2, 3], p[2, 1] / p[2, 3], p[2, 2] / p[2, 3]
    # b = k -+ m s
    kx, ky, kz, ke = p[0, 0], p[0, 1], p[0, 2], p[0, 3]
    along = kx * hx + ky * hy + kz * hz
    f = along / (ke + m)
    bx, by, bz = kx - sign * (m * hx + f * kx), ky - sign * (m * hy + f * ky), kz - sign * (m * hz + f * kz)
    bt = ke - sign * along
    if kind == AS_LEPTON:
        return bx / bt, by / bt, bz / bt
    jx, jy, jz, jt = current[0], current[1], current[2], current[3]
    f = 2.0 * _dot(bx, by, bz, bt, jx, jy, jz, jt)
    bottom = f * jt - j2 * bt
    return (f * jx - j2 * bx) / bottom, (f * jy - j2 * by) / bottom, (f * jz - j2 * bz) / bottom


@lean_kernel
def _turn_round(place, majorana, chain):
    """CP mirror of the rows of one place."""
    for i in range(chain.rows[place]):
        code = chain.codes[place, i]
        if not (majorana and code == N_PDG):
            chain.codes[place, i] = _conjugate(code)
        for k in range(3):
            chain.p[place, i, k] = -chain.p[place, i, k]


@lean_kernel
def _radiated(rng, place, mass, charge, chain):
    chain.rows[place] = _radiate(
        rng, mass, charge, chain.rows[place], chain.p[place], chain.codes[place], chain.masses[place], chain.work
    )


@lean_kernel
def _meson_charge(code):
    if abs(code) == 213 or abs(code) == 323:
        return 1.0 if code > 0 else -1.0
    return 0.0


@lean_kernel
def _join(rng, charge, use_fsr, chain):
    """Radiate, and bring all places of the chain to the rest frame of the tau."""
    p, masses, rows = chain.p, chain.masses, chain.rows
    if use_fsr:
        _radiated(rng, TAU, M_TAU, charge, chain)
        _radiated(rng, HNL, masses[TAU, 0], 0.0, chain)
        if rows[TAU_MESON] > 0:
            _radiated(rng, TAU_MESON, masses[TAU, 1], _meson_charge(chain.codes[TAU, 1]), chain)
        if rows[HNL_MESON] > 0:
            _radiated(rng, HNL_MESON, masses[HNL, 1], _meson_charge(chain.codes[HNL, 1]), chain)
    _leave_rest(p[TAU_MESON], rows[TAU_MESON], p[TAU, 1, 0], p[TAU, 1, 1], p[TAU, 1, 2], masses[TAU, 1])
    _leave_rest(p[HNL_MESON], rows[HNL_MESON], p[HNL, 1, 0], p[HNL, 1, 1], p[HNL, 1, 2], masses[HNL, 1])
    for place in range(HNL, HNL_MESON + 1):
        _leave_rest(p[place], rows[place], p[TAU, 0, 0], p[TAU, 0, 1], p[TAU, 0, 2], masses[TAU, 0])


@lean_kernel
def _signal_chain(rng, charge, use_fsr, tables, secondaries, chain):
    """One chain of a tau of this charge; returns the polarimeter vector h."""
    m = tables.numbers[N_MASS]
    majorana = tables.numbers[MAJORANA] != 0.0
    lines = tables.lines
    row = tables.productions[_choose(rng, tables.productions)]
    sign = row[SIGN]
    n, gx, gy, gz, gt, j2 = _produce(rng, row, m, lines, secondaries, chain)
    chain.rows[TAU] = n
    chain.codes[TAU, 0] = N_PDG if majorana or sign > 0.0 else -N_PDG
    n, hx, hy, hz = _decay_hnl(rng, tables.decays[_choose(rng, tables.decays)], m, lines, secondaries, chain)
    chain.rows[HNL] = n
    way = sign
    if majorana:
        way = 1.0 if rng.random() < 0.5 else -1.0
    if way < 0.0:
        # the CP mirror: h stays, momenta turn
        _turn_round(HNL, majorana, chain)
        _turn_round(HNL_MESON, majorana, chain)
    sx, sy, sz, length = _polarisation(sign, m, chain.p[TAU], gx, gy, gz, gt)
    analysis = np.sqrt(hx * hx + hy * hy + hz * hz)
    nx, ny, nz = _direction_about(rng, sx, sy, sz, length * analysis)
    _rotation_between(rng, hx, hy, hz, nx, ny, nz, chain.rotation)
    _rotate(chain.rotation, chain.p[HNL], chain.rows[HNL])
    _rotate(chain.rotation, chain.p[HNL_MESON], chain.rows[HNL_MESON])
    hx, hy, hz = _polarimeter(
        row[KIND], sign, m, chain.p[TAU], chain.current, j2, analysis * nx, analysis * ny, analysis * nz
    )
    if charge > 0.0:
        for place in range(4):
            _turn_round(place, majorana, chain)
    _join(rng, charge, use_fsr, chain)
    return hx, hy, hz


@kernel
def _many_chains(rng, charge, use_fsr, tables, secondaries, chain, p, codes, h):
    for i in range(len(h)):
        h[i, 0], h[i, 1], h[i, 2] = _signal_chain(rng, charge, use_fsr, tables, secondaries, chain)
        for place in range(4):
            for j in range(p.shape[2]):
                used = j < chain.rows[place]
                codes[i, place, j] = chain.codes[place, j] if used else 0
                for k in range(4):
                    p[i, place, j, k] = chain.p[place, j, k] if used else 0.0


def signal_chains(
    rng: np.random.Generator, tables: ChainTables, n: int, charge: int = -1, fsr: bool = False
) -> tuple[FloatArray, npt.NDArray[np.int32], FloatArray]:
    """Chains tau -> N X, N -> Y of taus at rest, in the axes of each decay.

    Parameters
    ----------
    rng : numpy.random.Generator
    tables : ChainTables
        From `toymc.generators.hnl.channels.chain_tables`.
    n : int
    charge : int
        Of the tau, -1 or 1.
    fsr : bool
        Photons off the charged products.

    Returns
    -------
    p4 : float64 (n, 4, 16, 4)
        px, py, pz, E in GeV, rest frame of the tau, by place (products of the tau, of its vector meson, of N, of the
        vector meson of N) and row; empty rows are zero. N is row 0 of the first place, vector mesons are row 1.
    codes : int32 (n, 4, 16)
    polarimeter : float64 (n, 3)
        h of the whole chain: dGamma ~ 1 + s.h for the spin s of the tau.

    Raises
    ------
    InputError
        For another charge or fewer than one chain.

    Examples
    --------
    >>> from toymc.generators.hnl.channels import chain_tables
    >>> from toymc.streams import stream
    >>> tables, _ = chain_tables(0.5, {"tau": 1e-4}, "pi", "mumu")
    >>> p4, codes, h = signal_chains(stream(1, "doc", "test", 0), tables, 10)
    >>> codes[0, 0, :2].tolist()
    [9900012, -211]
    """
    if charge not in (-1, 1) or n < 1:
        raise InputError(f"{n} chains of charge {charge} asked for: give at least 1, charge -1 or 1")
    p4, codes = np.zeros((n, 4, ROWS, 4)), np.zeros((n, 4, ROWS), dtype=np.int32)
    h = np.empty((n, 3))
    _many_chains(rng, float(charge), fsr, tables, secondary_table(), new_chain(), p4, codes, h)
    return p4, codes, h

