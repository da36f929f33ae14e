"""Returns to lower energies: e+e- -> gamma_ISR (gamma_ISR) X with X = pi pi, K K, 3 pi, J/psi, psi(2S), Upsilon(1-3S).

`form_factors`   cross-sections of e+e- -> pi+pi-, K+K-, pi+pi-pi0 at low energy
`radiator`       two-leg radiator at fixed s', tables for the draw of s' and of the legs
`kernels`        one event: photons, X with its alignment, decays
`process`        the prepared process
"""
