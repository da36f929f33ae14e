"""One fit of one window, with everything about it: what a scan does at each of its hypotheses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.unbinned.background import Background
from toymc.inference.unbinned.inputs import MassChannel
from toymc.inference.unbinned.likelihood import FIRST, STATUS
from toymc.inference.unbinned.scan import scan
from toymc.inference.unbinned.shapes import SignalShape
from toymc.inference.unbinned.windows import Window

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WindowFit:
    """Result of `fit_window`; yields in events inside the window.

    Attributes
    ----------
    signal, signal_error : float
        Yield (not negative) and its error from the Hessian.
    background : float64 (n,)
        Polynomial: events of each Bernstein polynomial. Otherwise ln of the events and the coefficients.
    q0 : float
        2 ln L(best)/L(no signal).
    upper_limit : float
        Asymptotic CLs limit.
    expected : float64 (5,)
        Its bands, background as fitted without signal.
    n_events : int
    degree : int
        Of the background.
    status : str
    """

    signal: float
    signal_error: float
    background: FloatArray
    q0: float
    upper_limit: float
    expected: FloatArray
    n_events: int
    degree: int
    status: str


def fit_window(
    data: npt.ArrayLike,
    signal: SignalShape,
    window: Window,
    background: Background | None = None,
    *,
    cl: float = 0.95,
    efficiency_error: float = 0.0,
    resolution_error: float = 0.0,
) -> WindowFit:
    """Extended unbinned maximum-likelihood fit of one signal over one background in one window.

    Parameters
    ----------
    data : float64 (n,)
        Masses, GeV; those outside the window are left out.
    signal : SignalShape
        Of a single hypothesis.
    window : Window
    background : Background, optional
    cl : float
        Confidence level of the limit.
    efficiency_error, resolution_error : float
        Relative uncertainties of the signal.

    Returns
    -------
    WindowFit

    Raises
    ------
    InputError
        For masses that are not finite, a peak outside the window, a shape of many hypotheses, negative errors.

    Examples
    --------
    >>> from toymc.inference.unbinned import crystal_ball, windows
    >>> shape = crystal_ball(1.0, 0.005, 1.6, 3.0, 1.6, 4.0)
    >>> fit = fit_window([0.93, 0.97, 0.999, 1.001, 1.003, 1.08], shape, windows(1.0, 0.005, (0.0, 4.8)))
    >>> round(fit.signal, 1), fit.n_events, fit.status
    (2.9, 6, 'converged')
    """
    if signal.parameters.ndim != 1 or window.low.ndim != 0:
        raise InputError(
            f"fit of one window: shape of {signal.parameters.shape[:-1]} hypotheses, {window.low.size} windows; "
            "give a single one, or use scan()"
        )
    one = replace(signal, parameters=signal.parameters[None, None, :])
    channel = MassChannel(
        "window",
        one,
        window,
        background or Background(),
        data=np.asarray(data, dtype=np.float64),
        efficiency_error=efficiency_error,
        resolution_error=resolution_error,
    )
    result = scan([float(signal.mean)], [0.0], [channel], cl=cl)
    degree = int(result.degree[0, 0])
    return WindowFit(
        signal=float(result.value[0, 0]),
        signal_error=float(result.error[0, 0]),
        background=result.parameters[0, 0, FIRST + 2 : FIRST + 3 + degree],
        q0=float(result.q0[0, 0]),
        upper_limit=float(result.observed[0, 0]),
        expected=result.expected[0, 0],
        n_events=int(result.n_events[0, 0]),
        degree=degree,
        status=STATUS[int(result.status[0, 0])],
    )
