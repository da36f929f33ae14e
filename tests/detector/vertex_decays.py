"""Decays for the vertex tests: helices with a plausible covariance, smeared with just that covariance.

The covariance is written down at the point where the particle was made (a track whose first hits lie there), with
correlations between d0, phi0 and omega and between z0 and tan lambda as a fit to points along a path has them, and is
carried to the perigee at the z axis with numerical derivatives: at 50 cm from the axis its correlations exceed 0.999.
"""

import dataclasses

import numpy as np

from toymc.constants import M_E, M_MU, M_P, M_PI, mass
from toymc.detector import helix_from_state
from toymc.events import Clusters, EventBatch, KlmClusters, Reconstruction, Tracks
from toymc.streams import stream

FIELD = 1.5
# name: (mother's mass, masses of the daughters, momentum range of the mother in GeV)
DECAYS = {
    "K_S": (mass(310), (M_PI, M_PI), (0.3, 3.0)),
    "Lambda": (mass(3122), (M_P, M_PI), (0.5, 3.0)),
    "S_mumu": (0.25, (M_MU, M_MU), (1.0, 4.0)),
    "S_ee": (0.03, (M_E, M_E), (1.0, 4.0)),
    "conversion": (0.0012, (M_E, M_E), (0.3, 3.0)),
}
_UPPER = np.triu_indices(5)
_STEPS = np.array([1e-3, 1e-5, 1e-8, 1e-3, 1e-5])


def unit_vectors(rng, n, cosine=1.0):
    """Isotropic directions with |cos theta| below `cosine`."""
    z = rng.uniform(-cosine, cosine, n)
    phi = rng.uniform(-np.pi, np.pi, n)
    s = np.sqrt(1.0 - z * z)
    return np.stack([s * np.cos(phi), s * np.sin(phi), z], axis=1)


def boost(p, energy, flight, total):
    """Momenta p (n, 3) with energies, given in the rest frame, seen where the mother has momentum `flight`."""
    m = np.sqrt(total**2 - np.sum(flight**2, axis=1))
    along = np.sum(p * flight, axis=1)
    return p + flight * (along / (m * (total + m)) + energy / m)[:, None]


def two_body(rng, n, mother, masses, momentum):
    """Momenta (n, 3) of mother and daughters of isotropic two-body decays."""
    a, b = masses
    p = np.sqrt((mother**2 - (a + b) ** 2) * (mother**2 - (a - b) ** 2)) / (2.0 * mother)
    direction = unit_vectors(rng, n) * p
    flight = unit_vectors(rng, n, 0.8) * rng.uniform(*momentum, n)[:, None]
    total = np.sqrt(np.sum(flight**2, axis=1) + mother**2)
    first = boost(direction, np.sqrt(p * p + a * a), flight, total)
    return flight, first, flight - first


def local_covariance(momentum, scale=1.0):
    """5x5 covariances where the particle begins: errors of the size of Belle II's, with a fit's correlations."""
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    p = np.linalg.norm(momentum, axis=1)
    sine = pt / p
    omega = 2.99792458e-3 * FIELD / pt
    sigma = np.empty((len(p), 5))
    sigma[:, 0] = scale * (0.0012 + 0.0020 / (p * sine**1.5))
    sigma[:, 1] = scale * (0.0003 + 0.0008 / (p * sine))
    sigma[:, 2] = scale * omega * (0.003 + 0.002 * pt)
    sigma[:, 3] = scale * (0.0015 + 0.0025 / (p * sine**2.5))
    sigma[:, 4] = scale * (0.0005 + 0.0010 / (p * sine**2))
    rho = np.eye(5)
    for i, j, value in ((0, 1, -0.8), (0, 2, -0.4), (1, 2, 0.6), (3, 4, -0.7), (1, 3, 0.05), (0, 4, -0.05)):
        rho[i, j] = rho[j, i] = value
    return sigma[:, :, None] * rho * sigma[:, None, :]


