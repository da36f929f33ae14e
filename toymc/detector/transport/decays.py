"""Decays in flight: mode table of ``data/decays.toml`` and the kernels that make the daughters.

A three-body decay is M -> (12) 3 in s = m_12^2 and c = cosine of particle 1 in the rest frame of (12) against the
direction of (12); the density in (s, c) is k p / sqrt(s) |M|^2. Matrix elements, constant factors left out:

* K -> 3 pi: 1 + g u + h u^2 + k v^2 with the PDG's u, v.
* K_l3: f+^2 [A + B xi + C xi^2], A = m_K (2 E_l E_nu - m_K E'_pi) + m_l^2 (E'_pi/4 - E_nu), B = m_l^2 (E_nu -
  E'_pi/2), C = m_l^2 E'_pi/4, E'_pi = (m_K^2 + m_pi^2 - m_l^2)/(2 m_K) - E_pi, xi = f-/f+ = (f0/f+ - 1)(m_K^2 -
  m_pi^2)/t [Chounet et al., Phys. Rep. 4 (1972) 199; PDG review, "K_l3 form factors"]; t = s of the lepton pair.
* mu -> e nu nu: (p_mu.p_nubar)(p_e.p_nu) ~ (s - m_e^2)(m_mu^2 - s) with s of (e nu_mu): exact at lowest order, x^2 (3 -
  2x) for a massless electron.

Nothing is polarised: the muon of pi -> mu nu is, but it lives 659 m, so its decay is hardly ever seen. Radiative
corrections and the asymmetries of hyperon decays are left out.
"""

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import M_PI, mass
from toymc.errors import InputError
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _two_body_momentum

FloatArray = npt.NDArray[np.float64]

# columns of a mode
CUMULATIVE, KIND, COUNT, CODES, MASSES, BOUND, PARAMETERS = 0, 1, 2, 3, 6, 9, 10
N_MODE = 14
TWO_BODY, PHASE_SPACE, K3PI, KL3, MICHEL, SAME = range(6)
_KINDS = {
    "two_body": TWO_BODY,
    "phase_space": PHASE_SPACE,
    "k3pi": K3PI,
    "kl3": KL3,
    "michel": MICHEL,
    "same": SAME,
}
_BODIES = {"two_body": 2, "same": 1}
# a grid of 200 x 41 points misses the maximum by less than this; parents may be off the PDG mass by 1e-3
_MARGIN = 1.08
OFF_SHELL = 1e-3


@kernel
def _matrix_kl3(row, m, s, e_lepton, e_neutrino, e_pion):
    """Vector matrix element of K -> l nu pi."""
    m_l, m_pi = row[MASSES], row[MASSES + 2]
    t = s / (M_PI * M_PI)
    f_plus = 1.0 + row[PARAMETERS] * t + 0.5 * row[PARAMETERS + 1] * t * t
    f_zero = 1.0 + row[PARAMETERS + 2] * t
    xi = (f_zero / f_plus - 1.0) * (m * m - m_pi * m_pi) / s
    l2 = m_l * m_l
    missing = 0.5 * (m * m + m_pi * m_pi - l2) / m - e_pion
    a = m * (2.0 * e_lepton * e_neutrino - m * missing) + l2 * (0.25 * missing - e_neutrino)
    b = l2 * (e_neutrino - 0.5 * missing)
    c = 0.25 * l2 * missing
    return f_plus * f_plus * (a + b * xi + c * xi * xi)


