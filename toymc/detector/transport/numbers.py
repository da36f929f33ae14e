"""Scalars of the transport kernels, kept in one array each: places of the entries.

Lengths in cm, field in tesla, momenta in GeV. An array of 30 numbers costs a call less than a tuple of 30.
"""

# of `TransportTables.numbers`
(
    FIELD,
    FRONT_RADIUS,
    FRONT_FORWARD,
    FRONT_BACKWARD,
    HOLE_FORWARD,
    HOLE_BACKWARD,
    PIPE_RADIUS,
    PIPE_LOW,
    PIPE_HIGH,
    VERTEX_RADIUS,
    VERTEX_LOW,
    VERTEX_HIGH,
    CHAMBER_RADIUS,
    CHAMBER_LOW,
    CHAMBER_HIGH,
    ECL_RADIUS,
    ECL_LOW,
    ECL_HIGH,
    KLM_RADIUS,
    KLM_LOW,
    KLM_HIGH,
    BEHIND_MOMENTUM,
    BEHIND_COS_LOW,
    BEHIND_COS_HIGH,
    HALF_TURNS,
    PT_FAST,
    RADIUS_FAST,
    WIDE_CIRCLE,
    GRAZED_LAMBDA,
    HEAVY_RADIUS,
    HEAVY_Z,
    RETURN_LAMBDA,
) = range(32)
N_NUMBERS = 32

# of `TransportTables.collisions`, see ``data/hadronic.toml``
(
    PIONS_PER_GEV,
    SLOPE,
    CHARGE_KEPT,
    ABSORPTION,
    ABSORPTION_UNTIL,
    QUASI_DEUTERON,
    STRANGENESS_EXCHANGE,
    ANNIHILATION,
    ANNIHILATION_PIONS,
) = range(9)
