"""Particles for probing: directions, momenta, batches."""

import math

import numpy as np

from toymc.detector import particle_batch


def shoot(pdg, p, theta_deg, n, rng=None, vertex=None):
    """n equal particles at one momentum and polar angle, azimuth uniform if `rng` is given."""
    theta = math.radians(theta_deg)
    phi = rng.uniform(-math.pi, math.pi, n) if rng is not None else np.zeros(n)
    momentum = p * np.stack([math.sin(theta) * np.cos(phi), math.sin(theta) * np.sin(phi),
                             np.full(n, math.cos(theta))], axis=1)  # fmt: skip
    return particle_batch(np.full(n, pdg), momentum, vertex)


def directions(rng, n, cos_low=-1.0, cos_high=1.0):
    """Unit vectors, uniform in azimuth and cos(theta)."""
    cosine = rng.uniform(cos_low, cos_high, n)
    phi = rng.uniform(-math.pi, math.pi, n)
    sine = np.sqrt(1.0 - cosine**2)
    return np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)


def binomial_pull(observed, trials, probability):
    """Deviation in standard deviations."""
    return (observed - trials * probability) / math.sqrt(trials * probability * (1.0 - probability))
