"""Random numbers: one stream per (seed, process, stage, chunk), and nowhere else.

A stream is a `numpy.random.Generator` on PCG64DXSM whose `SeedSequence` carries the four coordinates as spawn key
[numpy, "Parallel random number generation"; M. O'Neill, HMC-CS-2014-0905, for the PCG family]. Because a stream is
addressed and not handed on from one job to the next, the same dataset comes out bit for bit with any number of workers,
in one go or resumed.
"""

import hashlib
from types import MappingProxyType

import numpy as np

from toymc.errors import InputError

# The numbers enter every dataset ever made: append, never renumber.
STAGES = MappingProxyType(
    {
        "generate": 0,
        "simulate": 1,
        "analyse": 2,
        "toys": 3,
        "bootstrap": 4,
        "pseudo_data": 5,
        "warmup": 6,
        "test": 7,
    }
)

_MAX_SEED = 2**64


def _process_words(process: str) -> tuple[int, int]:
    """Two 32-bit words that stand for the process name, the same on every machine and Python version."""
    digest = hashlib.blake2b(process.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def stream(seed: int, process: str, stage: str, chunk: int) -> np.random.Generator:
    """Return the random stream of one stage of one chunk of one process.

    Parameters
    ----------
    seed : int
        The user's seed, 0 <= seed < 2**64.
    process : str
        Name of the process or sample; different names give independent streams.
    stage : str
        One of `STAGES`.
    chunk : int
        Index of the chunk, >= 0.

    Returns
    -------
    numpy.random.Generator
        A fresh generator at the start of that stream.

    Raises
    ------
    InputError
        For a seed out of range, an unknown stage or a negative chunk.

    Examples
    --------
    >>> a = stream(1, "tau_pair", "generate", 0).random()
    >>> b = stream(1, "tau_pair", "generate", 0).random()
    >>> a == b
    True
    >>> a == stream(1, "tau_pair", "generate", 1).random()
    False
    """
    if not 0 <= seed < _MAX_SEED:
        raise InputError(f"seed {seed} is outside 0 <= seed < 2**64: give a non-negative integer")
    if stage not in STAGES:
        raise InputError(f"unknown random stage '{stage}': allowed are {', '.join(STAGES)}")
    if chunk < 0:
        raise InputError(f"chunk {chunk} is negative: chunks are counted from 0")
    # chunk first, then the words: a SeedSequence pads short keys, so the key has a fixed length
    key = (chunk & 0xFFFFFFFF, chunk >> 32, STAGES[stage], *_process_words(process))
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=key)))
