"""Processes e+e- -> l+ l- X: Z' of L_mu - L_tau, leptophilic scalar, axion-like particle, photon.

`layout`       settings, scratch space, columns of a hard event
`hard`         one kernel: beams, radiation, phase space, amplitude, decay of X
`sampler`      adaptive envelope over the channels, cross-section, efficiency, overflow
`rows`         particle rows: lifetimes, photons, taus with their spin
`widths`       partial widths as kernels need them
`bosons`       couplings and decay tables from `toymc.generators.models`
`process`      the prepared process
`zprime`, `scalar`, `alp`, `photon`   parameters and `build` of each process
"""
