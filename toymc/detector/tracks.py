"""Charged particles: acceptance, efficiency, smearing of the helix; electrons radiate in the material on their way."""

import math

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.helix import _wrap
from toymc.detector.photons import _depth_at, _depth_row
from toymc.kernels import kernel

# photons per electron that are followed; more than this above the cutoff is rarer than 1e-5 (mean below 0.8)
MAX_BREMS = 8


@kernel
def _accepted(pt, tan_lambda, numbers):
    """Whether a track can be found at all; false for NaN."""
    return pt >= numbers.pt_min and tan_lambda >= numbers.tan_low and tan_lambda <= numbers.tan_high


@kernel
def _efficiency(pt, tan_lambda, rho, efficiency, displaced):
    """Tracking efficiency inside the acceptance: table in (pT, theta) times the factor for the production radius."""
    m = 0
    last = displaced.shape[1] - 1
    while m < last and rho >= displaced[0, m + 1]:
        m += 1
    k = 1
    n_pt = efficiency.shape[0] - 1
    while k < n_pt and pt >= efficiency[k + 1, 0]:
        k += 1
    j = 1
    n_t = efficiency.shape[1] - 1
    while j < n_t and tan_lambda >= efficiency[0, j + 1]:
        j += 1
    return efficiency[k, j] * displaced[1, m]


@kernel
def _photon_share(rng, cutoff):
    """Share of the electron's energy that a photon takes: (4/3 - 4y/3 + y^2)/y above the cutoff [Tsai; PDG 34.29]."""
    span = -math.log(cutoff)
    while True:
        y = math.exp(-span * rng.random())
        if rng.random() * 4.0 < 4.0 - 4.0 * y + 3.0 * y * y:
            return y


@kernel
def _radiate(rng, p, tan_lambda, rho, numbers, depth, emitted):
    """Follow an electron through the material: rows (radius, photon energy, momentum after) in `emitted`.

    Steps are exponential in X/X0 at the thin-target rate, so that the mean energy left is exp(-X/X0).
    """
    row = _depth_row(tan_lambda, numbers, depth)
    n_k = depth.shape[1]
    end = depth[row, n_k - 1, 1]
    at = _depth_at(row, rho, depth)
    n = 0
    while n < MAX_BREMS and p > 1e-4:
        at += rng.standard_exponential() / numbers.brems_rate
        if at >= end:
            break
        low = 0
        high = n_k - 1
        while low < high:  # first shell that ends beyond `at`
            middle = (low + high) // 2
            if depth[row, middle, 1] > at:
                high = middle
            else:
                low = middle + 1
        energy = p * _photon_share(rng, numbers.brems_cutoff)
        p -= energy
        emitted[n, 0] = depth[row, low, 0]
        emitted[n, 1] = energy
        emitted[n, 2] = p
        n += 1
    return n


@kernel
def _fit_shift(p, tan_lambda, omega, emitted, n, numbers, response):
    """Shift of the fitted (d0, phi0, omega) by the emissions: response at their radius times the jump of omega."""
    k = int(math.floor((math.log(p) - numbers.log_u0) / numbers.log_u_step + 0.5))
    k = min(max(k, 0), response.shape[0] - 1)
    j = int(math.floor((tan_lambda - numbers.tan_low) / numbers.tan_step + 0.5))
    j = min(max(j, 0), response.shape[1] - 1)
    d0 = 0.0
    phi0 = 0.0
    curvature = 0.0
    before = p
    for m in range(n):
        jump = omega * p * (1.0 / emitted[m, 2] - 1.0 / before)
        before = emitted[m, 2]
        s = emitted[m, 0] / numbers.response_r_step
        i = min(int(s), response.shape[2] - 2)
        f = min(s - i, 1.0)
        d0 += jump * (response[k, j, i, 0] + f * (response[k, j, i + 1, 0] - response[k, j, i, 0]))
        phi0 += jump * (response[k, j, i, 1] + f * (response[k, j, i + 1, 1] - response[k, j, i, 1]))
        curvature += jump * (response[k, j, i, 2] + f * (response[k, j, i + 1, 2] - response[k, j, i, 2]))
    return d0, phi0, curvature


@kernel
def _emission_point(px, py, pz, omega, x, y, z, radius):
    """Position and direction of flight of a particle where it crosses `radius` (measured along the chord)."""
    pt = math.sqrt(px * px + py * py)
    tan_lambda = pz / pt
    half = min(0.5 * abs(omega) * max(radius - math.sqrt(x * x + y * y), 0.0), 1.0)
    turn = math.copysign(2.0 * math.asin(half), omega)
    phi = math.atan2(py, px)
    chord = 2.0 * half / abs(omega)
    cosine = 1.0 / math.sqrt(1.0 + tan_lambda * tan_lambda)
    return (
        x + chord * math.cos(phi - 0.5 * turn),
        y + chord * math.sin(phi - 0.5 * turn),
        z + turn / omega * tan_lambda,
        cosine * math.cos(phi - turn),
        cosine * math.sin(phi - turn),
        cosine * tan_lambda,
    )


