"""Decays of pi0, K_S, eta, eta', omega, phi, rho and K*(892): kernels that the event assembly calls.

For the caller
--------------
`secondary_table()` and `mass_table()` (from `secondary_tables.py`) are built once and passed to the kernels.

``_is_unstable(pdg)``
    True for particles that this module decays. K_L, charged pions and kaons and neutrons belong to the detector.
``_decay_secondary(rng, modes, pdg, mass, helicity, p4, pdg_out, mass_out) -> n``
    One unweighted decay in the rest frame of the parent, whose direction of flight (quantisation axis) is +z.
    `pdg` is signed; `mass` is that of this parent in GeV; `helicity` is -1, 0, 1 for a vector meson, `UNPOLARISED`
    otherwise. Rows 0..n-1 of ``p4 (>=3, 4)`` are px, py, pz, E; ``pdg_out`` int32 and ``mass_out`` float64 have >= 3
    entries. Returns 0, and touches nothing, if no mode is open at this mass. Daughters may be unstable themselves.
``_to_lab(p4, n, px, py, pz, e, m)``
    Rotates +z onto the parent's momentum and boosts, in place.
``_ctau_cm(pdg)``
    Mean proper flight length; decay vertex = production vertex + (p/m) * ctau * exponential.
``_sample_mass(rng, masses, pdg, low, high) -> mass``
    Mass of a resonance from its line shape between two limits.

What is left out: see `left_out` in ``data/secondary_modes.toml`` (four-body modes, modes below 1e-4); radiative
corrections to the Dalitz decays; the azimuthal correlation between the spin of a polarised vector and the lepton plane
in V -> P l+ l- (the pseudoscalar's own angle is kept).
"""

import numpy as np
from numpy.typing import NDArray

from toymc.constants import ctau_cm, mass
from toymc.errors import InputError
from toymc.generators.secondary_matrix import (
    ANGULAR,
    CODES,
    CUMULATIVE,
    KIND,
    MASSES,
    PARENT,
    THREE_PI,
    N,
    _bound,
    _pair_mass2,
    _weight,
)
from toymc.generators.secondary_tables import mass_table, secondary_modes, secondary_table
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _two_body_momentum

__all__ = ["UNPOLARISED", "decay_many", "mass_table", "secondary_modes", "secondary_table"]

FloatArray = NDArray[np.float64]

UNPOLARISED = 9
_CTAU_KS = ctau_cm(310)
_CTAU_PI0 = ctau_cm(111)


@kernel
def _is_unstable(pdg):
    """Whether `_decay_secondary` decays this particle."""
    a = abs(pdg)
    if a < 100:
        return False
    return (
        a == 111 or a == 310 or a == 221 or a == 113 or a == 213 or a == 223 or a == 313 or a == 323 or a in (331, 333)
    )


@kernel
def _ctau_cm(pdg):
    """Mean proper flight length in cm; 0 for everything that decays where it is made."""
    if pdg == 310:
        return _CTAU_KS
    if pdg == 111:
        return _CTAU_PI0
    return 0.0


@kernel
def _conjugate(code):
    """PDG code of the antiparticle, among the daughters that occur here."""
    if code in (22, 111, 113, 130, 221, 223, 310, 331, 333):
        return code
    return -code


@lean_kernel
def _choose_mode(rng, modes, code, mass):
    """Row of a mode that is open at this mass, drawn by branching fraction; -1 if there is none."""
    first = 0
    while first < len(modes) and modes[first, PARENT] != code:
        first += 1
    if first == len(modes):
        return -1
    for _ in range(64):
        u = rng.random()
        row = first
        while modes[row, CUMULATIVE] < u:
            row += 1
        if modes[row, MASSES] + modes[row, MASSES + 1] + modes[row, MASSES + 2] < mass:
            return row
    # nearly everything is closed: take the first that is open
    row = first
    while row < len(modes) and modes[row, PARENT] == code:
        if modes[row, MASSES] + modes[row, MASSES + 1] + modes[row, MASSES + 2] < mass:
            return row
        row += 1
    return -1


