"""toymc: toy Monte Carlo and parametric detector simulation for Belle II and Belle.

The rooms, in the direction in which data flows: `toymc.geometry` (cards), `toymc.generators` (truth events),
`toymc.detector` (response), `toymc.analysis` (selection), `toymc.inference` (limits), `toymc.studies`
(published searches). Units everywhere: GeV, cm, ns, tesla, radian; cross-sections in fb, luminosity in 1/fb.
"""

__version__ = "0.1.0"
