"""Background toys of an unbinned mass scan, for `background_toys`."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError
from toymc.inference.significance.excursions import FloatArray
from toymc.inference.significance.summary import ScanToys
from toymc.inference.unbinned import Density, MassChannel, scan


def scan_toys(
    masses: npt.ArrayLike, lifetimes: npt.ArrayLike, channels: Sequence[MassChannel], common_error: float = 0.0
) -> ScanToys:
    """A function that draws pseudo-data from the expected backgrounds and scans them as the data are scanned.

    Every toy is a Poisson number of events per channel from its expected density; each selection of a channel is drawn
    by itself (they serve different masses). Lifetimes see the same events, as in the scan of the data.

    Parameters
    ----------
    masses, lifetimes, channels, common_error
        As in `toymc.inference.unbinned.scan`; the data of the channels are not used.

    Returns
    -------
    callable
        (rng, n) -> q0 (n, n_masses) for one lifetime, (n, n_masses, n_lifetimes) for more; NaN where a fit failed.

    Raises
    ------
    InputError
        For a channel without an expected background.

    Examples
    --------
    >>> from toymc.inference.significance import background_toys
    >>> from toymc.inference.unbinned import gaussian, windows
    >>> m = np.arange(1.0, 1.2, 0.0025)
    >>> shape, window = gaussian(m[:, None], 0.005), windows(m[:, None], 0.005, (0.8, 1.4))
    >>> channel = MassChannel("k", shape, window, expected=Density(np.array([0.8, 1.4]), np.array([2e3, 2e3])))
    >>> background_toys(scan_toys(m, [1.0], [channel]), 32, seed=1).grid
    (80,)
    """
    mass, lifetime = np.atleast_1d(np.asarray(masses, float)), np.atleast_1d(np.asarray(lifetimes, float))
    densities: list[list[Density]] = []
    for channel in channels:
        if channel.expected is None:
            raise InputError(f"channel '{channel.name}' has no expected background: toys are drawn from it; give one")
        densities.append([channel.expected] if isinstance(channel.expected, Density) else list(channel.expected))

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        q0 = np.empty((n, mass.size, lifetime.size))
        for i in range(n):
            toy = [
                replace(channel, data=[d.draw(rng) for d in own], expected=None)
                for channel, own in zip(channels, densities, strict=True)
            ]
            result = scan(mass, lifetime, toy, common_error=common_error, limits=False)
            q0[i] = np.where(result.status == 0, result.q0, np.nan)
        return q0[:, :, 0] if lifetime.size == 1 else q0

    return draw
