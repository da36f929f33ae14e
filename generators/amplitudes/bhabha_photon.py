"""Squared tree amplitude of e+e- -> e+ e- gamma in closed form: massless helicities and the mass terms that matter.

With p1, p2 the incoming and p3, p4 the outgoing e-, e+; s, t, u = 2 p1.p2, 2 p1.p3, 2 p1.p4 and s', t', u' = 2 p3.p4,
2 p2.p4, 2 p2.p3; v_i = p_i.epsilon/(p_i.k) for the photon of either helicity and f(q^2) the vacuum polarisation of each
exchanged photon,

    S = f(s') (v1 - v2) + f(s) (v4 - v3)        s channel: off the incoming, off the outgoing line
    T = f(t') (v1 - v3) + f(t) (v4 - v2)        t channel: off the electron's, off the positron's line
    sum |M|^2 = 4 e^6 sum_+- { (t^2 + t'^2)/(s s') |S|^2 + (s^2 + s'^2)/(t t') |T|^2 + (u^2 + u'^2)/(s s') |S + r T|^2 }
    r = (u u' - s s' - t t' +- 4 i eps(p1, p2, p3, p4)) / (2 t t')

the maximally helicity violating amplitudes, for f = 1 the formula of F.A. Berends, R. Kleiss, P. De Causmaecker,
R. Gastmans, W. Troost, T.T. Wu [Nucl. Phys. B 206 (1982) 61]: S = T is the eikonal factor, |1 + r|^2 = u u'/(t t').

Mass. The p_i in v_i are massive, which is exact for soft photons. Along leg i (k parallel to p_i) the terms
-m^2/(p_i.k)^2 then come with C_i, what multiplies |v_i|^2 above, where the quasi-real electron asks for the 2 -> 2
cross-section B_i that the photon is radiated from [V.N. Baier, V.S. Fadin, V.A. Khoze, Nucl. Phys. B 65 (1973) 381]:
m^2/(p_i.k)^2 (C_i - B_i) is added. What stays out is of the order of m_e^2 over the smallest invariant of two leptons
(C: 33 m_e^2/s', 5 m_e^2/t against the massive helicity amplitudes of `emission`): where one is below SMALLEST m_e^2 the
caller takes those. Above, 99 % of the points agree to 5e-5, all to 3e-4, the cross-section to 1e-5.
"""

from toymc.generators.amplitudes.emission import _polarisations
from toymc.generators.amplitudes.layout import BOSON, P_ELECTRON, P_MINUS, P_PLUS, P_POSITRON, POLARISATION
from toymc.generators.amplitudes.spinors import _dot
from toymc.kernels import lean_kernel

SMALLEST = 1e5
"""Smallest invariant of two leptons over m_e^2 for which the closed form is used (0.026 GeV^2)."""


@lean_kernel
def _square(z):
    return z.real * z.real + z.imag * z.imag


@lean_kernel
def _mass_term(s, t, u, hard_s, hard_t, hard_u, f_s, f_t, cross):
    """C_i - B_i of a leg: s, t, u of the 2 -> 2 process, its two propagator factors, 2 Re r |f_s f_t| as `cross`."""
    ss, tt, st = _square(f_s), f_t * f_t, f_s.real * f_t
    radiated = hard_s * ss + hard_t * tt + hard_u * (ss + cross * st)
    born = (t * t + u * u) / (s * s) * ss + (s * s + u * u) / (t * t) * tt - 2.0 * u * u / (s * t) * st
    return radiated - 2.0 * born


@lean_kernel
def _bhabha_photon(v, m, f_s, f_ll, f_minus, f_plus):
    """sum |M|^2 / e^6 over all spins, -1 where it does not hold (`SMALLEST`).

    f_s, f_ll, f_minus, f_plus: factors of the photons of s, s', t (e- line), t' (e+ line), as for `_fill_amplitudes`.
    """
    k1, k2 = _dot(v, P_ELECTRON, BOSON), _dot(v, P_POSITRON, BOSON)
    k3, k4 = _dot(v, P_MINUS, BOSON), _dot(v, P_PLUS, BOSON)
    s, sp = 2.0 * _dot(v, P_ELECTRON, P_POSITRON), 2.0 * _dot(v, P_MINUS, P_PLUS)
    t, tp = 2.0 * _dot(v, P_ELECTRON, P_MINUS), 2.0 * _dot(v, P_POSITRON, P_PLUS)
    u, up = 2.0 * _dot(v, P_ELECTRON, P_PLUS), 2.0 * _dot(v, P_POSITRON, P_MINUS)
    if min(sp, t, tp, u, up) < SMALLEST * m * m:
        return -1.0
    a_s, a_t, a_u = (t * t + tp * tp) / (s * sp), (s * s + sp * sp) / (t * tp), (u * u + up * up) / (s * sp)
    re = 0.5 * (u * up - s * sp - t * tp) / (t * tp)
    # eps(p1, p2, p3, p4) of beams along z
    im = s * (v[P_MINUS, 1] * v[P_PLUS, 0] - v[P_MINUS, 0] * v[P_PLUS, 1]) / (t * tp)
    _polarisations(v, 0.0, True)
    e, o = POLARISATION, POLARISATION + 1
    v1 = complex(_dot(v, P_ELECTRON, e), _dot(v, P_ELECTRON, o)) / k1
    v2 = complex(_dot(v, P_POSITRON, e), _dot(v, P_POSITRON, o)) / k2
    v3 = complex(_dot(v, P_MINUS, e), _dot(v, P_MINUS, o)) / k3
    v4 = complex(_dot(v, P_PLUS, e), _dot(v, P_PLUS, o)) / k4
    fm, fp = f_minus.real, f_plus.real
    v_in, v_out = v1 - v2, v4 - v3
    t_channel = fp * (v1 - v3) + fm * (v4 - v2)
    total = 0.0
    for helicity in range(2):
        if helicity == 1:
            v_in, v_out, t_channel, im = v_in.conjugate(), v_out.conjugate(), t_channel.conjugate(), -im
        s_channel = f_ll * v_in + f_s * v_out
        both = s_channel + complex(re, im) * t_channel
        total += a_s * _square(s_channel) + a_t * _square(t_channel) + a_u * _square(both)
    # two real polarisations make two helicities with a factor 1/2
    total *= 0.5
    r2 = s * sp / (t * tp)
    h_t, cross = a_t + a_u * r2, 2.0 * re
    total += m * m / (k1 * k1) * _mass_term(sp, tp, up, a_s, h_t, a_u, f_ll, fp, cross)
    total += m * m / (k2 * k2) * _mass_term(sp, t, u, a_s, h_t, a_u, f_ll, fm, cross)
    total += m * m / (k3 * k3) * _mass_term(s, tp, u, a_s, h_t, a_u, f_s, fp, cross)
    total += m * m / (k4 * k4) * _mass_term(s, t, up, a_s, h_t, a_u, f_s, fm, cross)
    return 4.0 * max(total, 0.0)
