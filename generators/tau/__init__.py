"""Tau decays: matrix elements, polarimeter vectors, unweighted events.

Every decay keeps all neutrinos and carries its polarimeter vector h: a tau- with spin s decays with dGamma ~ 1 + s.h.
`decay._decay_tau` is the kernel that event generators call, `decay.decay_taus` its array form, `modes` holds names and
branching fractions (``data/tau_modes.toml``, which also lists what is left out: 1.3 % of the tau in all, the largest
part h- omega pi0, 0.41 %).

Models
------
e nu nu, mu nu nu
    V-A, lowest order, exact lepton mass (`leptonic`). Radiation is added by `radiation`, not here.
pi nu, K nu
    Exact (`two_body`).
pi pi0, K K0
    rho, rho', rho'' with p-wave widths [J.H. Kuehn, A. Santamaria, Z. Phys. C48 (1990) 445], parameters of CLEO
    [hep-ex/9910046]. K K0 takes the same form factor: its own data are scarce and prefer a harder spectrum.
K pi0, pi K0
    K*(892), K*(1410) and a scalar, parameters of Belle [arXiv:0706.2231].
3 pi, pi 2pi0
    CLEO model with rho, rho' in s and d waves, f2, sigma, f0 [hep-ex/9902022] (`currents_three`).
K pi pi, K 2pi0, pi K0 pi0, K K pi, K K0 pi0, pi K0 K0
    M. Finkemeier, E. Mirkes [hep-ph/9503474]: axial (a1, K1) and anomalous vector part. Branching fractions are those
    of the PDG, not of the model; K1 widths are narrower than measured today, so K pi pi mass spectra are a model.
    K0 and K0bar become K_S or K_L with equal probability; K0 K0bar pairs follow the measured K_S K_S : K_S K_L : K_L
    K_L with the current of each CP combination.
3pi pi0, pi 3pi0
    Novosibirsk model of TAUOLA [A.E. Bondar et al., hep-ph/0201149] (`four_pion`).
l alpha, l phi, l gamma
    Two-body with chirality of the lepton field (`two_body`); `vector` is unpolarised.

What differs from Pythia 8.317
------------------------------
- pi 2pi0: Pythia's second form factor has -1/3 of the s-wave rho and three times the d-wave, so the two pi0 are not
  exchangeable and <m(3 pi)> is 33 MeV above that of 3pi. Here both follow from one isospin decomposition. The tests
  reweight to Pythia's form and then agree with it.
- tau+: here the CP mirror of tau- by construction. Pythia does not change the sign of the vector against the axial
current
  for the tau+, which shows in the spin asymmetries of K pi pi and K K pi.
- Masses and branching fractions are those of the current PDG table; Pythia rescales an older one and adds rare modes.

Limits of validity
------------------
Resonance models describe spectra to some per cent where they were fitted; interference of modes that share a final
state after later decays (K_S in 3pi, omega in 3pi pi0 beyond the model) is left out. No second-class currents, no eta
modes, no electroweak corrections to shapes. The phi of l phi is a Breit-Wigner of constant width in s, cut at 2 m_K0
and 25 widths above the pole.

Sampling
--------
Q^2, sub-masses and angles are drawn from a piecewise constant envelope on adaptive cells (`sampling`), the neutrino
direction from the exact polarisation-dependent rate (`polarimeter`). Every decay is fresh; `decay.sampling_report`
tells efficiencies and the share of the rate above the envelope (below 1e-4 but for rare and four-pion modes, where it
reaches 3e-4). The tables are built once per process (about two seconds of one core), with fixed random streams.
"""
