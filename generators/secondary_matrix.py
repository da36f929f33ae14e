"""Matrix elements of the three-body decays of light mesons, as one weight in one set of variables.

Every three-body decay is M -> (12) 3 with s = m_12^2 and c = cosine of particle 1 in the (12) rest frame against the
direction of (12). The weight is the full density in (x, c), phase space included, where x = s, or x = ln s for lepton
pairs. `Column` names the layout of a row of the mode table (`secondary_tables.py`).
"""

import numpy as np

from toymc.kernels import kernel
from toymc.kinematics import _two_body_momentum

# columns of the mode table
PARENT, CUMULATIVE, KIND, N, CODES, MASSES, ANGULAR, BOUND, PARAMETERS = 0, 1, 2, 3, 4, 7, 10, 12, 13
# bound of the rejection at the reference mass, and its slopes in the mass above and below it
REFERENCE, SLOPE_UP, SLOPE_DOWN = 19, 20, 21
N_COLUMNS = 22
# kinds
TWO_BODY, THREE_PI, DALITZ, LEPTON_PAIR, PI_PI_GAMMA = 0, 1, 2, 3, 4


@kernel
def _rho_shape(s, m_rho, width, m1, m2):
    """P-wave Breit-Wigner of the rho, 1 at s = 0 [J. Kuehn, A. Santamaria, Z. Phys. C48 (1990) 445]."""
    e = np.sqrt(s)
    ratio = _two_body_momentum(e, m1, m2) / _two_body_momentum(m_rho, m1, m2)
    m2_rho = m_rho * m_rho
    return m2_rho / complex(m2_rho - s, -m2_rho * width * ratio * ratio * ratio / e)


@kernel
def _weight_three_pi(row, mass, s, c, k, p):
    """Vector -> pi+ pi- pi0 through rho pi: |p+ x p-|^2 |sum rho|^2 [M. Gell-Mann et al., PRL 8 (1962) 261]."""
    m1, m2, m3 = row[MASSES], row[MASSES + 1], row[MASSES + 2]
    e1 = np.sqrt(p * p + m1 * m1)
    e2 = np.sqrt(p * p + m2 * m2)
    # energy and momentum of 3 in the (12) frame
    k_pair = k * mass / np.sqrt(s)
    e3 = np.sqrt(k_pair * k_pair + m3 * m3)
    s13 = m1 * m1 + m3 * m3 + 2.0 * (e1 * e3 + p * c * k_pair)
    s23 = m2 * m2 + m3 * m3 + 2.0 * (e2 * e3 - p * c * k_pair)
    m_rho, width = row[PARAMETERS], row[PARAMETERS + 1]
    amplitude = _rho_shape(s, m_rho, width, m1, m2)
    amplitude += _rho_shape(s13, m_rho, width, m1, m3) + _rho_shape(s23, m_rho, width, m2, m3)
    return k * k * p * p * (1.0 - c * c) * (amplitude.real**2 + amplitude.imag**2)


@kernel
def _weight_dalitz(row, mass, s, c, k, p):
    """Polynomial in X and Y in the PDG's conventions for eta and eta'.

    X = sqrt(3) (T1 - T2)/Q; Y = 3 T3/Q - 1 for three pions and (2 + m_eta/m_pi) T_eta/Q - 1 for eta pi pi.
    """
    m1, m2, m3 = row[MASSES], row[MASSES + 1], row[MASSES + 2]
    q = mass - m1 - m2 - m3
    e3 = np.sqrt(k * k + m3 * m3)
    gamma, gamma_beta = (mass - e3) / np.sqrt(s), k / np.sqrt(s)
    e1 = gamma * np.sqrt(p * p + m1 * m1) + gamma_beta * p * c
    e2 = gamma * np.sqrt(p * p + m2 * m2) - gamma_beta * p * c
    x = np.sqrt(3.0) * (e1 - m1 - e2 + m2) / q
    scale = 3.0 if m3 < 2.0 * m1 else 2.0 + m3 / m1
    y = scale * (e3 - m3) / q - 1.0
    a, b, cc = row[PARAMETERS], row[PARAMETERS + 1], row[PARAMETERS + 2]
    d, f, g = row[PARAMETERS + 3], row[PARAMETERS + 4], row[PARAMETERS + 5]
    return 1.0 + y * (a + y * (b + y * f)) + x * (cc + x * (d + g * y))


