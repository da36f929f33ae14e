"""The chain tau- -> N X, N -> Y from explicit Dirac matrices: slow, and written without the formulas of the kernels.

Amplitude: dbar . (kslash + m) . production, the N propagating on its mass shell; squared as a trace over spinors with
spin sums for everything but the tau. Nbar (and the lepton-number violating way of a Majorana N) runs in the same line
with P_R in the place of P_L at its vertex, by charge conjugation of the fields.
"""

from functools import partial

import numpy as np

_sum = partial(np.einsum, optimize=True)

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
    return _sum("...m,mij->...ij", v, GAMMA)


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
    return _sum("...ij,mjk,...kl,nli->...mn", first, v, second, bar(v))


def line(fermion, mass, chirality, tensor):
    """Sum over a line that ends in `fermion` with the tensor of the rest: bar(Gamma_nu) (p + m) Gamma_mu T^{mu nu}."""
    v = vertices(chirality)
    spins = slash(fermion) + mass * ONE
    return _sum("nij,...jk,mkl,...mn->...il", bar(v), spins, v, lower(tensor))


def begin(source, chirality, tensor):
    """Gamma_mu source bar(Gamma_nu) T^{mu nu}: the line of N from a spinor sum `source`."""
    v = vertices(chirality)
    return _sum("mij,...jk,nkl,...mn->...il", v, source, bar(v), lower(tensor))


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
    value = _sum("...ij,...jk,...kl,...li->...", decay, middle, production, middle)
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


def dot(a, b):
    """Minkowski product of [..., (x, y, z, E)]."""
    return a[..., 3] * b[..., 3] - np.sum(a[..., :3] * b[..., :3], axis=-1)


def across(meson, first, second):
    """Current of two pseudoscalars: p_first - p_second, made orthogonal to their sum."""
    j = first - second
    return j - meson * (dot(j, meson) / dot(meson, meson))[..., None]


def production(kind, p4, codes, masses):
    """The map from the spinor sum of the tau to P; `kind` meson, two_mesons, as_tau, as_lepton; p4 (n, 4, rows, 4)."""
    other, neutrino = p4[:, 0, 1], p4[:, 0, 2]
    if kind == "as_tau":
        tensor = current_tensor(other, neutrino, m_particle=masses[abs(codes[0, 0, 1])])
        return lambda source: begin(source, P_L, tensor)
    if kind == "as_lepton":
        v = vertices(P_L)
        lepton = slash(other) - masses[abs(codes[0, 0, 1])] * ONE

        def reached(source):
            tensor = _sum("...ij,mjk,...kl,nli->...mn", slash(neutrino), v, source, bar(v))
            spin_sums = _sum("mij,...jk,nkl->...mnil", vertices(P_R), lepton, bar(vertices(P_R)))
            return _sum("...mnil,...mn->...il", spin_sums, lower(tensor))

        return reached
    current = other if kind == "meson" else across(other, p4[:, 1, 0], p4[:, 1, 1])
    return lambda source: begin(source, P_L, real_current(current))


def decay(kind, p4, codes, way, masses, couplings=(1.0, 0.0)):
    """D of N -> Y; `kind` meson, two_mesons, charged (l_a, nu_b, l_b), neutral, invisible; `way` +-1 for N or Nbar."""
    chirality = P_L if way > 0 else P_R
    q = p4[:, 2]
    mass = [masses.get(abs(int(c)), 0.0) for c in codes[0, 2, :3]]
    if kind in ("meson", "two_mesons"):
        current = q[:, 1] if kind == "meson" else across(q[:, 1], p4[:, 3, 0], p4[:, 3, 1])
        return line(q[:, 0], mass[0], chirality, real_current(current))
    if kind == "neutral":
        minus, plus = (q[:, 1], q[:, 2]) if codes[0, 2, 1] > 0 else (q[:, 2], q[:, 1])
        return line(q[:, 0], 0.0, chirality, current_tensor(minus, plus, *couplings, mass[1], mass[1]))
    # what belongs together: neutrino and antilepton of the charged current, pair of the Z; reversed for Nbar
    first, at_line = (0, 1) if kind == "charged" else (1, 0)
    pair, m_pair = (q[:, first], q[:, 2]), (mass[first], mass[2])
    if way < 0:
        pair, m_pair = pair[::-1], m_pair[::-1]
    tensor = current_tensor(*pair, m_particle=m_pair[0], m_antiparticle=m_pair[1])
    return line(q[:, at_line], mass[at_line], chirality, tensor)


def isotropic(rng, n):
    """Unit vectors (n, 3)."""
    c, phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2.0 * np.pi, n)
    s = np.sqrt(1.0 - c * c)
    return np.stack([s * np.cos(phi), s * np.sin(phi), c], axis=1)


def two_bodies(rng, mother, m1, m2):
    """Isotropic p1, p2 at rest of `mother` (n,), and the phase space p/(4 pi mother) of the pair."""
    p = np.sqrt(np.maximum((mother**2 - (m1 + m2) ** 2) * (mother**2 - (m1 - m2) ** 2), 0.0)) / (2.0 * mother)
    k = p[:, None] * isotropic(rng, len(p))
    first = np.column_stack([k, np.sqrt(p * p + m1 * m1)])
    second = np.column_stack([-k, np.sqrt(p * p + m2 * m2)])
    return first, second, p / (4.0 * np.pi * mother)


def moved(p, k, m):
    """p from the rest frame of the particle k of mass m (n,) into the frame of k."""
    along = np.sum(p[:, :3] * k[:, :3], axis=1) / m
    f = along / (k[:, 3] + m) + p[:, 3] / m
    return np.column_stack([p[:, :3] + f[:, None] * k[:, :3], k[:, 3] / m * p[:, 3] + along])


def three_bodies(rng, mother, m0, m1, m2, n):
    """Points of three-body phase space at rest of `mother`: p0, p1, p2 (n, 4) and weights in GeV^2."""
    low, high = (m1 + m2) ** 2, (mother - m0) ** 2
    s = rng.uniform(low, high, n)
    w = np.sqrt(s)
    p0, pair, first = two_bodies(rng, np.full(n, mother), m0, w)
    p1, p2, second = two_bodies(rng, w, m1, m2)
    return p0, moved(p1, pair, w), moved(p2, pair, w), first * second * (high - low) / (2.0 * np.pi)
