"""Random streams: addressed, independent, stable over releases."""

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.streams import STAGES, stream


def test_same_address_same_numbers():
    first, second = (stream(7, "tau_pair", "generate", 3).random(5) for _ in range(2))
    assert np.array_equal(first, second)


def test_numbers_never_change_between_releases():
    # a dataset made today must come out again with every later version
    assert stream(1, "tau_pair", "generate", 0).integers(0, 2**63, 2).tolist() == [
        6412061476317882749,
        1324667149972572915,
    ]


def test_no_two_addresses_share_a_stream():
    addresses = [
        (seed, process, stage, chunk)
        for seed in (0, 1, 2**32, 2**32 + 1, 2**63)
        for process in ("tau_pair", "tau_pairs", "b_k_scalar", "")
        for stage in STAGES
        for chunk in (0, 1, 255, 256, 2**32 - 1, 2**32)
    ]
    first = {stream(*address).integers(0, 2**63) for address in addresses}
    # 63-bit draws: the chance of one accidental collision among these 960 is 5e-14
    assert len(first) == len(addresses)


def test_neighbouring_streams_are_uncorrelated():
    draws = np.array([stream(1, "tau_pair", "generate", chunk).random(2000) for chunk in range(40)])
    correlation = np.corrcoef(draws)[np.triu_indices(40, 1)]
    # 780 coefficients of width 1/sqrt(2000): 4.8 sigma has probability 1e-3 for the largest
    assert np.max(np.abs(correlation)) < 4.8 / np.sqrt(2000)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ((-1, "a", "generate", 0), "seed"),
        ((2**64, "a", "generate", 0), "seed"),
        ((1, "a", "nowhere", 0), "unknown random stage"),
        ((1, "a", "generate", -1), "chunk"),
    ],
)
def test_bad_addresses_are_refused(address, words):
    with pytest.raises(InputError, match=words):
        stream(*address)
