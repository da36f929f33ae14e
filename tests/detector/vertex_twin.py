"""The slow obvious twin of the vertex fit: a general minimiser over the vertex and the momenta of all tracks there.

chi2 = sum over tracks (h - H(v, p))^T V^-1 (h - H(v, p)), with H the helix through v with momentum p from
`helix_from_state`: the formulation of P. Billoir and S. Qian, NIM A 311 (1992) 139, with no linearisation of its own.
"""

import numpy as np
from scipy.optimize import least_squares

from tests.detector.vertex_decays import FIELD
from toymc.detector import helix_from_state, state_on_helix


def full_matrix(triangle):
    """5x5 matrices from upper triangles (.., 15)."""
    triangle = np.asarray(triangle)
    matrix = np.zeros((*triangle.shape[:-1], 5, 5))
    rows, columns = np.triu_indices(5)
    matrix[..., rows, columns] = triangle
    matrix[..., columns, rows] = triangle
    return matrix


def twin_fit(helices, covs, start, extra=None, momenta=None):
    """Vertex, momenta (k, 3), chi2 and covariance of (v, p_1, ..) from `scipy.optimize.least_squares`.

    `extra(v, p)` adds residuals (constraints as measurements with small errors); `start` is near the vertex.
    """
    k = len(helices)
    whiten = np.linalg.inv(np.linalg.cholesky(full_matrix(covs)))
    charge = np.sign(helices[:, 2])
    if momenta is None:  # of the point of each helix nearest to the start in the transverse plane
        arcs = np.linspace(-1.0, 1.0, 20001)[:, None] * np.pi / np.abs(helices[:, 2])
        momenta = np.empty((k, 3))
        for i in range(k):
            states = state_on_helix(np.repeat(helices[i : i + 1], len(arcs), axis=0), arcs[:, i].copy(), FIELD)
            momenta[i] = states[np.argmin(np.hypot(states[:, 0] - start[0], states[:, 1] - start[1])), 3:]

    def residuals(x):
        v, p = x[:3], x[3:].reshape(k, 3)
        states = np.concatenate([np.repeat(v[None], k, axis=0), p], axis=1)
        difference = helices - helix_from_state(states, charge, FIELD)
        difference[:, 1] = (difference[:, 1] + np.pi) % (2.0 * np.pi) - np.pi
        turn = 2.0 * np.pi * helices[:, 4] / helices[:, 2]
        difference[:, 3] -= turn * np.round(difference[:, 3] / np.where(turn == 0.0, np.inf, turn))
        parts = [np.einsum("kij,kj->ki", whiten, difference).ravel()]
        if extra is not None:
            parts.append(extra(v, p))
        return np.concatenate(parts)

    x = np.concatenate([start, momenta.ravel()])
    result = least_squares(residuals, x, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=400)
    covariance = np.linalg.inv(result.jac.T @ result.jac)
    return result.x[:3], result.x[3:].reshape(k, 3), 2.0 * result.cost, covariance