def _states(local, x, y, z, charge):
    """States of helices given with respect to the pivot (x, y, z)."""
    pt = 2.99792458e-3 * FIELD / np.abs(local[:, 2])
    c, s = np.cos(local[:, 1]), np.sin(local[:, 1])
    return np.stack([x + local[:, 0] * s, y - local[:, 0] * c, z + local[:, 3], pt * c, pt * s, pt * local[:, 4]],
                    axis=1)  # fmt: skip


def to_origin(momentum, charge, vertex, scale=1.0):
    """Perigee helices at the z axis and their 5x5 covariances, for particles made at `vertex`."""
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    local = np.stack([np.zeros(len(pt)), np.arctan2(momentum[:, 1], momentum[:, 0]),
                      charge * 2.99792458e-3 * FIELD / pt, np.zeros(len(pt)), momentum[:, 2] / pt], axis=1)  # fmt: skip
    x, y, z = vertex.T
    helix = helix_from_state(_states(local, x, y, z, charge), charge, FIELD)
    jacobian = np.empty((len(pt), 5, 5))
    for k in range(5):
        step = np.zeros(5)
        step[k] = _STEPS[k] if k != 2 else 0.0
        steps = step[None] + (1e-4 * local * (np.arange(5) == 2) if k == 2 else 0.0)
        high = helix_from_state(_states(local + steps, x, y, z, charge), charge, FIELD)
        low = helix_from_state(_states(local - steps, x, y, z, charge), charge, FIELD)
        difference = high - low
        difference[:, 1] = (difference[:, 1] + np.pi) % (2.0 * np.pi) - np.pi
        # z0 jumps by a whole turn where the far side of the circle is crossed: take the nearest branch
        turn = 2.0 * np.pi * local[:, 4] / local[:, 2]
        difference[:, 3] -= turn * np.round(difference[:, 3] / np.where(turn == 0.0, np.inf, turn))
        jacobian[:, :, k] = difference / (2.0 * steps[:, k])[:, None]
    cov = jacobian @ local_covariance(momentum, scale) @ jacobian.transpose(0, 2, 1)
    return helix, 0.5 * (cov + cov.transpose(0, 2, 1))


def smeared(rng, momenta, charges, vertex, scale=1.0):
    """Measured helices (n, k, 5) and covariances (n, k, 15) of tracks from common vertices."""
    helices, covs = [], []
    for momentum, charge in zip(momenta, charges, strict=True):
        helix, cov = to_origin(momentum, np.full(len(momentum), charge), vertex, scale)
        spread = np.linalg.cholesky(cov + 0.0)
        helix = helix + np.einsum("nij,nj->ni", spread, rng.standard_normal(helix.shape))
        helices.append(helix)
        covs.append(cov[:, _UPPER[0], _UPPER[1]])
    return np.stack(helices, axis=1), np.stack(covs, axis=1)


def decays(name, n, radius, seed=1, pt_min=0.06, scale=1.0):
    """n decays at transverse radius `radius` (a pair is a range), the mother flying from the origin.

    Returns a dict: vertex, flight (mother's momentum), momenta of both daughters, helices, covs, masses, mother.
    """
    rng = stream(seed, name, "test", int(10 * np.max(radius)))
    mother, masses, momentum = DECAYS[name]
    flight, first, second = two_body(rng, 2 * n, mother, masses, momentum)
    keep = np.minimum(np.hypot(*first[:, :2].T), np.hypot(*second[:, :2].T)) > pt_min
    flight, first, second = flight[keep][:n], first[keep][:n], second[keep][:n]
    rho = rng.uniform(*radius, len(flight)) if isinstance(radius, tuple) else np.full(len(flight), float(radius))
    vertex = flight / np.hypot(flight[:, 0], flight[:, 1])[:, None] * rho[:, None]
    swap = rng.random(len(flight)) < 0.5 if masses[0] == masses[1] else np.zeros(len(flight), dtype=bool)
    first, second = np.where(swap[:, None], second, first), np.where(swap[:, None], first, second)
    helices, covs = smeared(rng, (first, second), (1.0, -1.0), vertex, scale)
    return {"vertex": vertex, "flight": flight, "momenta": np.stack([first, second], axis=1), "helices": helices,
            "covs": covs, "masses": np.array(masses), "mother": mother, "rho": rho}  # fmt: skip


