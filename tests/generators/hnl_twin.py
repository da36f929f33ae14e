"""The chain tau- -> N X, N -> Y from explicit Dirac matrices: slow, and written without the formulas of the kernels.

Amplitude: dbar . (kslash + m) . production, the N propagating on its mass shell; squared as a trace over spinors with
spin sums for everything but the tau. Nbar (and the lepton-number violating way of a Majorana N) runs in the same line
with P_R in the place of P_L at its vertex, by charge conjugation of the fields.
"""

import numpy as np

I2 = np.eye(2, dtype=complex)
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex)
ZERO = np.zeros((2, 2), dtype=complex)
GAMMA = np.array([
    np.block([[I2, ZERO], [ZERO, -I2]]),
    *(np.block([[ZERO, s], [-s, ZERO]]) for s in SIGMA),
])  # fmt: skip
GAMMA5 = np.block([[ZERO, I2], [I2, ZERO]])
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
ONE = np.eye(4, dtype=complex)
P_L, P_R = 0.5 * (ONE - GAMMA5), 0.5 * (ONE + GAMMA5)


def slash(p):
    """p: [..., (x, y, z, E)] -> (..., 4, 4)."""
    v = np.concatenate([p[..., 3:], -p[..., :3]], axis=-1)  # covariant t, x, y, z
    return np.einsum("...m,mij->...ij", v, GAMMA)


def bar(gamma):
    """gamma0 Gamma^dagger gamma0."""
    return GAMMA[0] @ np.conj(np.swapaxes(gamma, -1, -2)) @ GAMMA[0]


def vertices(chirality):
    """gamma_mu P with upper index, (4, 4, 4)."""
    return GAMMA @ chirality


def lower(tensor):
    """Both indices of a tensor (..., 4, 4) lowered."""
    return METRIC @ tensor @ METRIC


def current_tensor(particle, antiparticle, left=1.0, right=0.0, m_particle=0.0, m_antiparticle=0.0):
    """L^{mu nu} of ubar(particle) gamma^mu (left P_L + right P_R) v(antiparticle), spins summed."""
    v = GAMMA @ (left * P_L + right * P_R)
    first, second = slash(particle) + m_particle * ONE, slash(antiparticle) - m_antiparticle * ONE
    return np.einsum("...ij,mjk,...kl,nli->...mn", first, v, second, bar(v))


def line(fermion, mass, chirality, tensor):
    """Sum over a line that ends in `fermion` with the tensor of the rest: bar(Gamma_nu) (p + m) Gamma_mu T^{mu nu}."""
    v = vertices(chirality)
    spins = slash(fermion) + mass * ONE
    return np.einsum("nij,...jk,mkl,...mn->...il", bar(v), spins, v, lower(tensor))


def begin(source, chirality, tensor):
    """Gamma_mu source bar(Gamma_nu) T^{mu nu}: the line of N from a spinor sum `source`."""
    v = vertices(chirality)
    return np.einsum("mij,...jk,nkl,...mn->...il", v, source, bar(v), lower(tensor))


def real_current(j):
    """J^mu J^nu from [..., (x, y, z, E)]."""
    v = np.concatenate([j[..., 3:], j[..., :3]], axis=-1)
    return v[..., :, None] * v[..., None, :]


def spin_sum(p, m, s):
    """(p + m)(1 + gamma5 s)/2 for a spin four-vector s [..., (x, y, z, E)]."""
    return (slash(p) + m * ONE) @ (0.5 * (ONE + GAMMA5 @ slash(s)))


def squared(decay, k, m, production):
    """Tr[D (k + m) P (k + m)]."""
    middle = slash(k) + m * ONE
    value = np.einsum("...ij,...jk,...kl,...li->...", decay, middle, production, middle)
    return value.real


def polarimeter(decay, k, m, produce, m_tau, p_tau):
    """h of the tau at rest from the rate with spin along +-x, y, z; `produce(spinor sum of the tau)` gives P."""
    found = []
    for axis in range(3):
        rates = []
        for sign in (1.0, -1.0):
            s = np.zeros_like(p_tau)
            s[..., axis] = sign
            rates.append(squared(decay, k, m, produce(spin_sum(p_tau, m_tau, s))))
        found.append((rates[0] - rates[1]) / (rates[0] + rates[1]))
    return np.stack(found, axis=-1)
