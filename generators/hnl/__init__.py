"""Heavy neutral lepton N in tau decays: tau -> N X, then N -> Y, as one chain with the spins of tau and N.

Interaction: V-A currents with the flavour neutrinos nu_a replaced by U_a N [D. Gorbunov, M. Shaposhnikov, JHEP 10
(2007) 015, arXiv:0705.1729; K. Bondarenko et al., JHEP 11 (2018) 032, arXiv:1805.08567]. Rates come from
`toymc.generators.models.hnl`; here are the distributions.

Spins
-----
A left-handed coupling sees a fermion of momentum p, mass m and spin s through a = p - m s alone (p + m s for an
antiparticle), so every squared amplitude, summed over the other spins, is bilinear in such vectors. With J the real
current of a meson (its momentum for a pseudoscalar, a real unit vector for an analysed vector meson):

    tau- -> N M-              2 (a.J)(b.J) - (a.b) J^2               a = p_tau - m s,  b = k_N - m_N s_N
    tau- -> l- anti-nu_l N    (a.p_antinu)(b.p_l)                    N in the place of nu_tau
    tau- -> l- nu_tau Nbar    (a.b)(p_l.p_nu)                        Nbar in the place of anti-nu_l, b = k_N + m_N s_N
    N -> l- M+, nu M0         2 (a.J)(p.J) - (a.p) J^2               a = k_N - m_N s_N from here on
    N -> l_a- l_b+ nu_b       (a.p_b)(p_a.p_nu)                      charged current
    N -> nu_a l- l+           g_L^2 (a.p+)(p_nu.p-) + g_R^2 (a.p-)(p_nu.p+) + g_L g_R m_l^2 (a.p_nu)
    N -> nu_a nu_b anti-nu_b  (a.p_antinu)(p_nu.p_nu)

with g_R = sin^2, g_L = sin^2 - 1/2 for a lepton of another flavour than a and sin^2 + 1/2 for the same (charged and
neutral current interfere): g_L^2 + g_R^2 and g_L g_R are C1, C2 and C3, C4 of arXiv:1805.08567 eq. 3.2, table 7. A
decay of N is first made unpolarised; it analyses the spin of N by a vector h, dGamma ~ 1 + S.h. Its orientation in the
rest frame of N is drawn from the polarisation S that the production gives, and the production amplitude with h in the
place of S then yields the polarimeter vector of the whole chain for the tau. Nothing of the correlation tau - N - Y is
lost (narrow-width limit of N: below m_tau it is narrower than 1e-11 GeV even at |U|^2 = 1).

Dirac and Majorana
------------------
A Dirac Nbar decays as the CP mirror of N: h changes sign, codes are conjugated. A Majorana N decays either way with
equal probability whatever made it. The two ways never interfere: they differ in the charge of the lepton or in the
helicity of a massless neutrino. Hence nu M0 is isotropic for a Majorana N [A. Balantekin, A. de Gouvea, B. Kayser,
Phys. Lett. B 789 (2019) 488, arXiv:1808.10518], and in nu l l the asymmetries of l- and l+ are opposite and that of the
neutrino vanishes [A. de Gouvea, P. Fox, B. Kayser, K. Kelly, PRD 104 (2021) 015038, arXiv:2104.05719].

Mesons
------
rho from the pion form factor of tau -> pi pi0 nu (rho, rho', rho''), K*, omega, phi from their Breit-Wigner lines, each
times the exact dependence of matrix element and phase space on the mass. Rates stay those of the model (narrow mesons):
a mode opens when its meson fits in with the pole mass, and close to that threshold the rate is a lower bound.

Vector mesons are rows of the event; their decays carry the full spin correlation: the direction of pi pi and K K, the
normal of three pions, the plane across the photon. Left out: final states of several hadrons beyond these mesons (the
`hadrons` modes of the model above 1 GeV; told as ``left_out``), tau -> a1 N and other tau -> N + 3 hadrons.
"""