@kernel
def _merged(tan_lambda, omega_after, radius, numbers):
    """Whether a photon radiated at `radius` falls on the electron's own cluster: they part by omega L^2/2."""
    face = numbers.barrel_radius
    if tan_lambda > 0.0:
        face = min(face, numbers.forward_z / tan_lambda)
    elif tan_lambda < 0.0:
        face = min(face, numbers.backward_z / tan_lambda)
    lever = max(face - radius, 0.0)
    apart = 0.5 * abs(omega_after) * lever * lever / face / math.sqrt(1.0 + tan_lambda * tan_lambda)
    return apart < numbers.merge_angle


@kernel
def _separate(p, tan_lambda, omega, emitted, n, numbers):
    """Photons beside the electron's cluster, those that overlap joined: rows (radius, energy) moved to the front.

    After its last emission the electron flies on with what is left; most material is close to the beam, so this
    curvature decides how far it parts from every photon.
    """
    final = omega * p / emitted[n - 1, 2]
    groups = 0
    curvature = abs(omega)
    for m in range(n):
        radius, energy = emitted[m, 0], emitted[m, 1]
        if not _merged(tan_lambda, final, radius, numbers):
            # directions of two photons differ by what the electron turned in between
            if groups > 0 and curvature * (radius - emitted[groups - 1, 0]) < numbers.merge_angle:
                emitted[groups - 1, 1] += energy
            else:
                emitted[groups, 0] = radius
                emitted[groups, 1] = energy
                groups += 1
        curvature = abs(omega) * p / emitted[m, 2]
    return groups


@kernel
def _interpolate(u, tan_lambda, numbers, resolution, values):
    """Nine numbers of the resolution table at p beta = u: sigmas, then correlations."""
    s = (math.log(u) - numbers.log_u0) / numbers.log_u_step
    k = min(max(int(s), 0), resolution.shape[0] - 2)
    f = min(max(s - k, 0.0), 1.0)
    t = (tan_lambda - numbers.tan_low) / numbers.tan_step
    j = min(max(int(t), 0), resolution.shape[1] - 2)
    g = min(max(t - j, 0.0), 1.0)
    for i in range(9):
        low = resolution[k, j, i] + g * (resolution[k, j + 1, i] - resolution[k, j, i])
        high = resolution[k + 1, j, i] + g * (resolution[k + 1, j + 1, i] - resolution[k + 1, j, i])
        values[i] = low + f * (high - low)
    for i in range(5):
        values[i] /= u


@kernel
def _smear(rng, d0, phi0, omega, z0, tan_lambda, v, cov, n):
    """Draw the measured helix; `v` holds sigmas and correlations, row n of `cov` receives the upper triangle."""
    s1 = math.sqrt(max(1.0 - v[5] * v[5], 0.0))
    l21 = (v[7] - v[5] * v[6]) / s1 if s1 > 0.0 else 0.0
    l22 = math.sqrt(max(1.0 - v[6] * v[6] - l21 * l21, 0.0))
    a, b, c = rng.normal(), rng.normal(), rng.normal()
    d0 += v[0] * a
    phi0 = _wrap(phi0 + v[1] * (v[5] * a + s1 * b))
    omega += v[2] * (v[6] * a + l21 * b + l22 * c)
    a, b = rng.normal(), rng.normal()
    z0 += v[3] * a
    tan_lambda += v[4] * (v[8] * a + math.sqrt(max(1.0 - v[8] * v[8], 0.0)) * b)
    for i in range(15):
        cov[n, i] = 0.0
    cov[n, 0], cov[n, 1], cov[n, 2] = v[0] * v[0], v[5] * v[0] * v[1], v[6] * v[0] * v[2]
    cov[n, 5], cov[n, 6], cov[n, 9] = v[1] * v[1], v[7] * v[1] * v[2], v[2] * v[2]
    cov[n, 12], cov[n, 13], cov[n, 14] = v[3] * v[3], v[8] * v[3] * v[4], v[4] * v[4]
    if abs(omega) < 1e-9:  # straighter than any measurable track: momentum stays finite
        omega = 1e-9
    return d0, phi0, omega, z0, tan_lambda


@kernel
def _store(rng, field, d0, phi0, omega, z0, tan_lambda, radiated, truth, out_f, out_pid, out_i, n):
    """Write row n: measured helix, momentum at the perigee, charge, uniforms of the identification."""
    pt = OMEGA_PER_TESLA_GEV_CM * field / abs(omega)
    out_f[0, n] = d0
    out_f[1, n] = phi0
    out_f[2, n] = omega
    out_f[3, n] = z0
    out_f[4, n] = tan_lambda
    out_f[5, n] = pt * math.cos(phi0)
    out_f[6, n] = pt * math.sin(phi0)
    out_f[7, n] = pt * tan_lambda
    out_f[8, n] = radiated
    out_i[0, n] = 1 if omega > 0.0 else -1
    out_i[4, n] = truth
    for i in range(4):
        out_pid[n, i] = rng.random()


@kernel
def _store_hits(row, rho, omega, step, hits, out_i, n):
    """Pixel, strip and wire layers between the production radius and the radius where the track turns back."""
    last = hits.shape[1] - 1
    inner = min(int(rho / step), last)
    outer = int(min((rho + 2.0 / abs(omega)) / step, float(last)))
    for k in range(3):
        out_i[1 + k, n] = hits[row, inner, k] - hits[row, outer, k]
