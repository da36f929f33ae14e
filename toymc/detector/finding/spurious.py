"""Tracks that are nobody's: fake tracks of wrongly joined hits, and second tracks of curling particles. Options, off.

Fake rate f is the share of fake tracks among all tracks [basf2 tracking/doc/trackMatching.rst]: f / (1 - f) for each
found one. A chance alignment has no preferred place in the plane in which circles are searched, azimuth against
curvature: both are uniform, so dN/dpT falls as 1/pT^2 above the lowest pT. It has no strip hits, at least the wire hits
that the finding asks for and an exponential number more, polar angle uniform in tan lambda within the acceptance, d0
and z0 Gaussian with the card's widths. Resolution from N uniform hits over a length L, without scattering
[R. Gluckstern, NIM 24 (1963) 381, for large N]: sigma_kappa = s sqrt(720/(N+4)) / L^2, and the same fit at its inner
end gives sigma_phi = s sqrt(192/N) / L and sigma_d0 = 3 s / sqrt(N); s is `_LOOSE` times the hit resolution, as wrong
hits scatter around their circle. Limits: no correlation between the parameters; the number per event is Poisson.
"""

import math

import numpy as np

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.kernels import lean_kernel

_LOOSE = 5.0
"""Hits of a fake track lie within the road (0.2 cm), some ten times the hit resolution: half of that as scatter."""
_HIT_CM = 0.012
_STEREO = 0.07


@lean_kernel
def _fakes(rng, n_tracks, numbers, helix, sigma, hits):
    """Make the fake tracks of an event with `n_tracks` found ones; returns their number (0 where the option is off).

    Rows of `helix` (m, 5) receive d0, phi0, omega, z0, tan lambda, of `sigma` (m, 5) their errors, `hits` (m) the wire
    layers; no more than m are made.
    """
    if not numbers.fake_mean > 0.0 or n_tracks <= 0:
        return np.int64(0)
    n = 0
    mean = numbers.fake_mean * n_tracks
    at = rng.standard_exponential()
    while at < mean and n < len(hits):  # Poisson: waiting times within the mean
        n += 1
        at += rng.standard_exponential()
    highest = OMEGA_PER_TESLA_GEV_CM * numbers.field / numbers.pt_min
    for i in range(n):
        more = min(rng.standard_exponential() * numbers.extra_hits, 40.0)
        count = numbers.min_hits + math.floor(more)
        hits[i] = np.int32(count)
        omega = highest * (2.0 * rng.random() - 1.0)
        if abs(omega) < 1e-3 * highest:
            omega = math.copysign(1e-3 * highest, omega)
        helix[i, 0] = numbers.d0 * rng.normal()
        helix[i, 1] = math.pi * (2.0 * rng.random() - 1.0)
        helix[i, 2] = omega
        helix[i, 3] = numbers.z0 * rng.normal()
        helix[i, 4] = numbers.tan_low + (numbers.tan_high - numbers.tan_low) * rng.random()
        length = count * numbers.wire_step
        s = _LOOSE * _HIT_CM
        sigma[i, 0] = 3.0 * s / math.sqrt(count)
        sigma[i, 1] = s * math.sqrt(192.0 / count) / length
        sigma[i, 2] = s * math.sqrt(720.0 / (count + 4.0)) / (length * length)
        sigma[i, 3] = 2.0 * s / _STEREO / math.sqrt(count)
        sigma[i, 4] = s / _STEREO * math.sqrt(12.0 / count) / length
    return np.int64(n)


@lean_kernel
def _cloned(rng, pt, numbers):
    """Whether the returning arm of a curling particle is found as a second track.

    Its helix is the first one run through backwards (`_reversed`), with a resolution of its own. 0 where the option is
    off.
    """
    return numbers.clone_rate > 0.0 and pt < numbers.clone_pt and rng.random() < numbers.clone_rate