@lean_kernel
def _direction(rng, helicity, a, b):
    """cos and azimuth of a direction n with density a + b |eps_h.n|^2 about the axis; isotropic if unpolarised."""
    phi = 2.0 * np.pi * rng.random()
    c = 2.0 * rng.random() - 1.0
    if helicity == UNPOLARISED:
        return c, phi
    top = max(a, a + b) if helicity == 0 else max(a, a + 0.5 * b)
    while True:
        projection = c * c if helicity == 0 else 0.5 * (1.0 - c * c)
        if top * rng.random() <= a + b * projection:
            return c, phi
        c = 2.0 * rng.random() - 1.0


@lean_kernel
def _two_body(p4, mass, m1, m2, c, phi):
    p = _two_body_momentum(mass, m1, m2)
    s = np.sqrt(1.0 - c * c)
    px, py, pz = p * s * np.cos(phi), p * s * np.sin(phi), p * c
    p4[0, 0], p4[0, 1], p4[0, 2], p4[0, 3] = px, py, pz, np.sqrt(p * p + m1 * m1)
    p4[1, 0], p4[1, 1], p4[1, 2], p4[1, 3] = -px, -py, -pz, np.sqrt(p * p + m2 * m2)


@lean_kernel
def _three_body(rng, row, mass, c_axis, phi, p4):
    """Fill rows 0..2 from the matrix element; the axis is the plane's normal for three pions, else the bachelor."""
    m1, m2, m3 = row[MASSES], row[MASSES + 1], row[MASSES + 2]
    bound = _bound(row, mass)
    while True:
        s = _pair_mass2(row, mass, rng.random())
        c = 2.0 * rng.random() - 1.0
        if bound * rng.random() <= _weight(row, mass, s, c):
            break
    e = np.sqrt(s)
    k = _two_body_momentum(mass, e, m3)
    p = _two_body_momentum(e, m1, m2)
    # orthonormal frame (a, b, d) with d along the axis and a turned about it at random
    sin_axis = np.sqrt(1.0 - c_axis * c_axis)
    cp, sp = np.cos(phi), np.sin(phi)
    psi = 2.0 * np.pi * rng.random()
    ca, sa = np.cos(psi), np.sin(psi)
    d = (sin_axis * cp, sin_axis * sp, c_axis)
    a = (c_axis * cp * ca - sp * sa, c_axis * sp * ca + cp * sa, -sin_axis * ca)
    b = (-c_axis * cp * sa - sp * ca, -c_axis * sp * sa + cp * ca, sin_axis * sa)
    bachelor, side = (a, b) if int(row[KIND]) == THREE_PI else (d, a)
    # the pair flies against the bachelor
    e_pair = np.sqrt(k * k + s)
    e1 = np.sqrt(p * p + m1 * m1)
    along = (e_pair * p * c + k * e1) / e
    across = p * np.sqrt(1.0 - c * c)
    for i in range(3):
        p4[0, i] = -along * bachelor[i] + across * side[i]
        p4[2, i] = k * bachelor[i]
        p4[1, i] = -p4[0, i] - p4[2, i]
    p4[0, 3] = (e_pair * e1 + k * p * c) / e
    p4[1, 3] = e_pair - p4[0, 3]
    p4[2, 3] = np.sqrt(k * k + m3 * m3)


@lean_kernel
def _decay_secondary(rng, modes, pdg, mass, helicity, p4, pdg_out, mass_out):
    """One decay in the rest frame of the parent; see the top of this file. Returns the number of daughters."""
    i = _choose_mode(rng, modes, abs(pdg), mass)
    if i < 0:
        return 0
    row = modes[i]
    n = int(row[N])
    for j in range(n):
        code = int(row[CODES + j])
        pdg_out[j] = code if pdg > 0 else _conjugate(code)
        mass_out[j] = row[MASSES + j]
    c, phi = _direction(rng, helicity, row[ANGULAR], row[ANGULAR + 1])
    if n == 2:
        _two_body(p4, mass, row[MASSES], row[MASSES + 1], c, phi)
    else:
        _three_body(rng, row, mass, c, phi, p4)
    return n


@kernel
def _to_lab(p4, n, px, py, pz, e, m):
    """Rotate +z onto (px, py, pz) and boost from the rest frame of that particle, in place."""
    p = np.sqrt(px * px + py * py + pz * pz)
    if p <= 0.0:
        return
    pt = np.sqrt(px * px + py * py)
    ct, st = pz / p, pt / p
    cp, sp = (px / pt, py / pt) if pt > 0.0 else (1.0, 0.0)
    gamma, gamma_beta = e / m, p / m
    for i in range(n):
        x, y = p4[i, 0], p4[i, 1]
        z = gamma * p4[i, 2] + gamma_beta * p4[i, 3]
        p4[i, 3] = gamma * p4[i, 3] + gamma_beta * p4[i, 2]
        p4[i, 0] = cp * (ct * x + st * z) - sp * y
        p4[i, 1] = sp * (ct * x + st * z) + cp * y
        p4[i, 2] = ct * z - st * x


