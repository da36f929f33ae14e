"""Columns of the scratch in which a block of events is worked on: one row of an array for each quantity.

Charged particles have an entry each; a mother that decays in flight has three: itself until it is gone, its charged
daughter, and both taken as one track.
"""

# charged particles, real numbers: production point (cm) and momentum (GeV); for electrons behind their last photon
X, Y, Z, PX, PY, PZ = 0, 1, 2, 3, 4, 5
MASS, CHARGE, END, SPECIES = 6, 7, 8, 9  # END: transverse path after which it is gone, cm
D0, PHI0, OMEGA, Z0, TAN = 10, 11, 12, 13, 14  # true helix, as it is fitted
RHO, LOG_PT = 15, 16  # at production; RHO is the production radius
MOST, DRAW = 17, 18  # upper bound of the chance to be found, uniform number (listed: 1 where there is one, else 0)
NODE_F, NODE_G = 19, 20  # place between the nodes of the covariance table
PIXEL, STRIP, WIRE = 21, 22, 23  # layers that measure; -1 pixel layers where no fit is possible
CHANCE = 24  # probability to be found
CURVATURE, RADIATED = 25, 26  # omega behind the last photon, energy of the photons
ENERGY, VX, VY, VZ, INTERACTED = 27, 28, 29, 30, 31
N_CHARGED = 32

# charged particles, integers: row in the event, row of the record, nodes of the table, pattern of silicon layers,
# first and number of the photons that it radiated
TRUTH, ROW, NODE_A, NODE_B, PATTERN, FIRST_PHOTON, N_PHOTONS = 0, 1, 2, 3, 4, 5, 6
N_CHARGED_INTEGERS = 7
CALCULATE, HOPELESS = -1, -2
"""Instead of a node: not in the table; not found whatever it hits."""

# tracks that are found, real numbers: entry, measured helix, cosine and sine of phi0, pT
ENTRY = 0
M_D0, M_PHI0, M_OMEGA, M_Z0, M_TAN, M_COS, M_SIN, M_PT = 1, 2, 3, 4, 5, 6, 7, 8
KLM_REGION, KLM_EXPECTED = 9, 10  # region of the muon detector (0 none), last layer if it were a muon
BODY, M_TRUTH, M_FATE = 11, 12, 13  # entry that reaches the muon detector; row in the event (-1 nobody); its fate
M_ENERGY, M_VX, M_VY, M_VZ = 14, 15, 16, 17  # in the crystals (0 none), and where it hits them
M_PIXEL, M_STRIP, M_WIRE = 18, 19, 20  # layers that measure
M_SPECIES, M_CHARGE, M_RADIATED = 21, 22, 23  # of the body (species -1 none); energy of the photons
N_FOUND = 24
# photons, real numbers: at production, with unit direction; X/X0 of tracker ahead; what is measured
P_ENERGY, P_X, P_Y, P_Z, P_UX, P_UY, P_UZ, P_FRONT = 0, 1, 2, 3, 4, 5, 6, 7
P_MEASURED, P_THETA, P_PHI, P_VX, P_VY, P_VZ = 8, 9, 10, 11, 12, 13
P_WIDTH, P_WIDTH_THETA, P_WIDTH_PHI, P_REGION, P_TIME = 14, 15, 16, 17, 18  # P_TIME: 1 in time, else 0
N_PHOTON = 19

# lines of an event, one for each particle but photons: what it is; its entry among the charged ones, or its row of the
# record; of a decay what is found of it (see `finding.kinks`), of a single particle whether it is found; tracks of the
# block before it
KIND, AT, CODE, BEFORE = 0, 1, 2, 3
N_LINE = 4
NEUTRAL, SINGLE, DECAY = 0, 1, 2
ITSELF, DAUGHTER, JOINED = 0, 1, 2
"""Entries of a decay behind its first."""
