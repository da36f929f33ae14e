"""Helicity amplitudes of e+e- -> l+ l- X at tree level, for X a vector, a scalar, a pseudoscalar or the photon.

`spinors`       Dirac spinors in the chiral basis; a fermion line with one boson on it
`layout`        rows of the scratch arrays
`emission`      the amplitudes: X off the final leptons, off the beams, s and t channel
`bhabha_photon` e+e- -> e+ e- gamma in closed form
`phase_space`   three-body phase space, one map for each kind of peak, shares of the channels
`spin`          spin densities of fermion pairs and of a vector boson; directions drawn from them
`radiator`      initial-state radiation above any threshold, running coupling, as tables

What holds: lowest order in the exchange of one photon, all masses exact (the electron's too where the beams radiate),
no Z exchange (its interference with the photon is -0.7 % in the forward-backward asymmetry and below 1e-3 in the rate
at 10.58 GeV).
"""
