"""Slow, obvious twin of the amplitudes: Dirac matrices in the standard representation, spin sums as traces."""

import numpy as np

I2, Z2 = np.eye(2), np.zeros((2, 2))
PAULI = (np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.array([[1, 0], [0, -1]]))
GAMMA0 = np.block([[I2, Z2], [Z2, -I2]]).astype(complex)
GAMMA = [np.block([[Z2, s], [-s, Z2]]) for s in PAULI] + [GAMMA0]  # order x, y, z, t
GAMMA5 = np.block([[Z2, I2], [I2, Z2]]).astype(complex)
METRIC = np.diag([-1.0, -1.0, -1.0, 1.0])
ONE = np.eye(4)


def slash(p):
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def dot(p, q):
    return p @ METRIC @ q


def propagator(p, m):
    return (slash(p) + m * ONE) / (dot(p, p) - m * m)


def vertex(kind, epsilon, left, right):
    chiral = left * (ONE - GAMMA5) / 2 + right * (ONE + GAMMA5) / 2
    return slash(epsilon) @ chiral if kind == 1 else chiral


def line(gamma_x, p_out, p_in, k, m):
    """The four matrices of a line with the boson, flow momenta p_out and p_in."""
    before, after = propagator(p_out + k, m), propagator(p_in - k, m)
    return [gamma_x @ before @ g + g @ after @ gamma_x for g in GAMMA]


def polarisation_vectors(kind, k, mass):
    if kind == 0:
        return [np.zeros(4)]
    axis = k[:3] / np.linalg.norm(k[:3])
    other = np.eye(3)[np.argmin(np.abs(axis))]
    a = np.cross(axis, other) / np.linalg.norm(np.cross(axis, other))
    found = [np.append(a, 0.0), np.append(np.cross(axis, a), 0.0)]
    if mass > 0:
        found.append(np.append(axis * k[3], np.linalg.norm(k[:3])) / mass)
    return found


def spin_summed(vectors, masses, mass, kind, couplings, exchange=False):
    """sum |M|^2 / e^4 over all spins and polarisations. vectors: l-, l+, X, e-, e+; masses: l, e."""
    p1, p2, k, pa, pb = (np.asarray(v, dtype=float) for v in vectors)
    m, m_e = masses
    cl, cr, el, er = couplings
    # sum over spins of u ubar and v vbar
    projector = [slash(p1) + m * ONE, slash(p2) - m * ONE, slash(pa) + m_e * ONE, slash(pb) - m_e * ONE]
    s, s_ll = dot(pa + pb, pa + pb), dot(p1 + p2, p1 + p2)
    total = 0.0
    for epsilon in polarisation_vectors(kind, k, mass):
        v_l, v_e = vertex(kind, epsilon, cl, cr), vertex(kind, epsilon, el, er)
        final, initial = line(v_l, p1, -p2, k, m), line(v_e, -pb, pa, k, m_e)
        # M = sum (ubar_1 A v_2)(vbar_b B u_a): tensor with indices (1, 2, b, a)
        tensor = np.zeros((4, 4, 4, 4), dtype=complex)
        for i in range(4):
            g = METRIC[i, i]
            tensor += g * np.einsum("ij,kl->ijkl", final[i], GAMMA[i]) / s
            tensor += g * np.einsum("ij,kl->ijkl", GAMMA[i], initial[i]) / s_ll
        if exchange:
            t_minus, t_plus = dot(pa - p1, pa - p1), dot(pb - p2, pb - p2)
            minus, plus = line(v_e, p1, pa, k, m), line(v_e, -pb, -p2, k, m)
            for i in range(4):
                g = METRIC[i, i]
                # (ubar_1 A u_a)(vbar_b B v_2)
                tensor -= g * np.einsum("il,kj->ijkl", minus[i], GAMMA[i]) / t_plus
                tensor -= g * np.einsum("il,kj->ijkl", GAMMA[i], plus[i]) / t_minus
        conjugate = np.einsum("ai,jb,ck,ld,ijkl->abcd", GAMMA0, GAMMA0, GAMMA0, GAMMA0, tensor.conj())
        # ubar_i ubar_a^* -> projector of 1 with the gamma0 of the conjugate taken above
        total += np.einsum(
            "ai,jb,ck,ld,ijkl,abcd->", projector[0], projector[1], projector[3], projector[2], tensor, conjugate,
            optimize=True,
        ).real  # fmt: skip
    return total


def random_boost(rng):
    """Boost times rotation as a 4x4 matrix, order x, y, z, t."""
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.linalg.det(q))
    n = rng.normal(size=3)
    n /= np.linalg.norm(n)
    rapidity = 0.8 * rng.random()
    boost = np.eye(4)
    boost[:3, :3] += (np.cosh(rapidity) - 1.0) * np.outer(n, n)
    boost[:3, 3] = boost[3, :3] = np.sinh(rapidity) * n
    boost[3, 3] = np.cosh(rapidity)
    turn = np.eye(4)
    turn[:3, :3] = q
    return boost @ turn