@kernel
def _sample_mass(rng, masses, pdg, low, high):
    """Mass in [low, high] from the Breit-Wigner of `pdg`; the pole mass for particles without a line shape.

    Drawn from the fixed-width shape and accepted with the ratio of the running-width one to it.
    """
    code = abs(pdg)
    i = 0
    while i < len(masses) and masses[i, 0] != code:
        i += 1
    if i == len(masses):
        return -1.0
    m0, g0, m1, m2, constant = masses[i, 1], masses[i, 2], masses[i, 3], masses[i, 4], masses[i, 5]
    low, high = max(low, masses[i, 6]), min(high, masses[i, 7])
    if low >= high:
        return -1.0
    mg = m0 * g0
    first, last = np.arctan((low * low - m0 * m0) / mg), np.arctan((high * high - m0 * m0) / mg)
    p0 = _two_body_momentum(m0, m1, m2)
    while True:
        s = m0 * m0 + mg * np.tan(first + (last - first) * rng.random())
        m = np.sqrt(max(s, 0.0))
        ratio = _two_body_momentum(m, m1, m2) / p0
        m_width = m * g0 * (constant + (1.0 - constant) * ratio * ratio * ratio * m0 / m)
        off = (s - m0 * m0) ** 2
        if masses[i, 8] * rng.random() <= m_width / mg * (off + mg * mg) / (off + m_width * m_width):
            return m


@kernel
def _decay_many(rng, modes, pdg, mass, helicity, p4, pdg_out, mass_out, count):
    for i in range(len(count)):
        count[i] = _decay_secondary(rng, modes, pdg, mass, helicity, p4[i], pdg_out[i], mass_out[i])


def decay_many(
    rng: np.random.Generator, pdg: int, n: int, parent_mass: float | None = None, helicity: int = UNPOLARISED
) -> tuple[FloatArray, NDArray[np.int32], NDArray[np.int64]]:
    """Decay the same particle many times in its rest frame.

    Parameters
    ----------
    rng : numpy.random.Generator
        From `toymc.streams.stream`.
    pdg : int
        PDG code of a particle with a mode table (see `secondary_modes`), or of its antiparticle.
    n : int
        Number of decays.
    parent_mass : float, optional
        GeV; the PDG mass by default.
    helicity : int
        -1, 0 or 1 along +z for vector mesons; `UNPOLARISED` by default.

    Returns
    -------
    p4 : float64 (n, 3, 4)
        px, py, pz, E in GeV; unused rows are zero.
    pdg : int32 (n, 3)
        Codes of the daughters, 0 where there is none.
    count : int64 (n,)
        Number of daughters; 0 if no mode is open at this mass.

    Raises
    ------
    InputError
        For a particle without a mode table, a helicity other than those, or a mass that is not positive.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> p4, codes, count = decay_many(stream(1, "doc", "test", 0), 111, 3)
    >>> bool(abs(p4[:, :, 3].sum(axis=1) - 0.1349768).max() < 1e-4)
    True
    """
    if not _is_unstable(pdg):
        known = ", ".join(str(entry["parent"]) for entry in secondary_modes())
        raise InputError(f"particle {pdg} has no table of secondary decays: allowed are {known} and antiparticles")
    if helicity not in (-1, 0, 1, UNPOLARISED):
        raise InputError(f"helicity {helicity}: allowed are -1, 0, 1 and {UNPOLARISED} (unpolarised)")
    m = mass(abs(pdg)) if parent_mass is None else parent_mass
    if not m > 0.0:
        raise InputError(f"parent mass {m} GeV: give a positive mass")
    p4, codes, masses = np.zeros((n, 3, 4)), np.zeros((n, 3), dtype=np.int32), np.zeros((n, 3))
    count = np.zeros(n, dtype=np.int64)
    _decay_many(rng, secondary_table(), pdg, m, helicity, p4, codes, masses, count)
    return p4, codes, count
