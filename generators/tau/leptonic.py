"""tau- -> l- anti-nu_l nu_tau: V-A at lowest order with the exact lepton mass.

Summed over the final spins, |M|^2 ~ (P - M s).k (N.l) with k the anti-neutrino, N the tau neutrino, l the lepton and s
the spin of the tau- [L. Michel, Proc. Phys. Soc. A63 (1950) 514; W. Fetscher, H.-J. Gerber in the PDG review "Muon
decay parameters"; S. Jadach, Z. Was et al., CPC 64 (1991) 275 eq. 2.13]. In the rest frame (P - M s).k = M k0 (1 +
s.n_k): the polarimeter is the unit vector along the anti-neutrino. With y = (N + l)^2/M^2 and r = m^2/M^2 the rate is

    dGamma ~ y (1 - y)^2 (1 - r/y)^2 dy,  isotropic in the rest frames of P and of N + l,

so y is a Beta(2, 3) variate (the second smallest of four uniforms) kept with probability (1 - r/y)^2: 98 % for muons.
"""

import numpy as np

from toymc.kernels import kernel


@kernel
def _second_smallest_of_four(rng):
    a = rng.random()
    b = rng.random()
    c = rng.random()
    d = rng.random()
    if a > b:
        a, b = b, a
    if c > d:
        c, d = d, c
    # the second smallest: the larger of the two minima, unless one pair lies below the other altogether
    if a < c:
        return min(b, c)
    return min(d, a)


@kernel
def _leptonic_decay(rng, mass_tau, mass, p4):
    """Rows: nu_tau, lepton, anti-nu_l; the anti-neutrino (and h) along +z, azimuth of the others random."""
    r = (mass / mass_tau) ** 2
    while True:
        y = _second_smallest_of_four(rng)
        if y > r:
            keep = 1.0 - r / y
            if rng.random() < keep * keep:
                break
    w = mass_tau * np.sqrt(y)  # mass of nu_tau + lepton
    k = 0.5 * mass_tau * (1.0 - y)
    # a direction from a point in the unit disc
    while True:
        a = 2.0 * rng.random() - 1.0
        b = 2.0 * rng.random() - 1.0
        s = a * a + b * b
        if s < 1.0:
            break
    q = 0.5 * w * (1.0 - r / y)
    root = 2.0 * np.sqrt(1.0 - s) * q
    qx = a * root
    qy = b * root
    qz = (1.0 - 2.0 * s) * q
    # boost along -z with the momentum k of the pair
    gamma = 0.5 * (1.0 + y) * mass_tau / w
    gb = -k / w
    p4[0, 0] = qx
    p4[0, 1] = qy
    p4[0, 2] = gamma * qz + gb * q
    p4[0, 3] = gamma * q + gb * qz
    e = w - q
    p4[1, 0] = -qx
    p4[1, 1] = -qy
    p4[1, 2] = -gamma * qz + gb * e
    p4[1, 3] = gamma * e - gb * qz
    p4[2, 0] = 0.0
    p4[2, 1] = 0.0
    p4[2, 2] = k
    p4[2, 3] = k
    return 0.0, 0.0, 1.0