@kernel
def _density(row, m, s, c):
    """Density in (s, c) of a three-body mode of a parent of mass m."""
    m1, m2, m3 = row[MASSES], row[MASSES + 1], row[MASSES + 2]
    e = math.sqrt(s)
    k = _two_body_momentum(m, e, m3)
    p = _two_body_momentum(e, m1, m2)
    space = k * p / e
    kind = int(row[KIND])
    if kind == PHASE_SPACE:
        return space
    if kind == MICHEL:
        return space * (s - m1 * m1) * (m * m - s)
    e_pair = math.sqrt(k * k + s)
    e3 = m - e_pair
    e1 = (e_pair * math.sqrt(p * p + m1 * m1) + k * p * c) / e
    e2 = e_pair - e1
    if kind == KL3:
        return space * max(_matrix_kl3(row, m, s, e1, e2, e3), 0.0)
    # s_i = (p_K - p_i)^2
    s1 = m * m + m1 * m1 - 2.0 * m * e1
    s2 = m * m + m2 * m2 - 2.0 * m * e2
    u = (s - (m * m + m1 * m1 + m2 * m2 + m3 * m3) / 3.0) / (M_PI * M_PI)
    v = (s1 - s2) / (M_PI * M_PI)
    return space * max(1.0 + u * (row[PARAMETERS] + u * row[PARAMETERS + 1]) + row[PARAMETERS + 2] * v * v, 0.0)


@kernel
def _largest_density(row, m):
    """Largest density of a mode on a grid, for the rejection."""
    best = 0.0
    low = (row[MASSES] + row[MASSES + 1]) ** 2
    high = (m - row[MASSES + 2]) ** 2
    for i in range(1, 200):
        for j in range(41):
            best = max(best, _density(row, m, low + (high - low) * i / 200.0, -1.0 + 0.05 * j))
    return best


@lean_kernel
def _isotropic(rng):
    """A random unit vector."""
    c = 2.0 * rng.random() - 1.0
    s = math.sqrt(1.0 - c * c)
    phi = 2.0 * math.pi * rng.random()
    return s * math.cos(phi), s * math.sin(phi), c


@lean_kernel
def _store(p4, k, px, py, pz, m):
    p4[k, 0], p4[k, 1], p4[k, 2] = px, py, pz
    p4[k, 3] = math.sqrt(px * px + py * py + pz * pz + m * m)


@lean_kernel
def _boost_rows(p4, n, px, py, pz, m):
    """Take rows 0..n-1 from the rest frame of a particle of mass m to the frame where it has this momentum."""
    energy = math.sqrt(px * px + py * py + pz * pz + m * m)
    for i in range(n):
        along = (p4[i, 0] * px + p4[i, 1] * py + p4[i, 2] * pz) / m
        common = along / (energy + m) + p4[i, 3] / m
        p4[i, 0] += common * px
        p4[i, 1] += common * py
        p4[i, 2] += common * pz
        p4[i, 3] = energy / m * p4[i, 3] + along


@lean_kernel
def _three_body(rng, row, m, p4):
    """Three momenta in the rest frame of the parent."""
    m1, m2, m3 = row[MASSES], row[MASSES + 1], row[MASSES + 2]
    low = (m1 + m2) ** 2
    high = (m - m3) ** 2
    s = 0.5 * (low + high)
    c = 0.0
    for _ in range(10000):
        s = low + (high - low) * rng.random()
        c = 2.0 * rng.random() - 1.0
        if row[BOUND] * rng.random() <= _density(row, m, s, c):
            break
    e = math.sqrt(s)
    k = _two_body_momentum(m, e, m3)
    p = _two_body_momentum(e, m1, m2)
    # particle 1 against the direction d of the pair, the azimuth about d at random
    dx, dy, dz = _isotropic(rng)
    ax, ay, az = _isotropic(rng)
    along = ax * dx + ay * dy + az * dz
    ax, ay, az = ax - along * dx, ay - along * dy, az - along * dz
    length = math.sqrt(ax * ax + ay * ay + az * az)
    across = p * math.sqrt(1.0 - c * c) / length if length > 0.0 else 0.0
    _store(p4, 0, p * c * dx + across * ax, p * c * dy + across * ay, p * c * dz + across * az, m1)
    _store(p4, 1, -p4[0, 0], -p4[0, 1], -p4[0, 2], m2)
    _boost_rows(p4, 2, k * dx, k * dy, k * dz, e)
    _store(p4, 2, -k * dx, -k * dy, -k * dz, m3)


@lean_kernel
def _conjugate(code):
    """PDG code of the antiparticle, among the daughters that occur here."""
    if code == 22 or code == 111 or code == 130 or code == 310:
        return code
    return -code


