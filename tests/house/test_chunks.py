"""Chunk plan and workers: order, flat memory, errors that name their chunk, resume."""

import threading
import time

import numpy as np
import pytest

from toymc.errors import InputError
from toymc.production.chunks import CHUNK_SIZE, Chunk, map_chunks, plan_chunks
from toymc.streams import stream


def draw(chunk: Chunk) -> np.ndarray:
    """A result that depends on the chunk alone, and takes longer for some chunks than for others."""
    time.sleep(0.002 * (chunk.index % 3))
    return stream(7, "house", "test", chunk.index).random(chunk.n_events)


def test_plan_covers_every_event_once():
    plan = plan_chunks(3 * CHUNK_SIZE + 5)
    assert len(plan) == 4
    assert [c.first_event for c in plan] == [0, CHUNK_SIZE, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE]
    assert sum(c.n_events for c in plan) == 3 * CHUNK_SIZE + 5
    assert plan[-1] == plan[3] == Chunk(3, 3 * CHUNK_SIZE, 5)
    assert plan[1:3] == (plan[1], plan[2])


def test_plan_of_a_huge_sample_takes_no_memory():
    plan = plan_chunks(46_000_000_000)
    assert len(plan) == -(-46_000_000_000 // CHUNK_SIZE)
    assert plan[-1].first_event + plan[-1].n_events == 46_000_000_000


def test_empty_plan():
    assert list(map_chunks(draw, plan_chunks(0), workers=3)) == []


@pytest.mark.parametrize(("n_events", "size"), [(-1, 10), (10, 0), (10, -3)])
def test_bad_plan_is_refused(n_events, size):
    with pytest.raises(InputError):
        plan_chunks(n_events, size)


def test_same_bytes_for_1_3_and_8_workers():
    plan = plan_chunks(1000, 37)
    merged = [np.concatenate(list(map_chunks(draw, plan, workers))).tobytes() for workers in (1, 3, 8)]
    assert merged[0] == merged[1] == merged[2]


def test_same_bytes_on_dask():
    plan = plan_chunks(200, 37)
    here = np.concatenate(list(map_chunks(draw, plan)))
    there = np.concatenate(list(map_chunks(draw, plan, 2, "dask")))
    assert here.tobytes() == there.tobytes()


def test_workers_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)
    assert list(map_chunks(lambda chunk: meeting.wait() >= 0, plan_chunks(3, 1), workers=3)) == [True] * 3


def test_no_more_than_a_few_results_per_worker_are_alive():
    started: list[int] = []

    def task(chunk: Chunk) -> int:
        started.append(chunk.index)
        return chunk.index

    results = map_chunks(task, plan_chunks(10_000, 1), workers=3)
    for _ in range(5):
        next(results)
    time.sleep(0.05)
    assert len(started) <= 5 + 2 * 3 + 1
    results.close()
    time.sleep(0.05)
    assert len(started) <= 5 + 2 * 3 + 1


@pytest.mark.parametrize(("workers", "executor"), [(1, "local"), (3, "local"), (2, "dask")])
def test_an_error_names_its_chunk(workers, executor):
    def task(chunk: Chunk) -> int:
        if chunk.index >= 2:
            raise ArithmeticError(f"bad {chunk.index}")
        return chunk.index

    results = map_chunks(task, plan_chunks(50, 10), workers, executor)
    with pytest.raises(ArithmeticError, match="bad 2") as caught:
        list(results)
    assert caught.value.__notes__ == ["in chunk 2, events 20 to 29"]


def test_progress_counts_events():
    seen: list[tuple[int, int]] = []
    list(map_chunks(draw, plan_chunks(25, 10), 3, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(10, 25), (20, 25), (25, 25)]


def test_resume_computes_only_what_is_missing():
    class Shelf:
        def __init__(self) -> None:
            self.kept: dict[int, np.ndarray] = {}

        def load(self, chunk: Chunk) -> np.ndarray | None:
            return self.kept.get(chunk.index)

        def save(self, chunk: Chunk, result: np.ndarray) -> None:
            self.kept[chunk.index] = result

    computed: list[int] = []

    def task(chunk: Chunk) -> np.ndarray:
        computed.append(chunk.index)
        return draw(chunk)

    shelf, plan = Shelf(), plan_chunks(100, 10)
    interrupted = map_chunks(task, plan, checkpoint=shelf)
    for _ in range(4):
        next(interrupted)
    interrupted.close()
    resumed = np.concatenate(list(map_chunks(task, plan, 3, checkpoint=shelf)))
    assert sorted(computed) == list(range(10))
    assert resumed.tobytes() == np.concatenate(list(map_chunks(draw, plan))).tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "0 workers"),
        ({"executor": "cloud"}, "unknown executor 'cloud'"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "--executor dask"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        map_chunks(draw, plan_chunks(5), **options)
