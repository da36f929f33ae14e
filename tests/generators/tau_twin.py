"""A slow, obvious twin of the tau decay library: explicit Dirac matrices, covariant currents, flat phase space in
numpy.

Nothing here is shared with the kernels but the parameters of the data file. Four-vectors are arrays (..., 4) in the
order t, x, y, z; the metric is (+, -, -, -), eps^0123 = +1.
"""

import itertools

import numpy as np

METRIC = np.array([1.0, -1.0, -1.0, -1.0])
_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_ONE = np.eye(2)
_ZERO = np.zeros((2, 2))
GAMMA = np.array(
    [np.block([[_ZERO, _ONE], [_ONE, _ZERO]])] + [np.block([[_ZERO, s], [-s, _ZERO]]) for s in _PAULI]
)  # Weyl representation
GAMMA5 = np.diag([-1.0, -1.0, 1.0, 1.0]).astype(complex)
LEFT = 0.5 * (np.eye(4) - GAMMA5)
RIGHT = 0.5 * (np.eye(4) + GAMMA5)


def levi_civita():
    eps = np.zeros((4, 4, 4, 4))
    for p in itertools.permutations(range(4)):
        sign = np.linalg.det(np.eye(4)[list(p)])
        eps[p] = round(sign)
    return eps


EPSILON = levi_civita()


def dot(a, b):
    return np.sum(a * METRIC * b, axis=-1)


def slash(p):
    return np.einsum("...m,mij->...ij", p * METRIC, GAMMA)


def spinors(p, mass, anti=False):
    """Two spinors u(p) (or v(p)) as columns (..., 4, 2): p-slash +- m acting on constant spinors, normalised to 2 E."""
    seed = np.zeros((4, 2), dtype=complex)
    # at rest u ~ (xi, xi), v ~ (eta, -eta)
    sign = -1.0 if anti else 1.0
    seed[:2] = np.eye(2)
    seed[2:] = sign * np.eye(2)
    matrix = slash(p) + sign * mass * np.eye(4)
    u = matrix @ seed
    if mass == 0.0:
        # massless: keep both helicities by the same projection; columns stay orthogonal
        pass
    norm = np.sqrt(2.0 * p[..., 0] / np.sum(np.abs(u) ** 2, axis=-2).mean(axis=-1))
    return u * norm[..., None, None]


def bar(u):
    """Dirac adjoint of column spinors (..., 4, 2) -> rows (..., 2, 4)."""
    return np.conj(np.swapaxes(u, -1, -2)) @ GAMMA[0]


def density_to_polarimeter(amplitude):
    """Amplitudes (..., final states, 2 tau spin states along z) -> (rate, h)."""
    # rate(s) = tr(rho A^dagger A) = (1 + s.h) rate/2 with rho = (1 + s.sigma)/2
    matrix = np.einsum("...fa,...fb->...ab", np.conj(amplitude), amplitude)
    return _from_matrix(matrix)


def tau_at_rest(mass):
    return spinors(np.array([mass, 0.0, 0.0, 0.0]), mass)


def hadronic(neutrino, current, mass_tau):
    """Rate and h of tau- -> nu + hadrons: ubar(nu) gamma_mu (1 - gamma5) u(tau) J^mu."""
    u = bar(_massless(neutrino))
    vertex = np.einsum("...m,mij->...ij", current * METRIC, GAMMA) @ (np.eye(4) - GAMMA5)
    return density_to_polarimeter(u @ vertex @ tau_at_rest(mass_tau))


def _massless(p):
    """Spinors of a massless fermion through p-slash acting on four seeds (..., 4, 4): sum u ubar ~ p-slash
    p-slash^dagger."""
    value = slash(p).astype(complex)
    # p-slash gamma0 is hermitian and equal to its square/(2E): its columns give sum u ubar = p-slash exactly
    return (value @ GAMMA[0]) / np.sqrt(2.0 * p[..., 0])[..., None, None]


def leptonic(neutrino, lepton, antineutrino, mass, mass_tau):
    """Rate and h of tau- -> nu_tau l- anti-nu_l, summed over the lepton spins."""
    nu, anti = bar(_massless(neutrino)), _massless(antineutrino)
    lep = bar(spinors(lepton, mass))
    chiral = np.eye(4) - GAMMA5
    tau = tau_at_rest(mass_tau)
    total = 0.0
    for m in range(4):
        first = nu @ GAMMA[m] @ chiral @ tau  # (..., 4, 2)
        second = lep @ GAMMA[m] @ chiral @ anti  # (..., 2, 4)
        total = total + METRIC[m] * np.einsum("...fa,...gk->...fgka", first, second)
    return density_to_polarimeter(total.reshape(*total.shape[:-4], -1, 2))


