"""Places of the scalars in the flat arrays of the covariance tables."""

# in `reals`: grid in ln pT (lowest, nodes per unit while curling, end of that part, its nodes, nodes per unit beyond)
LOG_PT0, DENSE, LOG_PT1, STIFF, SPARSE, NODES = 0, 1, 2, 3, 4, 5
TAN_LOW, TAN_HIGH = 6, 7
GUESS, MAP = 8, 9  # bins per unit of tan lambda
LEVER = 10  # 1/cm: how a start along z moves the ends of the wires in tan lambda
MASSES = 11  # e, mu, pi, K, p, GeV
RHO2, PROMPT_D0, PROMPT_Z, FULL_ARC = 16, 17, 18, 19  # what counts as prompt, cm and cm2
CONSTANTS = 20  # the fields of `surfaces.Constants`
SURE_Z, SURE_OMEGA = 28, 29  # up to here `sure` holds, cm and 1/cm
REALS = 30

# in `places`: sizes of the grid and where its parts begin
N_PT, N_EDGES, N_LAYERS, LAYERS_AT, MAPS_AT, ROWS_AT, N_ROWS, COUNTS_AT, SURE_AT = 0, 1, 2, 3, 4, 5, 6, 7, 8
WINDOWED = 9  # last layer + 1 that has sensors in a window of azimuth alone, 0: none
PLACES = 10
