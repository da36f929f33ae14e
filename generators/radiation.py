"""Final-state radiation: photons off charged decay products, and off a fermion pair made by a virtual photon.

Both kernels go down in photon energy from the largest possible one and stop at `CUT_GEV`: the probability of no photon
above an energy is the exponential of the mean number (soft photons exponentiate), the hardest photon has its
first-order spectrum, and each further one is radiated by what the earlier ones left. Four-momentum is conserved
exactly. No virtual correction changes the rate: the radiation is unitary.

For the caller
--------------
``_radiate(rng, parent_mass, parent_charge, n, p4, pdg, mass, work) -> n_new``
    Rows 0..n-1 of ``p4 (cap, 4)`` (px, py, pz, E in GeV) are a decay in the rest frame of its parent. They are changed
    in place; photons are appended (pdg 22, mass 0) while there is room. `work` is scratch, (cap, 4). Charges come from
    the PDG codes. `parent_charge` in units of the positron charge.
``_radiate_pair(rng, sqrt_s, m, photons) -> (n, pair_mass)``
    gamma* -> f- f+ with mass `sqrt_s`: rows 0..n-1 of ``photons (cap, 4)`` are photons in the rest frame of the pair
    whose f- flies along +z; `pair_mass` is what is left. (0, 0, 0, pair_mass) + photons has mass `sqrt_s`.

Physics of `_radiate`: the coherent current J = sum Q_i p_i/(p_i.k) - Q P/(P.k) of all charges with the momenta after
the emission [F.E. Low, Phys. Rev. 110 (1958) 974], exact phase space of emitter + rest + photon with the mass of the
rest kept [E. Barberio, Z. Was, CPC 79 (1994) 291 for the idea of the map], and for spin 1/2 the term x/(p.k),
x = P.k/P.(p+k), that completes the collinear limit to (1 + (1-x)^2)/x; spin 0 needs none. Several emitters share the
radiation in proportion to their dipoles with the parent. Structure-dependent radiation of hadronic decays is left out.
"""

import numpy as np
from numpy.typing import NDArray

from toymc.constants import ALPHA
from toymc.errors import InputError
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _boost, _two_body_momentum

__all__ = ["CUT_GEV", "pair_photon_spectrum", "radiate_pairs"]

FloatArray = NDArray[np.float64]

CUT_GEV = 1e-3
"""Photons below this energy, in the frame of the parent or of the pair before emission, are not generated."""
# spin-1/2 terms exceed the eikonal bound by less than this (a hard photon against the emitter)
_SPIN_MARGIN = 1.25


@kernel
def _charge(pdg):
    """Charge of the charged particles that leave decays, in units of the positron charge."""
    a = abs(pdg)
    if a in (11, 13, 15):
        return -1.0 if pdg > 0 else 1.0
    if a in (211, 321, 213, 323, 2212):
        return 1.0 if pdg > 0 else -1.0
    return 0.0


@lean_kernel
def _emission_rate(p4, i, m, spin_half, n_charged):
    """Bound of the photons per unit of ln(energy) off row i: (2 alpha/pi) n A, A = ln((E+p)/m)/(p/E)."""
    p = np.sqrt(p4[i, 0] ** 2 + p4[i, 1] ** 2 + p4[i, 2] ** 2)
    if p <= 1e-6 * m:
        return 2.0 * ALPHA / np.pi * n_charged
    e = np.sqrt(p * p + m * m)
    margin = _SPIN_MARGIN if spin_half else 1.0
    return 2.0 * ALPHA / np.pi * margin * n_charged * np.log((e + p) / m) * e / p