def scalar_signal(lepton, mass, mass_tau, vertex):
    """l alpha: ubar(l) vertex u(tau)."""
    return density_to_polarimeter(bar(spinors(lepton, mass)) @ vertex @ tau_at_rest(mass_tau))


def vector_signal(lepton, boson, mass, mass_boson, mass_tau, projector):
    """l V with ubar gamma^mu P u eps*_mu, summed over polarisations (-g + q q/m^2)."""
    lep = bar(spinors(lepton, mass))
    tau = tau_at_rest(mass_tau)
    amplitude = np.stack([lep @ GAMMA[m] @ projector @ tau for m in range(4)], axis=-3)  # (..., mu, l, s)
    lower = amplitude * METRIC[:, None, None]
    along = np.einsum("...m,...mfa->...fa", boson, lower)
    matrix = -np.einsum("...mfa,...mfb->...ab", np.conj(amplitude), lower)
    matrix = matrix + np.einsum("...fa,...fb->...ab", np.conj(along), along) / mass_boson**2
    return _from_matrix(matrix)


def photon_signal(lepton, photon, mass, mass_tau, projector):
    """l gamma with ubar sigma^{mu nu} q_nu P u eps*_mu, polarisation sum -g."""
    lep = bar(spinors(lepton, mass))
    tau = tau_at_rest(mass_tau)
    q = slash(photon)
    parts = [lep @ (0.5j * (GAMMA[m] @ q - q @ GAMMA[m])) @ projector @ tau for m in range(4)]
    amplitude = np.stack(parts, axis=-3)
    matrix = -np.einsum("...mfa,...mfb->...ab", np.conj(amplitude), amplitude * METRIC[:, None, None])
    return _from_matrix(matrix)


def _from_matrix(matrix):
    rate = np.real(matrix[..., 0, 0] + matrix[..., 1, 1])
    h = np.stack([np.real(np.einsum("ab,...ba->...", s, matrix)) for s in _PAULI], axis=-1)
    return rate, h / np.where(rate > 0.0, rate, 1.0)[..., None]


# ---- currents ------------------------------------------------------------------------------------------------------


def propagator(s, mass, width, m1, m2, wave):
    """M^2/(M^2 - s - i sqrt(s) Gamma(s)), hep-ex/9902022 eq. A9; zero width below threshold."""
    s = np.asarray(s, dtype=complex).real
    k = np.sqrt(np.maximum(s - (m1 + m2) ** 2, 0.0) * (s - (m1 - m2) ** 2)) / (2 * np.sqrt(s))
    k0 = np.sqrt((mass**2 - (m1 + m2) ** 2) * (mass**2 - (m1 - m2) ** 2)) / (2 * mass)
    return mass**2 / (mass**2 - s - 1j * width * mass**2 / np.sqrt(s) * (k / k0) ** (2 * wave + 1))


def fixed_width(s, mass, width):
    return (mass**2 - 1j * mass * width) / (mass**2 - s - 1j * mass * width)


def polar(amplitude, phase_pi):
    return amplitude * np.exp(1j * np.pi * phase_pi)


def transverse(vector, q):
    return vector - q * (dot(vector, q) / dot(q, q))[..., None]


def two_pion_current(first, second, card, m1, m2):
    """pi- pi0 and K- K0 (the rho decays to pi pi in both)."""
    q = first + second
    s = dot(q, q)
    parameters = zip(card["mass"], card["width"], card["amplitude"], card["phase_pi"], strict=True)
    form = sum(polar(a, p) * propagator(s, m, g, m1, m2, 1) for m, g, a, p in parameters)
    return form[..., None] * transverse(first - second, q)


def kaon_pion_current(kaon, pion, card, mk, mpi):
    q = kaon + pion
    s = dot(q, q)
    weights = np.array(card["vector_amplitude"]) * np.exp(1j * np.array(card["vector_phase_rad"]))
    current = 0.0
    for w, m, g in zip(weights, card["vector_mass"], card["vector_width"], strict=True):
        part = kaon - pion - q * (dot(kaon - pion, q) / m**2)[..., None]
        current = current + (w / weights.sum()) * propagator(s, m, g, mk, mpi, 1)[..., None] * part
    scalar = propagator(s, card["scalar_mass"], card["scalar_width"], mk, mpi, 0)
    return current + card["scalar_coupling"] * scalar[..., None] * q


