"""True helices of a block, and how likely they can be found at all."""

from toymc.detector.finding.found import _level, _most
from toymc.detector.helix import _perigee
from toymc.detector.stage.columns import (
    CHARGE,
    CURVATURE,
    D0,
    DRAW,
    END,
    LOG_PT,
    MOST,
    OMEGA,
    PHI0,
    PX,
    PY,
    PZ,
    RADIATED,
    RHO,
    TAN,
    Z0,
    X,
    Y,
    Z,
)
from toymc.kernels import lean_kernel
from toymc.lane_math import log_of
from toymc.lane_memory import loaded, stored
from toymc.lane_random import _uniform_of
from toymc.lanes import WIDTH, chosen, root

SHORTEST_CM = 5.4
"""No third strip layer lies inside this radius (the slanted end of the second is there) in any card (tested)."""


@lean_kernel
def _helices(draws, n, charged, field, finding, efficiency, columns):
    """Fill the columns from D0 to MOST and from CURVATURE to RADIATED of the first n entries (whole vectors).

    MOST is an upper bound of the probability to be found, whatever is hit: without three strip layers or wires within
    the transverse path END there is no track. DRAW gets its random number where it has one.
    """
    c = charged
    for i in range(0, n, WIDTH):
        x, y, px, py = loaded(c[X], i), loaded(c[Y], i), loaded(c[PX], i), loaded(c[PY], i)
        d0, phi0, omega, z0, tan_lambda, _, _ = _perigee(
            x, y, loaded(c[Z], i), px, py, loaded(c[PZ], i), loaded(c[CHARGE], i), field
        )  # fmt: skip
        pt, rho = root(px * px + py * py), root(x * x + y * y)
        level = _level(pt, tan_lambda, efficiency, columns)
        start = chosen(x * px + y * py >= 0.0, rho, abs(d0))
        most = level * _most(pt, tan_lambda, rho, start, d0, z0, finding)
        long_enough = rho + loaded(c[END], i) >= SHORTEST_CM
        stored(c[DRAW], i, loaded(c[DRAW], i) * _uniform_of(draws))
        stored(c[D0], i, d0)
        stored(c[PHI0], i, phi0)
        stored(c[OMEGA], i, omega)
        stored(c[Z0], i, z0)
        stored(c[TAN], i, tan_lambda)
        stored(c[RHO], i, rho)
        stored(c[LOG_PT], i, log_of(pt))
        stored(c[MOST], i, chosen((pt >= finding.pt_min) & long_enough, most, 0.0))
        stored(c[CURVATURE], i, omega)
        stored(c[RADIATED], i, 0.0 * omega)