@lean_kernel
def _recoil(rng, big, omega, i, n, p4, m, work):
    """Decay after emission of a photon of energy omega by row i, in the frame R of all but the photon, into `work`.

    Row n of `work` is the photon. The emitter keeps its direction, the rest its mass and its inner configuration.
    Returns (weight, 1 - beta c): weight = phase space over that without photon, times the sampled angular integral over
    its bound; 0 if there is no room. c has been drawn from 1/(1 - beta c).
    """
    p0 = np.sqrt(p4[i, 0] ** 2 + p4[i, 1] ** 2 + p4[i, 2] ** 2)
    e0 = np.sqrt(p0 * p0 + m * m)
    rest2 = max(big * big - 2.0 * big * e0 + m * m, 0.0)
    rest = np.sqrt(rest2)
    r2 = big * big - 2.0 * big * omega
    if p0 <= 1e-6 * m or r2 <= (m + rest) ** 2:
        return 0.0, 1.0
    r = np.sqrt(r2)
    p = _two_body_momentum(r, m, rest)
    e = np.sqrt(p * p + m * m)
    log0, log1 = np.log((e0 + p0) / m), np.log((e + p) / m)
    # 1 - beta c between (1 - beta) and (1 + beta), flat in its logarithm
    low = m * m / (e * (e + p))
    one_minus = low * np.exp(2.0 * log1 * rng.random())
    c = max(-1.0, min(1.0, (1.0 - one_minus) * e / p))
    s = np.sqrt(1.0 - c * c)
    phi = 2.0 * np.pi * rng.random()
    nx, ny, nz = p4[i, 0] / p0, p4[i, 1] / p0, p4[i, 2] / p0
    # two unit vectors across the emitter
    t = np.sqrt(nx * nx + ny * ny)
    ax, ay = (-ny / t, nx / t) if t > 1e-12 else (1.0, 0.0)
    bx, by, bz = -nz * ay, nz * ax, nx * ay - ny * ax
    k = omega * big / r
    sc, ss = s * np.cos(phi), s * np.sin(phi)
    work[n, 0] = k * (c * nx + sc * ax + ss * bx)
    work[n, 1] = k * (c * ny + sc * ay + ss * by)
    work[n, 2] = k * (c * nz + ss * bz)
    work[n, 3] = k
    # boost of the rest along the emitter: momentum -p0 becomes -p
    d = (np.sqrt(p0 * p0 + rest2) + p0) / (np.sqrt(p * p + rest2) + p)
    ch, sh = 0.5 * (d + 1.0 / d), 0.5 * (d - 1.0 / d)
    for j in range(n):
        along = p4[j, 0] * nx + p4[j, 1] * ny + p4[j, 2] * nz
        shift = (ch - 1.0) * along + sh * p4[j, 3]
        work[j, 0] = p4[j, 0] + shift * nx
        work[j, 1] = p4[j, 1] + shift * ny
        work[j, 2] = p4[j, 2] + shift * nz
        work[j, 3] = ch * p4[j, 3] + sh * along
    work[i, 0], work[i, 1], work[i, 2], work[i, 3] = p * nx, p * ny, p * nz, e
    # phase space ratio, and the angular integral over its bound
    return p * big / (r * p0) * (log1 * e / p) / (log0 * e0 / p0), one_minus


@lean_kernel
def _dot_rows(a, i, j):
    return a[i, 3] * a[j, 3] - a[i, 0] * a[j, 0] - a[i, 1] * a[j, 1] - a[i, 2] * a[j, 2]


@lean_kernel
def _current_squared(big, parent_charge, omega, n, work, pdg, i):
    """omega^2 times the emission probability density of row i: -J^2 times its share, plus its spin term.

    `work` is in the frame R of `_recoil`: P = R + k with R at rest.
    """
    k = work[n, 3]
    ex, ey, ez, et = 0.0, 0.0, 0.0, 0.0
    r = np.sqrt(max(big * big - 2.0 * big * omega, 0.0))
    if parent_charge != 0.0:
        f = parent_charge / (big * omega)
        ex, ey, ez, et = -f * work[n, 0], -f * work[n, 1], -f * work[n, 2], -f * (r + k)
    shares, mine, spin = 0.0, 0.0, 0.0
    for j in range(n):
        q = _charge(pdg[j])
        if q == 0.0:
            continue
        pk = _dot_rows(work, j, n)
        f = q / pk
        ex, ey, ez, et = ex + f * work[j, 0], ey + f * work[j, 1], ez + f * work[j, 2], et + f * work[j, 3]
        pp = work[j, 3] * r + pk
        # its dipole with the parent: a slow particle, which could not take the recoil, has no share
        dipole = max((2.0 * pp / (big * omega) - _dot_rows(work, j, j) / pk) / pk - 1.0 / (omega * omega), 0.0)
        shares += dipole
        if j == i:
            mine = dipole
            if abs(pdg[j]) < 20:
                spin = big * omega / ((pp + big * omega) * pk)
    share = mine / shares if shares > 0.0 else 0.0
    return omega * omega * ((ex * ex + ey * ey + ez * ez - et * et) * share + spin)


