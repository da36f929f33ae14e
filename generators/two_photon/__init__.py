"""Two-photon processes e+e- -> e+e- l+l- and e+e- -> e+e- h+h-.

`layout`       settings, scratch arrays, columns of a hard event
`kinematics`   both scattered leptons and the pair, stable down to the smallest Q^2
`leptons`      gamma* gamma* -> l+l- at tree level with both virtualities and the photons' polarisation
`hadrons`      gamma gamma -> pi+pi-, K+K-, p pbar from measured cross-sections
`emitted`      the pair from a virtual photon off a scattered lepton
`annihilation` four leptons from e+e- annihilation
`complete`     from the sum of the parts to the complete tree of four leptons
`hard`         weight and unweighted hard events
`luminosity`   two-photon luminosity function by numerical integration, closed forms of gamma gamma -> l+l-
`parts`        one part with its envelope and cross-section
`process`      the prepared process: a sum of parts
"""
