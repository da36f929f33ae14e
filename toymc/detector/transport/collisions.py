"""What a nuclear interaction leaves behind: a model, made for displaced vertices of two to four charged tracks.

The hadron hits one nucleon at rest (proton or neutron with equal chance; beryllium, carbon and silicon have as many of
both), or a pair of nucleons that absorbs a pion. Final states:

* leading hadron + nucleon + k pions, k from a Poisson distribution whose mean grows with the energy above threshold;
* pion + (NN) -> N N (absorption), mostly at kinetic energies below 0.4 GeV;
* anti-kaon + N -> hyperon + pions (strangeness exchange);
* antinucleon + N -> pions (annihilation), or antinucleon + N + pions.

Charges are drawn so that the sum is conserved; baryon number and strangeness are conserved by construction. Momenta:
n-body phase space [F. James, CERN 68-15], turned as a whole so that the leading hadron follows exp(b t). Energy and
momentum are conserved exactly with the target nucleon(s) at rest.

Known: that charge, baryon number, strangeness, four-momentum are conserved; multiplicities and slopes within some 20 %
at 0.5-5 GeV. Not in the model: Fermi motion, binding, rescattering in the nucleus, evaporated protons and alphas (short
tracks from the vertex), elastic scattering, resonances. Numbers: ``data/hadronic.toml``.
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import M_K, M_K0, M_N, M_P, M_PI, M_PI0, mass
from toymc.detector.transport.decays import _boost_rows, _isotropic, _store
from toymc.detector.transport.hadronic import hadronic_card
from toymc.detector.transport.numbers import (
    ABSORPTION,
    ABSORPTION_UNTIL,
    ANNIHILATION,
    ANNIHILATION_PIONS,
    CHARGE_KEPT,
    PIONS_PER_GEV,
    QUASI_DEUTERON,
    SLOPE,
    STRANGENESS_EXCHANGE,
)
from toymc.generators.lorentz import _transverse
from toymc.kernels import inlined_kernel, lean_kernel
from toymc.kinematics import _two_body_momentum

FloatArray = npt.NDArray[np.float64]

MAX_PRODUCTS = 7
PI, KAON, ANTIKAON, NUCLEON, ANTINUCLEON, LAMBDA, SIGMA = range(7)
_M_LAMBDA = mass(3122)
_M_SIGMA_PLUS, _M_SIGMA_ZERO, _M_SIGMA_MINUS = mass(3222), mass(3212), mass(3112)
_TRIES = 50


def collision_numbers() -> FloatArray:
    """The numbers of the model from ``data/hadronic.toml``."""
    model = hadronic_card()["model"]
    names = (
        "pions_per_GeV",
        "slope_per_GeV2",
        "charge_kept",
        "absorption",
        "absorption_until_GeV",
        "quasi_deuteron",
        "strangeness_exchange",
        "annihilation",
        "annihilation_pions",
    )
    return np.array([float(model[name]["value"]) for name in names])


@lean_kernel
def _code(rng, family, charge):
    """PDG code of a member of a family with this charge; neutral kaons as K_S or K_L."""
    if family == PI:
        return 111 if charge == 0 else 211 * charge
    if family == KAON or family == ANTIKAON:
        if charge == 0:
            return 310 if rng.random() < 0.5 else 130
        return 321 * charge
    if family == NUCLEON:
        return 2212 if charge == 1 else 2112
    if family == ANTINUCLEON:
        return -2212 if charge == -1 else -2112
    if family == LAMBDA:
        return 3122
    return 3222 if charge == 1 else (3212 if charge == 0 else 3112)


@lean_kernel
def _mass_of(family, charge):
    if family == PI:
        return M_PI0 if charge == 0 else M_PI
    if family == KAON or family == ANTIKAON:
        return M_K0 if charge == 0 else M_K
    if family == NUCLEON or family == ANTINUCLEON:
        return M_N if charge == 0 else M_P
    if family == LAMBDA:
        return _M_LAMBDA
    return _M_SIGMA_PLUS if charge == 1 else (_M_SIGMA_ZERO if charge == 0 else _M_SIGMA_MINUS)


@lean_kernel
def _draw_charge(rng, family):
    """One of the charges of a family."""
    u = rng.random()
    if family == PI or family == SIGMA:
        return -1 if u < 1.0 / 3.0 else (0 if u < 2.0 / 3.0 else 1)
    if family == LAMBDA:
        return 0
    charged = u < 0.5
    if family == ANTIKAON or family == ANTINUCLEON:
        return -1 if charged else 0
    return 1 if charged else 0


@lean_kernel
def _poisson(rng, mean, most):
    """Poisson number by multiplication of uniforms, not above `most`."""
    limit = math.exp(-mean)
    product = rng.random()
    k = 0
    while product > limit and k < most:
        product *= rng.random()
        k += 1
    return k


@lean_kernel
def _may_have(family, charge):
    """Whether a family has a member with this charge."""
    if family == PI or family == SIGMA:
        return -1 <= charge <= 1
    if family == LAMBDA:
        return charge == 0
    if family == ANTIKAON or family == ANTINUCLEON:
        return -1 <= charge <= 0
    return 0 <= charge <= 1


@lean_kernel
def _charges(rng, families, n, total, leading_charge, kept, charges):
    """Charges of n particles that sum to `total`; False if none was found.

    The last gets what is left: the charges of a family are drawn with equal chances, so whether it has this one is all
    that counts.
    """
    for _ in range(_TRIES):
        rest = total
        for k in range(n - 1):
            if k == 0 and leading_charge > -2 and rng.random() < kept:
                charges[k] = leading_charge
            else:
                charges[k] = _draw_charge(rng, int(families[k]))
            rest -= int(charges[k])
        if _may_have(int(families[n - 1]), rest):
            charges[n - 1] = rest
            return True
    return False


@inlined_kernel
def _largest_weight(n, energy, masses):
    """Energy that n particles have free, and an upper bound of the product of the momenta of all steps.

    A step in which a system of mass s and a particle of mass m release the energy t has

        p^2 = t (t + 2 m) g,  g = (t + 2 s)(t + 2 s + 2 m)/(2 (t + s + m))^2 <= 1.

    g rises with s and, where s is not below m, falls with t: it is below s/(s + m) for the largest s, which holds all
    of the free energy F. The sum of all t is F and log(t (t + 2 m)) is concave, so the product with the largest m in
    all steps is largest for equal t = F/(n - 1).
    """
    free = energy
    for k in range(n):
        free -= masses[k]
    free = max(free, 0.0)
    share = free / (n - 1.0)
    light = min(masses[0], masses[1])
    for k in range(2, n):
        light = max(light, masses[k])
    heavy = max(masses[0], masses[1])
    square = heavy / (heavy + min(masses[0], masses[1])) * share * (share + 2.0 * light)
    low = masses[0] + masses[1]
    for k in range(2, n):
        largest = (low + free) / (low + free + masses[k]) if masses[k] <= low else 1.0
        square *= largest * share * (share + 2.0 * light)
        low += masses[k]
    return free, math.sqrt(square)


@inlined_kernel
def _phase_space(rng, n, energy, masses, p4):
    """n momenta in their rest frame, uniform in phase space [F. James, CERN 68-15]; p4 has room behind row n.

    Row n holds the sub-masses while it works.
    """
    free, bound = _largest_weight(n, energy, masses)
    levels = p4[n]
    # two particles have nothing to choose
    for _ in range(2000 if n > 2 else 0):
        # sorted uniforms give the sub-masses
        for k in range(n - 2):
            u = rng.random()
            j = k
            while j > 0 and levels[j - 1] > u:
                levels[j] = levels[j - 1]
                j -= 1
            levels[j] = u
        product = 1.0
        sub = masses[0]
        summed = masses[0]
        for k in range(1, n):
            summed += masses[k]
            following = summed + free * (levels[k - 1] if k < n - 1 else 1.0)
            product *= _two_body_momentum(following, sub, masses[k])
            sub = following
        if bound * rng.random() <= product:
            break
    _store(p4, 0, 0.0, 0.0, 0.0, masses[0])
    sub = masses[0]
    summed = masses[0]
    for k in range(1, n):
        summed += masses[k]
        following = summed + free * (levels[k - 1] if k < n - 1 else 1.0)
        p = _two_body_momentum(following, sub, masses[k])
        x, y, z = _isotropic(rng)
        _boost_rows(p4, k, -p * x, -p * y, -p * z, max(sub, 1e-9))
        _store(p4, k, p * x, p * y, p * z, masses[k])
        sub = following


@inlined_kernel
def _turn_leading(rng, p4, n, x, y, z, slope):
    """Rotate all rows so that row 0 is at exp(slope cos) from the direction (x, y, z)."""
    length = math.sqrt(p4[0, 0] ** 2 + p4[0, 1] ** 2 + p4[0, 2] ** 2)
    if length <= 0.0:
        return
    u = rng.random()
    if slope < 1e-3:
        c = 2.0 * u - 1.0
    else:
        c = max(1.0 + math.log(u + (1.0 - u) * math.exp(-2.0 * slope)) / slope, -1.0)
    s = math.sqrt(max(1.0 - c * c, 0.0))
    phi = 2.0 * math.pi * rng.random()
    ax, ay, az, bx, by, bz = _transverse(x, y, z)
    cp, sp = s * math.cos(phi), s * math.sin(phi)
    nx, ny, nz = c * x + cp * ax + sp * bx, c * y + cp * ay + sp * by, c * z + cp * az + sp * bz
    hx, hy, hz = p4[0, 0] / length, p4[0, 1] / length, p4[0, 2] / length
    # body axes to new axes; the azimuth about the leading hadron is random already
    ax, ay, az, bx, by, bz = _transverse(hx, hy, hz)
    cx, cy, cz, dx, dy, dz = _transverse(nx, ny, nz)
    for k in range(n):
        along = p4[k, 0] * hx + p4[k, 1] * hy + p4[k, 2] * hz
        first = p4[k, 0] * ax + p4[k, 1] * ay + p4[k, 2] * az
        second = p4[k, 0] * bx + p4[k, 1] * by + p4[k, 2] * bz
        p4[k, 0] = along * nx + first * cx + second * dx
        p4[k, 1] = along * ny + first * cy + second * dy
        p4[k, 2] = along * nz + first * cz + second * dz


@lean_kernel
def _family(rng, pdg):
    """Family and charge of a hadron that interacts; hyperons as nucleons keep their own code in row 0."""
    a = abs(pdg)
    if a == 211:
        return PI, (1 if pdg > 0 else -1)
    if a == 321:
        return (KAON, 1) if pdg > 0 else (ANTIKAON, -1)
    if a == 130 or a == 310 or a == 311:
        return (KAON, 0) if rng.random() < 0.5 else (ANTIKAON, 0)
    if a == 2212:
        return (NUCLEON, 1) if pdg > 0 else (ANTINUCLEON, -1)
    if a == 2112:
        return (NUCLEON, 0) if pdg > 0 else (ANTINUCLEON, 0)
    return -1, 0


@inlined_kernel
def _choose_final(rng, numbers, family, pdg, kinetic, families):
    """Kind of the final state and its heavy particles in `families`: number of them, nucleons hit, pions to be added.

    The number of pions is -1 where it is drawn from the energy.
    """
    if family == PI:
        share = numbers[ABSORPTION]
        if kinetic > numbers[ABSORPTION_UNTIL]:
            share *= (numbers[ABSORPTION_UNTIL] / kinetic) ** 2
        if rng.random() < share:
            families[0] = NUCLEON
            families[1] = NUCLEON
            return 2, 2, 0
    if family == ANTIKAON and rng.random() < numbers[STRANGENESS_EXCHANGE]:
        families[0] = LAMBDA if rng.random() < 0.5 else SIGMA
        families[1] = PI
        return 2, 1, -1
    if family == ANTINUCLEON and rng.random() < numbers[ANNIHILATION]:
        families[0] = PI
        families[1] = PI
        return 2, 1, max(_poisson(rng, numbers[ANNIHILATION_PIONS], MAX_PRODUCTS - 1) - 2, 0)
    families[0] = family
    families[1] = NUCLEON
    return 2, 1, -1


@inlined_kernel
def _collide(rng, numbers, pdg, m, charge, px, py, pz, p4, codes, masses, families, charges):
    """Products of one interaction in the lab; returns their number, 0 if nothing was possible.

    p4 needs MAX_PRODUCTS + 1 rows of MAX_PRODUCTS numbers; codes, masses, families, charges MAX_PRODUCTS.
    """
    p2 = px * px + py * py + pz * pz
    p = math.sqrt(p2)
    energy = math.sqrt(p2 + m * m)
    family, hadron_charge = _family(rng, pdg)
    heavy, struck, extra = 2, 1, -1
    if family < 0:
        families[0] = -1
        families[1] = NUCLEON
        hadron_charge = int(charge)
    else:
        heavy, struck, extra = _choose_final(rng, numbers, family, pdg, energy - m, families)
    target_charge = 1 if rng.random() < 0.5 else 0
    target = M_P if target_charge == 1 else M_N
    if struck == 2:
        u = rng.random()
        like = 1 if hadron_charge <= 0 else 0  # the like pair that can absorb this charge: pp for pi-, nn for pi+
        target_charge = 1 if u < numbers[QUASI_DEUTERON] else 2 * like
        target = M_P + M_N if target_charge == 1 else 2.0 * (M_P if like == 1 else M_N)
    total_energy = energy + target
    root_s = math.sqrt(max(total_energy * total_energy - p2, 0.0))
    if extra < 0:
        above = root_s - m - target
        extra = _poisson(rng, numbers[PIONS_PER_GEV] * max(above, 0.0), MAX_PRODUCTS - heavy)
    n = 0
    for _ in range(MAX_PRODUCTS):
        n = heavy + extra
        for k in range(heavy, n):
            families[k] = PI
        if _fill(
            rng, numbers, family, pdg, m, hadron_charge, target_charge, root_s, n, families, charges, codes, masses
        ):
            break
        if extra == 0:
            return 0
        extra -= 1
    _phase_space(rng, n, root_s, masses, p4)
    leading = math.sqrt(p4[0, 0] ** 2 + p4[0, 1] ** 2 + p4[0, 2] ** 2)
    before = _two_body_momentum(root_s, m, target)
    _turn_leading(rng, p4, n, px / p, py / p, pz / p, 2.0 * numbers[SLOPE] * before * leading)
    _boost_rows(p4, n, px, py, pz, root_s)
    return n


@inlined_kernel
def _fill(
    rng, numbers, family, pdg, m, hadron_charge, target_charge, root_s, n, families, charges, codes, masses
):  # fmt: skip
    """Draw charges, codes and masses of n products; False if they do not fit into the energy."""
    first = 0
    total = hadron_charge + target_charge
    if family < 0:  # a hyperon keeps its code
        first = 1
        codes[0] = pdg
        masses[0] = m
        total -= hadron_charge
    leading = hadron_charge if first == 0 and int(families[0]) == family else -2
    if not _charges(rng, families[first:], n - first, total, leading, numbers[CHARGE_KEPT], charges[first:]):
        return False
    summed = masses[0] if first == 1 else 0.0
    for k in range(first, n):
        codes[k] = _code(rng, int(families[k]), int(charges[k]))
        masses[k] = _mass_of(int(families[k]), int(charges[k]))
        summed += masses[k]
    return summed < root_s