@lean_kernel
def _pick_emitter(rng, total, p4, pdg, mass, last, n_charged):
    """One of the charged rows, by the bounds of their rates; `total` is the sum of the bounds."""
    u = total * rng.random()
    for i in range(last):
        if _charge(pdg[i]) != 0.0:
            u -= _emission_rate(p4, i, mass[i], abs(pdg[i]) < 20, n_charged)
            if u < 0.0:
                return i
    return last


@lean_kernel
def _radiate(rng, parent_mass, parent_charge, n, p4, pdg, mass, work):
    """Add final-state photons to a decay at rest; see the top of this file. Returns the new number of rows."""
    n_charged, last = 0, -1
    for i in range(n):
        if _charge(pdg[i]) != 0.0:
            n_charged, last = n_charged + 1, i
    if n_charged == 0:
        return n
    omega = 0.5 * parent_mass
    while n < len(p4):
        total = 0.0
        for i in range(last + 1):
            if _charge(pdg[i]) != 0.0:
                total += _emission_rate(p4, i, mass[i], abs(pdg[i]) < 20, n_charged)
        accepted = False
        while not accepted:
            omega *= np.exp(-rng.standard_exponential() / total)
            if omega < CUT_GEV:
                return n
            i = last if n_charged == 1 else _pick_emitter(rng, total, p4, pdg, mass, last, n_charged)
            weight, one_minus = _recoil(rng, parent_mass, omega, i, n, p4, mass[i], work)
            if weight > 0.0:
                margin = _SPIN_MARGIN if abs(pdg[i]) < 20 else 1.0
                weight *= _current_squared(parent_mass, parent_charge, omega, n, work, pdg, i)
                weight *= one_minus / (2.0 * n_charged * margin)
                accepted = rng.random() < weight
        _to_parent_frame(p4, work, n)
        pdg[n], mass[n] = 22, 0.0
        n += 1
    return n


@lean_kernel
def _to_parent_frame(p4, work, n):
    """Copy rows 0..n of `work` into `p4`, boosted to the frame in which their sum is at rest; row n is the photon."""
    px, py, pz, e = work[n, 0], work[n, 1], work[n, 2], 0.0
    for j in range(n + 1):
        e += work[j, 3]
    for j in range(n + 1):
        p4[j, 0], p4[j, 1], p4[j, 2], p4[j, 3] = _boost(
            work[j, 0], work[j, 1], work[j, 2], work[j, 3], -px / e, -py / e, -pz / e
        )


@lean_kernel
def _radiate_pair(rng, sqrt_s, m, photons):
    """Photons off a fermion pair from a virtual photon; see the top of this file. Returns (n, pair mass).

    The density in x = 2 k/M and c (photon against f-, pair frame) of gamma*(M) -> f- f+ gamma, averaged over the
    orientation of the pair, from the exact first-order matrix element with mass, as in `pair_photon_spectrum`:
    (2 alpha/pi)(v/beta) {(1-x)/x v^2 (1-c^2)/(1-v^2 c^2)^2 + x (1+v^2 c^2)/(4 (1+rho/2)(1-v^2 c^2))} dx dc,
    v the velocity in the pair frame, rho = 4 m^2/M^2; it is below (2 alpha/pi)(L/beta)/x times v/(L(v)(1-v^2 c^2)).
    """
    big = sqrt_s
    k = 0.5 * big
    n = 0
    while n < len(photons) and big > 2.0 * m:
        rho = 4.0 * m * m / (big * big)
        beta = np.sqrt(1.0 - rho)
        log_beta = np.arctanh(beta)
        k *= np.exp(-rng.standard_exponential() * np.pi * beta / (4.0 * ALPHA * log_beta))
        if k < CUT_GEV:
            break
        x = 2.0 * k / big
        if x >= 1.0 - rho:
            continue
        v = np.sqrt(1.0 - rho / (1.0 - x))
        log_v = np.arctanh(v)
        vc = np.tanh(log_v * (2.0 * rng.random() - 1.0))
        v2c2 = vc * vc
        weight = (1.0 - x) * (v * v - v2c2) / (1.0 - v2c2) + x * x * (1.0 + v2c2) / (4.0 + 2.0 * rho)
        if rng.random() < weight * log_v / log_beta:
            # energy in the frame of the remaining pair, and cosine, for the second pass
            left = big * np.sqrt(1.0 - x)
            photons[n, 3] = 0.5 * (big * big - left * left) / left
            photons[n, 2] = vc / v
            big = left
            n += 1
    px, py, pz, e = 0.0, 0.0, 0.0, big
    for i in range(n - 1, -1, -1):
        energy, c = photons[i, 3], max(-1.0, min(1.0, photons[i, 2]))
        phi = 2.0 * np.pi * rng.random()
        s = energy * np.sqrt(1.0 - c * c)
        photons[i, 0], photons[i, 1], photons[i, 2], photons[i, 3] = _boost(
            s * np.cos(phi), s * np.sin(phi), energy * c, energy, px / e, py / e, pz / e
        )
        px, py, pz, e = px + photons[i, 0], py + photons[i, 1], pz + photons[i, 2], e + photons[i, 3]
    return n, big