@kernel
def _weight_lepton_pair(row, mass, s, c, k):
    """X -> Y gamma* -> Y l+ l- [N. Kroll, W. Wada, PR 98 (1955) 1355; L. Landsberg, Phys. Rep. 128 (1985) 301].

    Magnetic vertex, k^2 |F|^2 / q^2, and 1 + c^2 + (4 m^2/q^2)(1 - c^2) for the transverse photon;
    |F|^2 = L^2 (L^2 + g^2) / ((L^2 - q^2)^2 + L^2 g^2), the plain pole for g = 0. A parent above its PDG mass would
    reach the pole of omega -> pi0 l l, of which the fit on the resonance says nothing: q^2 is scaled to its end point.
    """
    m = row[MASSES]
    l2 = 1.0 / row[PARAMETERS]
    lg2 = l2 * row[PARAMETERS + 1] ** 2
    m3 = row[MASSES + 2]
    q2 = s * min(1.0, ((row[REFERENCE] - m3) / (mass - m3)) ** 2)
    form = (l2 * l2 + lg2) / ((l2 - q2) ** 2 + lg2)
    # one power of s from the density in ln s
    return k * k * form * (1.0 + c * c + 4.0 * m * m / s * (1.0 - c * c))


@kernel
def _weight_pi_pi_gamma(row, s, c, k, p):
    """Pseudoscalar -> pi+ pi- gamma: k^2 p^2 sin^2 |F_V (1 + alpha s)|^2 [F. Stollenwerk, PLB 707 (2012) 184]."""
    rho = _rho_shape(s, row[PARAMETERS + 1], row[PARAMETERS + 2], row[MASSES], row[MASSES + 1])
    slope = 1.0 + row[PARAMETERS] * s
    return k * k * p * p * (1.0 - c * c) * (rho.real**2 + rho.imag**2) * slope * slope


@kernel
def _weight(row, mass, s, c):
    """Density in (s, c), or (ln s, c) for lepton pairs, of the three-body decay in `row` of a parent of this mass."""
    e = np.sqrt(s)
    k = _two_body_momentum(mass, e, row[MASSES + 2])
    p = _two_body_momentum(e, row[MASSES], row[MASSES + 1])
    kind = int(row[KIND])
    if kind == LEPTON_PAIR:
        matrix = _weight_lepton_pair(row, mass, s, c, k)
    elif kind == THREE_PI:
        matrix = _weight_three_pi(row, mass, s, c, k, p)
    elif kind == PI_PI_GAMMA:
        matrix = _weight_pi_pi_gamma(row, s, c, k, p)
    else:
        matrix = _weight_dalitz(row, mass, s, c, k, p)
    return matrix * k * p / e


@kernel
def _pair_mass2(row, mass, u):
    """s of the pair for u in [0, 1]: uniform in s, or in ln s for lepton pairs."""
    low = (row[MASSES] + row[MASSES + 1]) ** 2
    high = (mass - row[MASSES + 2]) ** 2
    if int(row[KIND]) == LEPTON_PAIR:
        return low * (high / low) ** u
    return low + (high - low) * u


@kernel
def _largest_weight(row, mass):
    """Largest weight of a mode on a grid in (u, c), for the rejection bound."""
    best = 0.0
    for i in range(1, 200):
        s = _pair_mass2(row, mass, i / 200.0)
        for j in range(21):
            best = max(best, _weight(row, mass, s, -1.0 + 0.1 * j))
    return best


@kernel
def _bound(row, mass):
    """Bound of the weight for a parent of this mass: linear on either side of the reference mass."""
    off = mass - row[REFERENCE]
    return row[BOUND] + off * (row[SLOPE_UP] if off > 0.0 else row[SLOPE_DOWN])
