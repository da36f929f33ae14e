"""Charged particles: acceptance, efficiency, smearing of the helix; electrons radiate in the material on their way."""

import math

from toymc.constants import OMEGA_PER_TESLA_GEV_CM
from toymc.detector.helix import _to_helix, _wrap
from toymc.detector.photons import _depth_at, _depth_row, _photon
from toymc.kernels import kernel

# photons per electron that can become clusters of their own; more than this above the thresholds is below 1e-6
MAX_BREMS = 6


@kernel
def _efficiency(pt, tan_lambda, rho, tracks):
    """Tracking efficiency: table in (pT, theta) times the factor for the production radius."""
    if not (pt >= tracks.pt_min and tan_lambda >= tracks.tan_low and tan_lambda <= tracks.tan_high):
        return 0.0
    n_rho = len(tracks.displaced)
    if rho >= tracks.rho_edges[n_rho]:
        return 0.0
    k = 0
    n_pt = len(tracks.pt_edges) - 1
    while k < n_pt - 1 and pt >= tracks.pt_edges[k + 1]:
        k += 1
    j = 0
    n_t = len(tracks.tan_edges) - 1
    while j < n_t - 1 and tan_lambda >= tracks.tan_edges[j + 1]:
        j += 1
    m = 0
    while rho >= tracks.rho_edges[m + 1]:
        m += 1
    return tracks.efficiency[k, j] * tracks.displaced[m]


@kernel
def _photon_share(rng, cutoff):
    """Share of the electron's energy that a photon takes: (4/3 - 4y/3 + y^2)/y above the cutoff [Tsai; PDG 34.29]."""
    span = -math.log(cutoff)
    while True:
        y = math.exp(-span * rng.random())
        if rng.random() * 4.0 < 4.0 - 4.0 * y + 3.0 * y * y:
            return y


@kernel
def _radiate(rng, p, tan_lambda, rho, tracks, emitted):
    """Follow an electron through the material: rows (radius, photon energy, momentum after) in `emitted`.

    Steps are exponential in X/X0 at the thin-target rate, so that the mean energy left is exp(-X/X0).
    """
    row = _depth_row(tan_lambda, tracks)
    depth = tracks.depth[row]
    end = depth[-1]
    at = _depth_at(row, rho, tracks)
    n = 0
    while n < len(emitted):
        at += rng.standard_exponential() / tracks.brems_rate
        if at >= end:
            break
        low = 0
        high = len(depth) - 1
        while low < high:  # first shell that ends beyond `at`
            middle = (low + high) // 2
            if depth[middle] > at:
                high = middle
            else:
                low = middle + 1
        energy = p * _photon_share(rng, tracks.brems_cutoff)
        p -= energy
        emitted[n, 0] = tracks.depth_radius[row, low]
        emitted[n, 1] = energy
        emitted[n, 2] = p
        n += 1
        if p < 1e-4:
            break
    return n


@kernel
def _fit_shift(p, tan_lambda, omega, emitted, n, tracks):
    """Shift of the fitted (d0, phi0, omega) by the emissions: response at their radius times the jump of omega."""
    k = int(math.floor((math.log(p) - tracks.log_u0) / tracks.log_u_step + 0.5))
    k = min(max(k, 0), tracks.response.shape[0] - 1)
    j = int(math.floor((tan_lambda - tracks.tan0) / tracks.tan_step + 0.5))
    j = min(max(j, 0), tracks.response.shape[1] - 1)
    table = tracks.response[k, j]
    d0 = 0.0
    phi0 = 0.0
    curvature = 0.0
    before = p
    for m in range(n):
        jump = omega * p * (1.0 / emitted[m, 2] - 1.0 / before)
        before = emitted[m, 2]
        s = emitted[m, 0] / tracks.response_r_step
        i = min(int(s), len(table) - 2)
        f = min(s - i, 1.0)
        d0 += jump * (table[i, 0] + f * (table[i + 1, 0] - table[i, 0]))
        phi0 += jump * (table[i, 1] + f * (table[i + 1, 1] - table[i, 1]))
        curvature += jump * (table[i, 2] + f * (table[i + 1, 2] - table[i, 2]))
    return d0, phi0, curvature


@kernel
def _brems_cluster(rng, x, y, z, px, py, pz, omega, emitted, m, truth, tracks, clusters, out, n):
    """Cluster of photon m of an electron unless it merges with the electron's own; return the number of rows."""
    pt = math.sqrt(px * px + py * py)
    tan_lambda = pz / pt
    rho = math.sqrt(x * x + y * y)
    # along the circle from the production point to the radius of emission
    half = min(0.5 * abs(omega) * max(emitted[m, 0] - rho, 0.0), 1.0)
    arc = 2.0 * math.asin(half) / abs(omega)
    turn = omega * arc
    phi = math.atan2(py, px)
    chord = 2.0 * half / abs(omega)
    x += chord * math.cos(phi - 0.5 * turn)
    y += chord * math.sin(phi - 0.5 * turn)
    z += arc * tan_lambda
    cosine = 1.0 / math.sqrt(1.0 + tan_lambda * tan_lambda)
    face = clusters.barrel_radius
    if tan_lambda > 0.0:
        face = min(face, clusters.forward_z / tan_lambda)
    elif tan_lambda < 0.0:
        face = min(face, clusters.backward_z / tan_lambda)
    # electron and photon part after the emission: 1/2 omega L^2 at the face of the crystals
    lever = max(face - emitted[m, 0], 0.0)
    after = omega * math.sqrt(px * px + py * py + pz * pz) / emitted[m, 2]
    if 0.5 * abs(after) * lever * lever / face * cosine < clusters.merge_angle:
        return n
    ux = cosine * math.cos(phi - turn)
    uy = cosine * math.sin(phi - turn)
    return _photon(rng, emitted[m, 1], x, y, z, ux, uy, cosine * tan_lambda, truth, tracks, clusters, out, n)