@kernel
def _radiate_pairs(rng, sqrt_s, m, photons, count, pair_mass):
    for i in range(len(count)):
        count[i], pair_mass[i] = _radiate_pair(rng, sqrt_s, m, photons[i])


@kernel
def _radiate_many(rng, parent_mass, parent_charge, n, p4, pdg, mass, work, count):
    for i in range(len(count)):
        count[i] = _radiate(rng, parent_mass, parent_charge, n, p4[i], pdg[i], mass[i], work)


def radiate_pairs(
    rng: np.random.Generator, sqrt_s: float, m: float, n: int
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Final-state radiation of n fermion pairs from a virtual photon.

    Parameters
    ----------
    rng : numpy.random.Generator
        From `toymc.streams.stream`.
    sqrt_s : float
        Mass of the virtual photon, GeV.
    m : float
        Mass of the fermion, GeV.
    n : int
        Number of pairs.

    Returns
    -------
    photons : float64 (n, 4, 4)
        px, py, pz, E in GeV in the rest frame of the pair, f- along +z; unused rows are zero.
    count : int64 (n,)
        Number of photons.
    pair_mass : float64 (n,)
        Mass of the pair after radiation, GeV.

    Raises
    ------
    InputError
        Below threshold.

    Examples
    --------
    >>> from toymc.streams import stream
    >>> photons, count, pair_mass = radiate_pairs(stream(1, "doc", "test", 0), 10.58, 1.777, 100)
    >>> bool((pair_mass[count == 0] == 10.58).all())
    True
    """
    if not (m > 0.0 and sqrt_s > 2.0 * m):
        raise InputError(f"a pair of mass {m} GeV each at {sqrt_s} GeV: give a positive mass below half the energy")
    photons, count, pair_mass = np.zeros((n, 4, 4)), np.zeros(n, dtype=np.int64), np.empty(n)
    _radiate_pairs(rng, sqrt_s, m, photons, count, pair_mass)
    photons[np.arange(4)[None, :] >= count[:, None]] = 0.0
    return photons, count, pair_mass


def pair_photon_spectrum(x: FloatArray, sqrt_s: float, m: float) -> FloatArray:
    """Exact first-order photon spectrum of gamma* -> f- f+ gamma for massive fermions, over the rate without photon.

    dN/dx = (2 alpha/pi)(v/beta) {(1-x)/x [(1+v^2)/(2v) L - 1] + x/(2+rho) [L/v - 1]}, L = ln((1+v)/(1-v)),
    v^2 = 1 - rho/(1-x), rho = 4 m^2/s: the integral over the fermion energies of the vector-current matrix element
    [B.L. Ioffe, Phys. Lett. B78 (1978) 277, with alpha for (4/3) alpha_s].

    Parameters
    ----------
    x : float64
        Photon energy over sqrt(s)/2, 0 < x < 1 - rho.
    sqrt_s, m : float
        GeV.

    Returns
    -------
    float64, shape of x
        Mean number of photons per unit of x.

    Raises
    ------
    InputError
        For x outside its range.

    Examples
    --------
    >>> bool(pair_photon_spectrum(np.array([0.1]), 10.58, 1.777)[0] > 0.0)
    True
    """
    x = np.asarray(x, dtype=np.float64)
    rho = 4.0 * m * m / sqrt_s**2
    if np.any(x <= 0.0) or np.any(x >= 1.0 - rho):
        raise InputError(f"photon fraction x from {x.min()} to {x.max()}: allowed are 0 < x < {1.0 - rho:.6f}")
    v, beta = np.sqrt(1.0 - rho / (1.0 - x)), np.sqrt(1.0 - rho)
    log = np.log((1.0 + v) / (1.0 - v))
    soft = (1.0 - x) / x * ((1.0 + v * v) / (2.0 * v) * log - 1.0)
    return np.asarray(2.0 * ALPHA / np.pi * v / beta * (soft + x / (2.0 + rho) * (log / v - 1.0)))
