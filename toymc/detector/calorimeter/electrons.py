"""Electrons radiate in the material of the tracker.

Photons are emitted at the thin-target rate with the spectrum (4/3 - 4y/3 + y^2)/y of their share y [Y.-S. Tsai, RMP
46 (1974) 815; PDG review, eq. 34.29]: the mean energy left behind X/X0 is exp(-X/X0) exactly. They fly along the
tangent of the electron, which from there on bends more strongly. Every photon is sent to the calorimeter as a neutral
one and carries the electron's truth row; whether it falls onto the electron's own cluster is decided with all other
showers of the event (`merging.py`). On its way it may convert in what is left of the tracker: then it is lost, the
pair is not made (second order: some 3 % of the photons). What an electron radiates behind the tracker ends in its own
cluster.
"""

import math

from toymc.detector.calorimeter.surface import _material_row
from toymc.kernels import inlined_kernel, lean_kernel

# photons per electron that are followed; more than this above the cutoff is rarer than 1e-5 (mean below 0.8)
MAX_BREMS = 8


@inlined_kernel
def _photon_share(rng, cutoff):
    """Share of the electron's energy that a photon takes: (4/3 - 4y/3 + y^2)/y above the cutoff [Tsai; PDG 34.29]."""
    span = -math.log(cutoff)
    while True:
        y = math.exp(-span * rng.random())
        if rng.random() * 4.0 < 4.0 - 4.0 * y + 3.0 * y * y:
            return y


@inlined_kernel
def _depth_at(row, rho, shells):
    """X/X0 along a line from the origin up to radius `rho`."""
    if not rho > shells[row, 0, 0]:
        return 0.0
    low = 0
    high = shells.shape[1]
    while high - low > 1:  # last shell inside rho
        middle = (low + high) // 2
        if shells[row, middle, 0] < rho:
            low = middle
        else:
            high = middle
    return shells[row, low, 1]


@lean_kernel
def _radiate(rng, p, tan_lambda, rho, numbers, shells, emitted):
    """Follow an electron through the tracker: rows (radius, photon energy, momentum after, X/X0 ahead) of `emitted`.

    Steps are exponential in X/X0 at the thin-target rate. Returns the number of photons.
    """
    row = _material_row(tan_lambda, numbers, len(shells))
    n_k = shells.shape[1]
    end = shells[row, n_k - 1, 1]
    at = _depth_at(row, rho, shells)
    n = 0
    while n < MAX_BREMS and p > 1e-4:
        at += rng.standard_exponential() / numbers.brems_rate
        if not at < end:
            break
        low = 0
        high = n_k - 1
        while low < high:  # first shell that ends beyond `at`
            middle = (low + high) // 2
            if shells[row, middle, 1] > at:
                high = middle
            else:
                low = middle + 1
        energy = p * _photon_share(rng, numbers.brems_cutoff)
        p -= energy
        emitted[n, 0] = shells[row, low, 0]
        emitted[n, 1] = energy
        emitted[n, 2] = p
        emitted[n, 3] = end - at
        n += 1
    return n


@lean_kernel
def _fit_shift(p, tan_lambda, omega, emitted, n, numbers, response):
    """Shift of the fitted (d0, phi0, omega) by the emissions: response at their radius times the jump of omega.

    `numbers` and `response` are those of the track fit (see `toymc.detector.tables.TrackTables`).
    """
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


@inlined_kernel
def _along(x, y, z, px, py, pz, curvature, radius):
    """State of a charged particle where it crosses `radius` (measured along the chord from where it is)."""
    pt = math.sqrt(px * px + py * py)
    if not (pt > 1e-9 and abs(curvature) > 1e-12):
        return x, y, z, px, py, pz
    half = min(0.5 * abs(curvature) * max(radius - math.sqrt(x * x + y * y), 0.0), 1.0)
    chord = 2.0 * half / abs(curvature)
    # the chord lies half the turn off the direction
    ch = math.sqrt(1.0 - half * half)
    sh = math.copysign(half, curvature)
    c, s = 1.0 - 2.0 * half * half, 2.0 * sh * ch
    ux, uy = px / pt, py / pt
    return (
        x + chord * (ux * ch + uy * sh),
        y + chord * (uy * ch - ux * sh),
        z + 2.0 * math.asin(half) / abs(curvature) * pz / pt,
        px * c + py * s,
        py * c - px * s,
        pz,
    )


@lean_kernel
def _radiated_photons(x, y, z, px, py, pz, curvature, emitted, n_emitted, photons):
    """Where the photons of `_radiate` start, and the electron behind the last: (x, y, z, px, py, pz, curvature).

    A row of `photons` gets energy, position, direction (unit vector) and X/X0 ahead.
    """
    before = math.sqrt(px * px + py * py + pz * pz)
    for m in range(n_emitted):
        x, y, z, px, py, pz = _along(x, y, z, px, py, pz, curvature, emitted[m, 0])
        photons[m, 0] = emitted[m, 1]
        photons[m, 1] = x
        photons[m, 2] = y
        photons[m, 3] = z
        photons[m, 4] = px / before
        photons[m, 5] = py / before
        photons[m, 6] = pz / before
        photons[m, 7] = emitted[m, 3]
        after = emitted[m, 2]
        factor = after / before
        px *= factor
        py *= factor
        pz *= factor
        curvature /= factor
        before = after
    return x, y, z, px, py, pz, curvature