@kernel
def _interpolate(u, tan_lambda, tracks, values):
    """Nine numbers of the resolution table at p beta = u: sigmas, then correlations."""
    s = (math.log(u) - tracks.log_u0) / tracks.log_u_step
    k = min(max(int(s), 0), tracks.resolution.shape[0] - 2)
    f = min(max(s - k, 0.0), 1.0)
    t = (tan_lambda - tracks.tan0) / tracks.tan_step
    j = min(max(int(t), 0), tracks.resolution.shape[1] - 2)
    g = min(max(t - j, 0.0), 1.0)
    a = tracks.resolution[k, j]
    b = tracks.resolution[k, j + 1]
    c = tracks.resolution[k + 1, j]
    d = tracks.resolution[k + 1, j + 1]
    for i in range(9):
        low = a[i] + g * (b[i] - a[i])
        high = c[i] + g * (d[i] - c[i])
        values[i] = low + f * (high - low)
    for i in range(5):
        values[i] /= u


@kernel
def _smear(rng, helix, v, cov):
    """Draw the measured helix; `v` holds sigmas and correlations, `cov` receives the upper triangle."""
    d0, phi0, omega, z0, tan_lambda = helix
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
        cov[i] = 0.0
    cov[0], cov[1], cov[2] = v[0] * v[0], v[5] * v[0] * v[1], v[6] * v[0] * v[2]
    cov[5], cov[6] = v[1] * v[1], v[7] * v[1] * v[2]
    cov[9] = v[2] * v[2]
    cov[12], cov[13], cov[14] = v[3] * v[3], v[8] * v[3] * v[4], v[4] * v[4]
    if abs(omega) < 1e-9:  # straighter than any measurable track: momentum stays finite
        omega = 1e-9
    return d0, phi0, omega, z0, tan_lambda


@kernel
def _store_hits(tan_lambda, rho, omega, tracks, out, n):
    """Pixel, strip and wire layers between the production radius and the radius where the track turns back."""
    row = tracks.hits[_depth_row(tan_lambda, tracks)]
    last = len(row) - 1
    inner = row[min(int(rho / tracks.hits_r_step), last)]
    outer = row[min(int(min((rho + 2.0 / abs(omega)) / tracks.hits_r_step, 1e6)), last)]
    out.n_pxd[n] = inner[0] - outer[0]
    out.n_svd[n] = inner[1] - outer[1]
    out.n_cdc[n] = inner[2] - outer[2]


@kernel
def _track(rng, px, py, pz, mass, x, y, z, charge, helix, radiated, truth, tracks, scratch, out, n):
    """Smear an accepted particle (its helix already holds the shift by radiation) and write row n of `out`."""
    p2 = px * px + py * py + pz * pz
    _interpolate(p2 / math.sqrt(p2 + mass * mass), pz / math.sqrt(px * px + py * py), tracks, scratch)
    true_omega = helix[2]
    tan_lambda = helix[4]
    d0, phi0, omega, z0, measured_tan = _smear(rng, helix, scratch, out.cov[n])
    pt = OMEGA_PER_TESLA_GEV_CM * tracks.field / abs(omega)
    out.d0[n] = d0
    out.phi0[n] = phi0
    out.omega[n] = omega
    out.z0[n] = z0
    out.tan_lambda[n] = measured_tan
    out.px[n] = pt * math.cos(phi0)
    out.py[n] = pt * math.sin(phi0)
    out.pz[n] = pt * measured_tan
    out.charge[n] = 1 if omega > 0.0 else -1
    out.truth[n] = truth
    out.brems_energy[n] = radiated
    for i in range(4):
        out.pid_uniform[n, i] = rng.random()
    _store_hits(tan_lambda, math.sqrt(x * x + y * y), true_omega, tracks, out, n)
    return n + 1


@kernel
def _charged(rng, species, charge, px, py, pz, mass, x, y, z, truth, tables, buffers, out_t, n_t, out_c, n_c):
    """One charged particle: its track if it is found, and the photons that an electron (species 0) radiates."""
    tracks, clusters = tables
    emitted, scratch = buffers
    pt = math.sqrt(px * px + py * py)
    tan_lambda = pz / pt if pt > 0.0 else 1e9
    if not (pt >= tracks.pt_min and tan_lambda >= tracks.tan_low and tan_lambda <= tracks.tan_high):
        return n_t, n_c
    rho = math.sqrt(x * x + y * y)
    helix = _to_helix(x, y, z, px, py, pz, charge, tracks.field)
    radiated = 0.0
    if species == 0:
        p = math.sqrt(pt * pt + pz * pz)
        n = _radiate(rng, p, tan_lambda, rho, tracks, emitted)
        if n > 0:
            shift = _fit_shift(p, tan_lambda, helix[2], emitted, n, tracks)
            pt *= helix[2] / (helix[2] + shift[2])
            for m in range(n):
                radiated += emitted[m, 1]
                n_c = _brems_cluster(
                    rng, x, y, z, px, py, pz, helix[2], emitted, m, truth, tracks, clusters, out_c, n_c
                )
            helix = (helix[0] + shift[0], _wrap(helix[1] + shift[1]), helix[2] + shift[2], helix[3], helix[4])
    if rng.random() < _efficiency(pt, tan_lambda, rho, tracks):
        n_t = _track(rng, px, py, pz, mass, x, y, z, charge, helix, radiated, truth, tracks, scratch, out_t, n_t)
    return n_t, n_c
