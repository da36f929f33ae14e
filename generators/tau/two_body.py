"""Two-body decays of the tau: pi nu, K nu, and the signals l alpha, l phi, l gamma.

tau- -> h- nu: the amplitude is f q^mu nubar gamma_mu (1 - gamma5) tau, so dGamma ~ 1 + s.n_h (the neutrino is
left-handed; Y.-S. Tsai, Phys. Rev. D 4 (1971) 2821 eq. 2.7).

tau- -> l- alpha with the interaction alpha lbar (g_V + g_A gamma5) tau (the derivative coupling of an axion-like
particle reduces to it by the equations of motion, L. Calibbi et al., JHEP 09 (2021) 173, arXiv:2006.04795):

    dGamma ~ (|g_V|^2 + |g_A|^2) E_l + (|g_V|^2 - |g_A|^2) m_l - 2 Re(g_V g_A*) p_l s.n_l .

`left` is g_V = g_A (the lepton field is lbar P_R tau, left-handed): h = -(p_l/E_l) n_l; `right` the opposite; `vector`
(one coupling alone, or both without a parity-odd phase) h = 0.

tau- -> l- V with lbar gamma^mu P_L tau V_mu: |M|^2 ~ p.a + 2 (p.q)(a.q)/m_V^2, a = P - M s, hence
h = [1 - 2 p.q/m_V^2] p_l / [E_l + 2 (p.q) E_V/m_V^2] n_l, for a massless lepton -(M^2 - 2 m_V^2)/(M^2 + 2 m_V^2) n_l.

tau- -> l- gamma through lbar sigma.F P_R tau: one photon helicity only, so angular momentum leaves h = +n_l exactly
for a left-handed lepton and -n_l for a right-handed one [Y. Kuno, Y. Okada, Rev. Mod. Phys. 73 (2001) 151, eq. 61].
"""

import numpy as np

from toymc.errors import InputError
from toymc.kernels import kernel

CHIRALITIES = {"left": -1, "vector": 0, "right": 1}


def chirality_code(name: str) -> int:
    """Code of a chirality name: left -1, vector 0, right +1.

    Raises
    ------
    InputError
        For another name.

    Examples
    --------
    >>> chirality_code("left")
    -1
    """
    if name not in CHIRALITIES:
        raise InputError(f"chirality '{name}' is not known: allowed are {', '.join(CHIRALITIES)}")
    return CHIRALITIES[name]


@kernel
def _back_to_back(mass_tau, mass_neutral, mass_charged, p4):
    """Row 1 (charged) along +z, row 0 against it; the momentum is returned."""
    lam = (
        (mass_tau - mass_neutral - mass_charged)
        * (mass_tau + mass_neutral + mass_charged)
        * (mass_tau - mass_neutral + mass_charged)
        * (mass_tau + mass_neutral - mass_charged)
    )
    p = np.sqrt(max(lam, 0.0)) / (2.0 * mass_tau)
    for row in range(2):
        p4[row, 0] = 0.0
        p4[row, 1] = 0.0
    p4[0, 2] = -p
    p4[0, 3] = np.sqrt(p * p + mass_neutral * mass_neutral)
    p4[1, 2] = p
    p4[1, 3] = np.sqrt(p * p + mass_charged * mass_charged)
    return p


@kernel
def _meson_decay(mass_tau, mass_meson, p4):
    """tau- -> nu_tau h-: h along +z and the polarimeter with it."""
    _back_to_back(mass_tau, 0.0, mass_meson, p4)
    return 0.0, 0.0, 1.0


@kernel
def _scalar_signal(mass_tau, mass_alpha, mass_lepton, chirality, p4):
    """tau- -> l- alpha; `chirality` -1 left, 0 vector, +1 right."""
    p = _back_to_back(mass_tau, mass_alpha, mass_lepton, p4)
    return 0.0, 0.0, chirality * p / p4[1, 3]


@kernel
def _vector_signal(mass_tau, mass_vector, mass_lepton, chirality, p4):
    """tau- -> l- V for a massive vector of mass `mass_vector`."""
    p = _back_to_back(mass_tau, mass_vector, mass_lepton, p4)
    e = p4[1, 3]
    # 2 p.q/m_V^2
    ratio = (mass_tau * mass_tau - mass_vector * mass_vector - mass_lepton * mass_lepton) / mass_vector**2
    return 0.0, 0.0, -chirality * (1.0 - ratio) * p / (e + ratio * p4[0, 3])


@kernel
def _photon_signal(mass_tau, mass_lepton, chirality, p4):
    """tau- -> l- gamma."""
    _back_to_back(mass_tau, 0.0, mass_lepton, p4)
    return 0.0, 0.0, -1.0 * chirality


@kernel
def _resonance_mass(rng, mass, width, low, high):
    """Mass from a relativistic Breit-Wigner of constant width in s, cut at [low, high]."""
    scale = mass * width
    a = np.arctan((low * low - mass * mass) / scale)
    b = np.arctan((high * high - mass * mass) / scale)
    return np.sqrt(mass * mass + scale * np.tan(a + (b - a) * rng.random()))
