"""Running strong coupling and quark masses in the MSbar scheme, three loops, for scales between 1 and 90 GeV.

d a/d ln mu^2 = -a^2 (b0 + b1 a + b2 a^2) with a = alpha_s/pi [O. Tarasov et al., PLB 93 (1980) 429], and
d ln m/d ln mu^2 = -a (g0 + g1 a + g2 a^2) [K. Chetyrkin, PLB 404 (1997) 161; both in the PDG review of QCD].
Flavours are matched continuously at the MSbar masses of charm and bottom (the discontinuity is of third order).
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from toymc.generators.models.inputs import model_inputs

FloatArray = npt.NDArray[np.float64]

_INPUT = model_inputs("strong")
ALPHA_S_MZ: float = _INPUT["alpha_s_mz"]["value"]
M_Z: float = _INPUT["m_z_GeV"]["value"]
CHARM_MSBAR: float = _INPUT["charm_msbar"]["value"]
BOTTOM_MSBAR: float = _INPUT["bottom_msbar"]["value"]
STRANGE_2GEV: float = _INPUT["strange_2GeV"]["value"]
CHARM_POLE: float = _INPUT["charm_pole"]["value"]
BOTTOM_POLE: float = _INPUT["bottom_pole"]["value"]
TOP_POLE: float = _INPUT["top_pole"]["value"]
_ZETA3 = 1.2020569031595942
LOWEST_SCALE = 1.0


def _flavours(scale: float) -> int:
    return 3 if scale < CHARM_MSBAR else 4 if scale < BOTTOM_MSBAR else 5


def _beta(a: float, n: int) -> float:
    b0 = 11.0 - 2.0 / 3.0 * n
    b1 = 102.0 - 38.0 / 3.0 * n
    b2 = 2857.0 / 2.0 - 5033.0 / 18.0 * n + 325.0 / 54.0 * n * n
    return -a * a * (b0 / 4.0 + b1 / 16.0 * a + b2 / 64.0 * a * a)


def _gamma(a: float, n: int) -> float:
    g1 = (202.0 / 3.0 - 20.0 / 9.0 * n) / 16.0
    g2 = (1249.0 - (2216.0 / 27.0 + 160.0 / 3.0 * _ZETA3) * n - 140.0 / 81.0 * n * n) / 64.0
    return -a * (1.0 + g1 * a + g2 * a * a)


def _flow(_: float, state: FloatArray, n: int) -> list[float]:
    """Derivatives of a = alpha_s/pi and of ln m."""
    return [_beta(float(state[0]), n), _gamma(float(state[0]), n)]


@cache
def _grid() -> tuple[FloatArray, FloatArray, FloatArray]:
    """ln mu^2, alpha_s, ln of the running mass relative to M_Z, from M_Z down."""
    edges = [M_Z, BOTTOM_MSBAR, CHARM_MSBAR, LOWEST_SCALE]
    logs, couplings, masses = [], [], []
    state = np.array([ALPHA_S_MZ / math.pi, 0.0])
    for high, low in zip(edges[:-1], edges[1:], strict=True):
        n = _flavours(0.5 * (high + low))
        points = np.linspace(2.0 * math.log(high), 2.0 * math.log(low), 60)
        run = solve_ivp(_flow, (points[0], points[-1]), state, t_eval=points, args=(n,), rtol=1e-9, atol=1e-12)
        logs.append(points[:-1] if low > LOWEST_SCALE else points)
        couplings.append(run.y[0][: len(logs[-1])] * math.pi)
        masses.append(run.y[1][: len(logs[-1])])
        state = run.y[:, -1]
    return tuple(np.concatenate(parts)[::-1] for parts in (logs, couplings, masses))  # type: ignore[return-value]


def alpha_s(scale: float) -> float:
    """Strong coupling at a scale in GeV (frozen below 1 GeV, where perturbation theory ends).

    Examples
    --------
    >>> 0.29 < alpha_s(2.0) < 0.31
    True
    """
    logs, couplings, _ = _grid()
    return float(np.interp(2.0 * math.log(max(scale, LOWEST_SCALE)), logs, couplings))


def running_mass(quark: str, scale: float) -> float:
    """MSbar mass of "s", "c" or "b" at a scale in GeV.

    Examples
    --------
    >>> round(running_mass("b", 4.18), 2)
    4.18
    """
    value, at = {"s": (STRANGE_2GEV, 2.0), "c": (CHARM_MSBAR, CHARM_MSBAR), "b": (BOTTOM_MSBAR, BOTTOM_MSBAR)}[quark]
    logs, _, masses = _grid()
    here, there = (np.interp(2.0 * math.log(max(s, LOWEST_SCALE)), logs, masses) for s in (scale, at))
    return value * math.exp(here - there)
