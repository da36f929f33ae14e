"""Slow, obvious twin of the complete four-lepton tree: Dirac matrices, one graph after the other, any photon gauge."""

from itertools import permutations

import numpy as np

from tests.generators.four_lepton_twin import GAMMA, METRIC, ONE, dot, slash


def u_spinor(p, m, s):
    """Ket of a fermion, spin s along z in its rest frame (Dirac representation)."""
    return (slash(p) + m * ONE) @ np.eye(4)[s] / np.sqrt(p[0] + m)


def v_spinor(p, m, s):
    """Ket of an antifermion."""
    return (m * ONE - slash(p)) @ np.eye(4)[2 + s] / np.sqrt(p[0] + m)


def bar(psi):
    """psi^dagger gamma^0."""
    return psi.conj() @ GAMMA[0]


def propagator(q, gauge):
    """Photon: g over q^2 in the Feynman gauge, plus gauge * q q / q^4."""
    q2 = dot(q, q)
    return (np.diag(METRIC) + gauge * np.outer(METRIC * q, METRIC * q) / q2) / q2


def squared(momenta, masses, owner, gauge=0.0):
    """sum |M|^2/e^8 over all spins; momenta (E, x, y, z) of e-, e+, l-, l+, L-, L+, owner: flavours of e, l, L."""
    kets = [(0, 0, u_spinor), (3, 1, v_spinor), (5, 2, v_spinor)]
    bras = [(1, 0, v_spinor), (2, 1, u_spinor), (4, 2, u_spinor)]
    k = [np.array([f(momenta[row], masses[i], s) for s in range(2)]) for row, i, f in kets]
    b = [np.array([bar(f(momenta[row], masses[i], s)) for s in range(2)]) for row, i, f in bras]
    kp = [momenta[row] * (1.0 if row == 0 else -1.0) for row, _, _ in kets]
    bp = [momenta[row] * (-1.0 if row == 1 else 1.0) for row, _, _ in bras]
    total = np.zeros((2,) * 6, dtype=complex)
    gamma = np.array(GAMMA)
    for ends in permutations(range(3)):
        if any(owner[i] != owner[ends[i]] for i in range(3)):
            continue
        sign = np.linalg.det(np.eye(3)[list(ends)])
        current = [np.einsum("ba,mac,kc->kbm", b[ends[i]], gamma, k[i]) for i in range(3)]
        q = [kp[i] - bp[ends[i]] for i in range(3)]
        for d in range(3):
            x, y = (i for i in range(3) if i != d)
            a_x, a_y = (np.einsum("kbm,mn->kbn", current[i], propagator(q[i], gauge)) for i in (x, y))
            line = np.zeros((2, 2, 4, 4), dtype=complex)
            for first, swap in ((x, False), (y, True)):
                p = kp[d] + q[first]
                s = (slash(p) + masses[d] * ONE) / (dot(p, p) - masses[d] ** 2)
                # indices: ket, bra, photon of x, photon of y
                form = "bi,mij,jl,nlo,ko->kb" + ("mn" if swap else "nm")
                line += np.einsum(form, b[ends[d]], gamma, s, gamma, k[d], optimize=True)
            # spins: kets 0 1 2, bras 0 1 2
            names = "abc", "def"
            parts = [names[0][i] + names[1][ends[i]] for i in (d, x, y)]
            total += sign * np.einsum(f"{parts[0]}mn,{parts[1]}m,{parts[2]}n->abcdef", line, a_x, a_y, optimize=True)
    return float(np.sum(np.abs(total) ** 2))