def a1_cleo(s, card):
    """Running width of the a1 in the CLEO model, written out for one array."""
    total = np.zeros_like(s)
    for name in ("charged", "neutral"):
        x = s - card[name + "_threshold"]
        p = card[name + "_low"]
        h = card[name + "_high"]
        low = p[0] * x**3 * (1 + p[1] * x + p[2] * x**2)
        high = h[0] + h[1] * s + h[2] * s**2 + h[3] * s**3 + h[4] * s**4
        total = total + np.where(s < card["match"], low, high) * (x > 0)
    k, kstar = card["kstar_k_mass"]
    lam = np.maximum((s - (k + kstar) ** 2) * (s - (k - kstar) ** 2), 0.0) * (s > (k + kstar) ** 2)
    total = total + card["kstar_k_coupling2"] * 0.5 * np.sqrt(lam) / s
    return card["mass"] ** 2 / (card["mass"] ** 2 - s - 1j * card["coupling2"] * total)


def three_pion_current(p, card, charged, mpi, mpi0):
    """CLEO current; p = three four-vectors (n, 4): pi- pi- pi+ or pi0 pi0 pi-."""
    q = p[0] + p[1] + p[2]
    total = np.zeros(q.shape, dtype=complex)
    rho_masses = (mpi, mpi) if charged else (mpi0, mpi)
    pair_masses = (mpi, mpi) if charged else (mpi0, mpi0)
    for k, (a, b) in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
        h, r = p[a] + p[b], p[a] - p[b]
        s = dot(h, h)
        vector, tensor_wave = (
            sum(
                polar(c, f) * propagator(s, m, g, *rho_masses, 1)
                for m, g, c, f in zip(
                    card["rho_mass"], card["rho_width"], card[w + "_amplitude"], card[w + "_phase_pi"], strict=True
                )
            )
            for w in ("s", "d")
        )
        isovector = -vector[..., None] * r + 2 * (tensor_wave * dot(q, r))[..., None] * p[k]
        scalar = sum(
            polar(card[n + "_amplitude"], card[n + "_phase_pi"])
            * propagator(s, card[n + "_mass"], card[n + "_width"], *pair_masses, 0)
            for n in ("sigma", "f0")
        )
        f2 = polar(card["f2_amplitude"], card["f2_phase_pi"])
        f2 = f2 * propagator(s, card["f2_mass"], card["f2_width"], *pair_masses, 2)
        # tensor: r^mu (r.Q) - (1/3) r^2 (Q^mu - h^mu (h.Q)/h^2), r transverse to h for equal masses
        spin2 = r * dot(r, q)[..., None] - (dot(r, r) / 3)[..., None] * (q - h * (dot(h, q) / s)[..., None])
        isoscalar = -2 * scalar[..., None] * p[k] + f2[..., None] * spin2
        if charged and k < 2:
            total = total + isovector + isoscalar
        if not charged:
            total = total + (-isovector if k < 2 else isoscalar)
    return a1_cleo(dot(q, q), card["a1"])[..., None] * transverse(total, q)


def _mix(s, masses, widths, weights, m1=None, m2=None):
    lines = [
        fixed_width(s, m, g) if m1 is None else propagator(s, m, g, m1, m2, 1)
        for m, g in zip(masses, widths, strict=True)
    ]
    return sum(w * line for w, line in zip(weights, lines, strict=True)) / sum(weights)


def a1_kuehn_santamaria(s, card):
    def g(x):
        y = x - 9 * card["pion_mass"] ** 2
        a, b, c = card["low"]
        k = card["high"]
        high = x * (k[0] + k[1] / x + k[2] / x**2 + k[3] / x**3)
        return np.where(x < (card["rho_mass"] + card["pion_mass"]) ** 2, a * y**3 * (1 + b * y + c * y**2), high)

    m, w = card["mass"], card["width"]
    return m**2 / (m**2 - s - 1j * m * w * g(s) / g(np.array(m**2)))


