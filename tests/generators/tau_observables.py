"""Observables of tau- decays at rest that both generators are compared in; used by the test and by
make_pythia_tau.py."""

import itertools

import numpy as np


def invariant_mass(vectors):
    total = sum(vectors)
    return np.sqrt(np.maximum(total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1), 0.0))


def _to_rest(vector, total):
    velocity = -total[:, :3] / total[:, 3:]
    b2 = np.sum(velocity**2, axis=1, keepdims=True)
    gamma = 1.0 / np.sqrt(1.0 - b2)
    along = np.sum(velocity * vector[:, :3], axis=1, keepdims=True)
    return vector[:, :3] + velocity * ((gamma - 1.0) / b2 * along + gamma * vector[:, 3:])


def _cosine(a, b):
    return np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def observables(p4, codes):
    """Named arrays from p4 (n, 1 + hadrons, 4) [px, py, pz, E], neutrino first; `codes` of the hadrons.

    Every sub-mass and energy is listed by the species in it; of several equal ones the first in the event is taken, so
    that entries are independent. `normal`: cosine between the neutrino and the normal of the three-hadron plane,
    oriented by the masses of the first two pairs where the hadrons are alike: odd under parity, it sees the V-A
    interference.
    """
    hadrons = [p4[:, i] for i in range(1, p4.shape[1])]
    n = len(hadrons)
    total = sum(hadrons)
    result = {"Q": invariant_mass(hadrons)}
    seen = set()
    for size in range(2, n):
        for combination in itertools.combinations(range(n), size):
            species = tuple(sorted(codes[i] for i in combination))
            if species not in seen:
                seen.add(species)
                result["m " + " ".join(map(str, species))] = invariant_mass([hadrons[i] for i in combination])
    for i, code in enumerate(codes):
        result.setdefault(f"E {code}", hadrons[i][:, 3])
    if n == 2:
        result["helicity"] = _cosine(_to_rest(hadrons[0], total), p4[:, 0, :3])
    if n == 3:
        normal = np.cross(_to_rest(hadrons[0], total), _to_rest(hadrons[1], total))
        if codes[0] == codes[1]:
            side = invariant_mass([hadrons[1], hadrons[2]]) - invariant_mass([hadrons[0], hadrons[2]])
            normal = normal * np.sign(side)[:, None]
        result["normal"] = _cosine(normal, p4[:, 0, :3])
    return result
