"""The stored pool of generic decays that stands for the other B of a signal event.

Made once by Pythia 8 with a fixed seed (`[pool]` in ``data/b_meson.toml``: 32 768 decays of each species) and kept on
disk. Each use draws one decay at random, turns it by a random rotation in the rest frame of the B and gives it the
momentum, decay time and flavour of that event, so that two uses of one decay share the decay mode and the inner
configuration, nothing else. In n events 32 768 (1 - exp(-n/32 768)) different decays are used: what depends on the
mode of the other B cannot be known better than with `effective_pool` decays.
"""

import threading
from functools import cache

from toymc.errors import InputError
from toymc.generators.b_meson.inputs import B_PLUS, B_ZERO, number
from toymc.generators.b_meson.pythia_decays import BDecays, b_decays

_ONE_AT_A_TIME = threading.Lock()


def decay_pool(species: int) -> BDecays:
    """The pool of B+ (521) or B0 (511) decays.

    Parameters
    ----------
    species : int

    Returns
    -------
    BDecays

    Raises
    ------
    InputError
        For another particle.
    ToymcError
        If Pythia 8 is not installed.
    """
    if species not in (B_PLUS, B_ZERO):
        raise InputError(f"no pool of decays of particle {species}: allowed are {B_PLUS} and {B_ZERO}")
    with _ONE_AT_A_TIME:
        return _pool(species)


@cache
def _pool(species: int) -> BDecays:
    pairs = int(number("pool", "decays")) // 2
    charged = 1.0 if species == B_PLUS else 0.0
    return b_decays(int(number("pool", "seed")), pairs, charged, 1.0 - charged)


def effective_pool(n_events: int, size: int | None = None) -> float:
    """Size of an independent sample with the same spread of the mean over decay modes, n/(1 + n/size).

    A mean over n draws from a pool of N has the variance sigma^2 (1/n + 1/N).

    Parameters
    ----------
    n_events : int
    size : int, optional
        Decays in the pool; that of the table by default.

    Examples
    --------
    >>> round(effective_pool(32768))
    16384
    """
    pool = number("pool", "decays") if size is None else float(size)
    if n_events < 0 or not pool > 0.0:
        raise InputError(f"{n_events} events from a pool of {pool:g}: give zero or more events and a positive size")
    return n_events / (1.0 + n_events / pool)
