"""The event record: slicing, joining, validation and the awkward view."""

import dataclasses

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.events import EventBatch


def _batch(counts, first_id=0):
    n = int(np.sum(counts))
    rows = np.arange(n, dtype=float)
    return EventBatch(
        offsets=np.concatenate(([0], np.cumsum(counts))),
        pdg=np.full(n, 11, dtype=np.int32),
        status=np.ones(n, dtype=np.int32),
        mother=np.full(n, -1, dtype=np.int32),
        px=rows,
        py=rows + 0.5,
        pz=-rows,
        mass=np.full(n, 0.1),
        x=rows * 0,
        y=rows * 0,
        z=rows * 0,
        t=rows * 0,
        helicity=rows * 0,
        weight=np.ones(len(counts)),
        event_id=np.arange(first_id, first_id + len(counts)),
        process="test",
    )


def test_select_slice_and_concatenate_agree():
    batch = _batch([2, 0, 3, 1])
    batch.validate()
    mask = np.array([False, True, True, False])
    a, b = batch.select(mask), batch.slice(1, 3)
    for field in dataclasses.fields(EventBatch):
        assert np.array_equal(getattr(a, field.name), getattr(b, field.name))
    joined = EventBatch.concatenate([batch.slice(0, 1), batch.slice(1, 4)])
    assert np.array_equal(joined.px, batch.px)
    assert np.array_equal(joined.offsets, batch.offsets)
    assert batch.event_index.tolist() == [0, 0, 2, 2, 2, 3]


def test_awkward_view_is_a_momentum_and_shares_memory():
    batch = _batch([2, 0, 3])
    array = batch.to_awkward()
    assert array.p4.E[2].tolist() == pytest.approx(batch.energy[2:].tolist())
    assert array.p4.deltaR(array.p4)[0].tolist() == [0.0, 0.0]
    assert [len(event) for event in array] == [2, 0, 3]
    assert np.shares_memory(array.layout.content["p4"]["px"].data, batch.px)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"offsets": np.array([0, 2, 1, 6])}, "offsets"),
        ({"px": np.zeros(5)}, "column 'px' has 5 rows"),
        ({"mother": np.array([-1, 2, -1, -1, -1, -1], dtype=np.int32)}, "outside its event"),
        ({"pz": np.array([0, np.nan, 0, 0, 0, 0.0])}, "not finite"),
        ({"weight": np.ones(2)}, "weight"),
    ],
)
def test_validate_names_the_fault(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(_batch([2, 1, 3]), **change).validate()


def test_bad_masks_and_empty_lists_are_refused():
    with pytest.raises(InputError, match="one per event"):
        _batch([1, 1]).select(np.array([1, 0]))
    with pytest.raises(InputError, match="at least one"):
        EventBatch.concatenate([])
