"""Slow, obvious twin of the spin correlation: helicity amplitudes of e+e- -> tau+ tau- from Dirac spinors, in numpy."""

import numpy as np

_PAULI = [np.array([[0, 1], [1, 0]], complex), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1]).astype(complex)]
_ZERO, _ONE = np.zeros((2, 2), complex), np.eye(2, dtype=complex)
_GAMMA0 = np.block([[_ONE, _ZERO], [_ZERO, -_ONE]])
_GAMMA = [_GAMMA0] + [np.block([[_ZERO, s], [-s, _ZERO]]) for s in _PAULI]
_METRIC = (1, -1, -1, -1)
_SPINS = (np.array([1, 0], complex), np.array([0, 1], complex))


def _sigma_dot(p):
    return sum(p[i] * _PAULI[i] for i in range(3))


def _u(p, m, chi):
    """Particle whose rest-frame spin state is chi, boosted to momentum p without rotation (Dirac representation)."""
    e = np.sqrt(m * m + p @ p)
    return np.concatenate([np.sqrt(e + m) * chi, _sigma_dot(p) @ chi / np.sqrt(e + m)])


def _v(p, m, chi):
    """Antiparticle whose rest-frame spin state is chi: the spinor holds the charge conjugate i sigma_2 chi*."""
    e = np.sqrt(m * m + p @ p)
    eta = 1j * _PAULI[1] @ np.conj(chi)
    return np.concatenate([_sigma_dot(p) @ eta / np.sqrt(e + m), np.sqrt(e + m) * eta])


def spin_correlation(cos_theta, gamma, mass=1.777, electron_mass=1e-6):
    """(C (3, 3) in n, t, l; polarisations of tau- and tau+; trace) from the spin density matrix, beams unpolarised.

    Unit vectors: l = tau- direction, t in the plane of l and e- on the side of the e-, n = l x t.
    """
    energy = gamma * mass
    sin_theta = np.sqrt(1 - cos_theta**2)
    axis_l = np.array([sin_theta, 0, cos_theta])
    k = np.array([0, 0, np.sqrt(energy**2 - electron_mass**2)])
    q = np.sqrt(energy**2 - mass**2) * axis_l
    density = np.zeros((2, 2, 2, 2), complex)
    for c1 in _SPINS:
        for c2 in _SPINS:
            lepton = [np.conj(_v(-k, electron_mass, c2)) @ _GAMMA0 @ g @ _u(k, electron_mass, c1) for g in _GAMMA]
            amplitude = np.array(
                [
                    [
                        sum(
                            _METRIC[mu] * lepton[mu] * (np.conj(_u(q, mass, a)) @ _GAMMA0 @ g @ _v(-q, mass, b))
                            for mu, g in enumerate(_GAMMA)
                        )
                        for b in _SPINS
                    ]
                    for a in _SPINS
                ]
            )
            density += np.einsum("ab,cd->abcd", amplitude, np.conj(amplitude))
    trace = np.einsum("abab->", density).real
    matrix = np.array([[np.einsum("abcd,ca,db->", density, i, j).real for j in _PAULI] for i in _PAULI]) / trace
    minus = np.array([np.einsum("abcb,ca->", density, i).real for i in _PAULI]) / trace
    plus = np.array([np.einsum("abad,db->", density, i).real for i in _PAULI]) / trace
    axis_t = (np.array([0, 0, 1.0]) - cos_theta * axis_l) / sin_theta
    frame = np.array([np.cross(axis_l, axis_t), axis_t, axis_l])
    return frame @ matrix @ frame.T, frame @ minus, frame @ plus, trace