def _filled(table, rows, **given):
    """A table of the event record with the given columns and zeros in the others."""
    for field in dataclasses.fields(table):
        if field.name not in given and field.default is dataclasses.MISSING:
            kind = np.int32 if "Int32" in str(field.type) or "int32" in str(field.type) else np.float64
            given[field.name] = np.zeros(rows, dtype=kind)
    return table(**given)


def as_reconstruction(helices, covs, counts, layers=None):
    """A `Reconstruction` of tracks alone: helices (n, 5), covs (n, 15), tracks per event, layers hit (n, 3)."""
    n, events = len(helices), len(counts)
    offsets, none = np.concatenate(([0], np.cumsum(counts))), np.zeros(events + 1, dtype=np.int64)
    layers = np.tile([1, 4, 56], (n, 1)) if layers is None else layers
    parameters = dict(zip(("d0", "phi0", "omega", "z0", "tan_lambda"), np.ascontiguousarray(helices.T), strict=True))
    hits = dict(zip(("n_pxd", "n_svd", "n_cdc"), np.ascontiguousarray(layers.T).astype(np.int32), strict=True))
    pt = 2.99792458e-3 * FIELD / np.abs(helices[:, 2])
    tracks = _filled(
        Tracks, n, offsets=offsets, cov=covs, pid_uniform=np.zeros((n, 4)), px=pt * np.cos(helices[:, 1]),
        py=pt * np.sin(helices[:, 1]), pz=pt * helices[:, 4], charge=np.sign(helices[:, 2]).astype(np.int32),
        **parameters, **hits,
    )  # fmt: skip
    per_event = {"weight": np.ones(events), "event_id": np.arange(events)}
    return _filled(
        Reconstruction, events, tracks=tracks, clusters=_filled(Clusters, 0, offsets=none, cov=np.zeros((0, 3))),
        klm=_filled(KlmClusters, 0, offsets=none), truth=_filled(EventBatch, 0, offsets=none, **per_event),
        fate=np.zeros(0, dtype=np.int32), trigger=np.zeros(events, dtype=np.uint64), **per_event,
    )  # fmt: skip


def layers_beyond(card, rho):
    """Layers (n, 3) that an outgoing particle made at radius rho crosses: pixels, strips, wires."""
    tracking = card.tracking
    radii = [
        [max(max(s.r_at_z_min_cm, s.r_at_z_max_cm) for s in tracking.silicon_sensors if s.layer == layer.layer)
         for layer in tracking.silicon_layers if layer.detector == system] for system in ("pxd", "svd")
    ] + [[layer.waist_radius_cm for layer in tracking.chamber]]  # fmt: skip
    return np.stack([len(r) - np.searchsorted(np.sort(r), rho) for r in radii], axis=1)


def three_prongs(n, radius, seed=1):
    """n three-track vertices (charges +, -, +) of a particle of 1.777 GeV into three pions and something unseen."""
    rng = stream(seed, "three", "test", int(10 * radius))
    axis = unit_vectors(rng, n, 0.7)
    momenta = []
    for _ in range(3):
        direction = axis + 0.35 * rng.standard_normal((n, 3))
        momenta.append(direction / np.linalg.norm(direction, axis=1)[:, None] * rng.uniform(0.3, 2.0, n)[:, None])
    vertex = axis / np.hypot(axis[:, 0], axis[:, 1])[:, None] * radius
    helices, covs = smeared(rng, momenta, (1.0, -1.0, 1.0), vertex)
    return {"vertex": vertex, "momenta": np.stack(momenta, axis=1), "helices": helices, "covs": covs,
            "masses": np.full(3, M_PI), "flight": np.sum(momenta, axis=0)}  # fmt: skip