def kaon_current(name, p, card):
    """Finkemeier-Mirkes currents, hep-ph/9503474; p = (p2, p3, p4) of the table in the paper's order."""
    q = p[0] + p[1] + p[2]
    pairs = (p[1] + p[2], p[0] + p[2], p[0] + p[1])
    s1, s2, s3, s4 = (dot(v, v) for v in (q, *pairs))
    pion, kaon = card["pion_mass"], card["kaon_mass"]

    def lines(kind, s, m1):
        return _mix(s, card[kind + "_mass"], card[kind + "_width"], card[kind + "_weight"], m1, pion)

    def k(s):
        return lines("kstar_axial", s, kaon)

    def rho(s):
        return lines("rho_axial", s, pion)

    def omega(s):
        return _mix(s, card["omega_phi_mass"], card["omega_phi_width"], card["omega_phi_weight"])

    a1 = a1_kuehn_santamaria(s1, card["a1"])
    k1a = _mix(s1, card["k1_mass"], card["k1_width"], card["k1_to_kstar_weight"])
    k1b = _mix(s1, card["k1_mass"], card["k1_width"], card["k1_to_rho_weight"])
    rho_v, kstar_v = lines("rho_vector", s1, pion), lines("kstar_vector", s1, kaon)
    r2 = np.sqrt(2.0)
    if name == "K_K_pi_nu":
        f = (a1 * k(s2) / 2, a1 * rho(s3) / 2, (r2 - 1) * rho_v * (r2 * omega(s3) + k(s2)))
    elif name == "K_K0_pi0_nu":
        f = (a1 * (k(s2) - k(s4)) / 2, a1 * (2 * rho(s3) + k(s4)) / 2, -(r2 - 1) * rho_v * (k(s4) - k(s2)))
    elif name == "KS_KS":
        f = (-a1 * (k(s2) + k(s4)) / 2, a1 * k(s4) / 2, (r2 - 1) * rho_v * (k(s2) - k(s4)))
    elif name == "KS_KL":
        f3 = -(r2 - 1) * rho_v * (2 * r2 * omega(s3) + k(s2) + k(s4))
        f = (a1 * (k(s2) - k(s4)) / 2, a1 * (2 * rho(s3) + k(s4)) / 2, f3)
    elif name == "K_2pi0_nu":
        f = (k1a * k(s2), k1a * k(s3), kstar_v * (k(s2) - k(s3)))
    elif name == "K_pi_pi_nu":
        f = (k1b * rho(s2), k1a * k(s3), -kstar_v * (rho(s2) + k(s3)))
    else:
        f = (k1a * (k(s2) - k(s4)), 2 * k1b * rho(s3) + k1a * k(s4), kstar_v * (2 * rho(s3) + k(s2) + k(s4)))
    f1, f2, f3 = -f[0] / 3, f[1] / 3, f[2] / (8 * np.pi**2 * card["pion_constant"] ** 2)
    axial = f1[..., None] * (p[1] - p[2]) + f2[..., None] * (p[2] - p[0])
    low = [v * METRIC for v in p]
    vector = np.einsum("mnrs,...n,...r,...s->...m", EPSILON, *low)
    return transverse(axial, q) + 1j * f3[..., None] * vector


# ---- flat phase space ----------------------------------------------------------------------------------------------


def _boost(p, velocity):
    b2 = np.sum(velocity**2, axis=-1, keepdims=True)
    gamma = 1 / np.sqrt(1 - b2)
    bp = np.sum(velocity * p[..., 1:], axis=-1, keepdims=True)
    e = gamma * (p[..., :1] + bp)
    factor = (gamma - 1) / np.maximum(b2, 1e-300) * bp + gamma * p[..., :1]
    return np.concatenate([e, p[..., 1:] + factor * velocity], axis=-1)


def flat_decay(rng, n, mass, daughters):
    """n-body phase space by successive two-body decays [F. James, CERN 68-15]: four-vectors (bodies, n, 4), weights
    (n,)."""
    bodies = len(daughters)
    m = np.array(daughters)
    slack = mass - m.sum()
    u = np.sort(rng.random((n, bodies - 2)), axis=1)
    inner = np.cumsum(m)[None, 1:-1] + slack * u
    masses = np.concatenate([np.full((n, 1), m[0]), inner, np.full((n, 1), mass)], axis=1)
    weight = np.ones(n)
    vectors = np.zeros((bodies, n, 4))
    vectors[0, :, 0] = m[0]
    for i in range(1, bodies):
        big, small = masses[:, i], masses[:, i - 1]
        k = np.sqrt((big**2 - (small + m[i]) ** 2) * (big**2 - (small - m[i]) ** 2)) / (2 * big)
        weight *= k
        cos = 2 * rng.random(n) - 1
        phi = 2 * np.pi * rng.random(n)
        sin = np.sqrt(1 - cos**2)
        unit = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], axis=-1)
        vectors[i] = np.concatenate([np.sqrt(k**2 + m[i] ** 2)[:, None], -k[:, None] * unit], axis=-1)
        velocity = k[:, None] * unit / np.sqrt(k**2 + small**2)[:, None]
        for j in range(i):
            vectors[j] = _boost(vectors[j], velocity)
    return vectors, weight
