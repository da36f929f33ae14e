"""Slow, obvious twin of the two-photon amplitude: Dirac matrices and traces, momenta as plain four-vectors."""

import numpy as np

_SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex)
_G0 = np.block([[np.eye(2), np.zeros((2, 2))], [np.zeros((2, 2)), -np.eye(2)]]).astype(complex)
GAMMA = [_G0, *(np.block([[np.zeros((2, 2)), s], [-s, np.zeros((2, 2))]]) for s in _SIGMA)]
METRIC = np.array([1.0, -1.0, -1.0, -1.0])
ONE = np.eye(4)


def slash(p):
    """gamma.p for p = (E, x, y, z)."""
    return sum(METRIC[i] * p[i] * GAMMA[i] for i in range(4))


def dot(p, q):
    """Minkowski product."""
    return float(np.sum(METRIC * p * q))


def lepton_tensor(p, q, m):
    """Trace of a scattered lepton, both indices up."""
    before, after = slash(p) + m * ONE, slash(q) + m * ONE
    return np.array([[np.trace(after @ GAMMA[a] @ before @ GAMMA[b]) for b in range(4)] for a in range(4)]).real


def pair_tensor(k1, k2, q1, q2, m):
    """T_{mu nu} T*_{rho sigma} of gamma* gamma* -> l-(k1) l+(k2), summed over spins, indices up in this order."""
    first = (slash(k1 - q1) + m * ONE) / (dot(k1 - q1, k1 - q1) - m * m)
    second = (slash(k1 - q2) + m * ONE) / (dot(k1 - q2, k1 - q2) - m * m)
    vertex = np.array(
        [[GAMMA[a] @ first @ GAMMA[b] + GAMMA[b] @ second @ GAMMA[a] for b in range(4)] for a in range(4)]
    )
    bar = np.array([[_G0 @ vertex[a, b].conj().T @ _G0 for b in range(4)] for a in range(4)])
    left = np.einsum("ij,abjk->abik", slash(k1) + m * ONE, vertex)
    right = np.einsum("ij,cdjk->cdik", slash(k2) - m * ONE, bar)
    return np.einsum("abij,cdji->abcd", left, right)


def squared(p1, p2, s1, s2, k1, k2, m_beam, m):
    """|M|^2/e^8 averaged over the spins of the beams, both multiperipheral diagrams: e-(p1) e+(p2) -> e-(s1) e+(s2)."""
    q1, q2 = p1 - s1, p2 - s2
    g = np.diag(METRIC)
    first = g @ lepton_tensor(p1, s1, m_beam) @ g
    second = g @ lepton_tensor(p2, s2, m_beam) @ g
    total = np.einsum("ac,bd,abcd->", first, second, pair_tensor(k1, k2, q1, q2, m))
    return float(total.real) / (4.0 * dot(q1, q1) ** 2 * dot(q2, q2) ** 2)