@lean_kernel
def _decay(rng, modes, first, pdg, m, p4, codes, masses):
    """One decay in the rest frame by the modes that start at row `first`; returns the number of daughters.

    0 if the drawn mode is closed at this mass.
    """
    u = rng.random()
    i = first
    while modes[i, CUMULATIVE] < u:
        i += 1
    row = modes[i]
    n = int(row[COUNT])
    total = 0.0
    for k in range(n):
        code = int(row[CODES + k])
        codes[k] = code if pdg > 0 else _conjugate(code)
        masses[k] = row[MASSES + k]
        total += masses[k]
    if n == 1:
        masses[0] = m
        _store(p4, 0, 0.0, 0.0, 0.0, m)
        return 1
    if total >= m:
        return 0
    if n == 2:
        p = _two_body_momentum(m, masses[0], masses[1])
        x, y, z = _isotropic(rng)
        _store(p4, 0, p * x, p * y, p * z, masses[0])
        _store(p4, 1, -p * x, -p * y, -p * z, masses[1])
    else:
        _three_body(rng, row, m, p4)
    return n


@cache
def _card() -> dict[str, Any]:
    text = (resources.files("toymc.detector.transport") / "data" / "decays.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _row(parent: dict[str, Any], mode: dict[str, Any]) -> FloatArray:
    kind, products = mode["kind"], mode["products"]
    if kind not in _KINDS or len(products) != _BODIES.get(kind, 3):
        raise InputError(
            f"decays.toml: {parent['name']}: kind '{kind}' with {len(products)} products: give one of "
            f"{', '.join(_KINDS)} with its number of products"
        )
    row = np.zeros(N_MODE)
    row[KIND], row[COUNT] = _KINDS[kind], len(products)
    row[CODES : CODES + len(products)] = products
    row[MASSES : MASSES + len(products)] = [mass(code) for code in products]
    if kind == "k3pi":
        row[PARAMETERS : PARAMETERS + 3] = [mode["slopes"][name] for name in ("g", "h", "k")]
    if kind == "kl3":
        row[PARAMETERS : PARAMETERS + 3] = [mode["form"][name] for name in ("lambda1", "lambda2", "lambda0")]
    if len(products) == 3:
        row[BOUND] = _MARGIN * _largest_density(row, mass(parent["pdg"]))
    return row


@cache
def decay_table() -> tuple[FloatArray, dict[int, int]]:
    """Mode table for `_decay`, and the first row of every parent (positive PDG code).

    Raises
    ------
    InputError
        If the fractions of a parent do not sum to one within 1 %, or a kind is unknown.

    Examples
    --------
    >>> modes, first = decay_table()
    >>> modes.shape[1], 211 in first
    (14, True)
    """
    rows: list[FloatArray] = []
    first: dict[int, int] = {}
    for parent in _card()["parent"]:
        total = sum(mode["fraction"] for mode in parent["mode"])
        if not 0.99 < total < 1.01:
            raise InputError(f"decays.toml: fractions of {parent['name']} sum to {total}: allowed are 0.99 to 1.01")
        first[parent["pdg"]] = len(rows)
        running = 0.0
        for mode in parent["mode"]:
            running += mode["fraction"] / total
            rows.append(_row(parent, mode))
            rows[-1][CUMULATIVE] = running
        rows[-1][CUMULATIVE] = 2.0  # whatever the rounding, the last mode ends the search
    return np.ascontiguousarray(rows), first


def decay_modes() -> list[dict[str, Any]]:
    """List the modes of ``data/decays.toml`` with normalised fractions, and what is left out.

    Returns
    -------
    list of dict
        ``parent`` (PDG code), ``name``, ``modes`` (list of products, fraction, kind), ``left_out`` (text).

    Examples
    --------
    >>> decay_modes()[1]["name"]
    'pi+'
    """
    out = []
    for parent in _card()["parent"]:
        total = sum(mode["fraction"] for mode in parent["mode"])
        modes = [
            {"products": m["products"], "fraction": m["fraction"] / total, "kind": m["kind"]} for m in parent["mode"]
        ]
        out.append({"parent": parent["pdg"], "name": parent["name"], "modes": modes, "left_out": parent["left_out"]})
    return out
