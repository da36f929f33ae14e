"""Merging of bins: sums, errors, refusals, and the same likelihood where nothing is lost."""

import numpy as np
import pytest

from tests.inference.models import thirty_bins
from toymc.errors import InputError
from toymc.inference import (
    Channel,
    HistoSys,
    Model,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    merge_bins,
    merge_sparse_bins,
    upper_limit,
)


def channel(background=(4.0, 0.3, 0.0, 2.0, 0.4), observed=(5, 0, 0, 3, 1)):
    b = np.array(background)
    modifiers = (
        HistoSys("shape", 0.9 * b, 1.2 * b),
        StatError("stat", 0.3 * b),
        ShapeSys("bins", 0.4 * b),
        NormSys("k", 0.9, 1.1),
    )
    return Channel(
        "sr", (Sample("s", [1.0, 2.0, 3.0, 2.0, 1.0], (NormFactor("mu"),)), Sample("b", b, modifiers)), observed
    )


def test_sums_and_errors():
    merged = merge_bins(channel(), [1, 2, 2])
    signal, background = merged.samples
    assert signal.data.tolist() == [1.0, 5.0, 3.0] and background.data.tolist() == [4.0, 0.3, 2.4]
    shape, stat, bins, scale = background.modifiers
    assert shape.lo == pytest.approx([3.6, 0.27, 2.16]) and shape.hi == pytest.approx([4.8, 0.36, 2.88])
    assert stat.error == pytest.approx([1.2, 0.09, np.hypot(0.6, 0.12)])
    assert bins.error == pytest.approx([1.6, 0.12, np.hypot(0.8, 0.16)])
    assert scale == NormSys("k", 0.9, 1.1)
    assert merged.observed.tolist() == [5.0, 0.0, 4.0]


def test_sparse_bins():
    assert merge_sparse_bins(channel(), "mu").samples[1].data == pytest.approx([4.0, 2.7])
    assert merge_sparse_bins(channel(), "mu", minimum=0.2).samples[1].data == pytest.approx([4.0, 0.3, 2.0, 0.4])
    full = thirty_bins().channels[0]
    assert merge_sparse_bins(full, "mu") is full
    upper_limit(Model([merge_sparse_bins(channel(), "mu")], "mu"))


def test_an_empty_bin_that_a_model_refuses_is_mended():
    empty = Channel("sr", (Sample("s", [1.0, 0.0], (NormFactor("mu"),)), Sample("b", [3.0, 0.0])), [2, 0])
    with pytest.raises(InputError, match="channel 'sr', bin 1: every sample expects 0 events"):
        Model([empty], "mu")
    assert upper_limit(Model([merge_sparse_bins(empty, "mu")], "mu")).observed > 0.0


def test_bins_of_one_shape_lose_nothing():
    """Signal and background of the same shape, scales only: merging everything leaves the limit as it is."""
    shape = np.array([1.0, 4.0, 2.0])
    samples = (Sample("s", shape, (NormFactor("mu"),)), Sample("b", 9.0 * shape, (NormSys("k", 0.9, 1.1),)))
    fine = Channel("sr", samples, 9.0 * shape)
    limits = [upper_limit(Model([c], "mu")) for c in (fine, merge_bins(fine, [3]))]
    assert limits[0].observed == pytest.approx(limits[1].observed, rel=1e-6)
    assert limits[0].expected == pytest.approx(limits[1].expected, rel=1e-6)


def test_refusals():
    with pytest.raises(InputError, match=r"channel 'sr': groups \[2, 2\] do not make up its 5 bins"):
        merge_bins(channel(), [2, 2])
    with pytest.raises(InputError, match=r"groups \[0, 5\]"):
        merge_bins(channel(), [0, 5])
    with pytest.raises(InputError, match="channel 'sr': its 5 bins expect 6.7 background events together"):
        merge_sparse_bins(channel(), "mu", minimum=10.0)
    with pytest.raises(InputError, match="a minimum of 0 events"):
        merge_sparse_bins(channel(), "mu", minimum=0.0)
    free = Channel("sr", (Sample("b", [1.0, 2.0], (ShapeFactor("free"),)),))
    with pytest.raises(InputError, match="channel 'sr', sample 'b': bins with the free shape 'free' cannot be merged"):
        merge_bins(free, [2])
