"""The chunk plan and the workers that go through it.

A chunk is the unit of work and of reproducibility: its random streams depend on its index alone, results come back in
the order of the plan whatever the number of workers, and a merge in that order is the same to the byte.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias, TypeVar, cast, overload

from toymc.errors import InputError
from toymc.production.memory import keep_memory

R = TypeVar("R")
# Called after each chunk, in order, with the events done so far and the events in all.
Progress: TypeAlias = Callable[[int, int], None]

CHUNK_SIZE = 2**14
EXECUTORS = ("local", "dask")
# Chunks handed out ahead of the one whose result is wanted next, per worker: enough to hide uneven chunks, few enough
# to keep memory flat.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Chunk:
    """One unit of work: events first_event .. first_event + n_events - 1 of a sample.

    Attributes
    ----------
    index : int
        Position in the plan; the `chunk` of `toymc.streams.stream`.
    first_event : int
        Global number of the first event.
    n_events : int
    """

    index: int
    first_event: int
    n_events: int

    def __str__(self) -> str:
        return f"chunk {self.index}, events {self.first_event} to {self.first_event + self.n_events - 1}"


@dataclass(frozen=True, slots=True)
class ChunkPlan(Sequence[Chunk]):
    """The chunks of a sample, computed when asked for: the plan of 10^11 events takes no memory."""

    n_events: int
    chunk_size: int = CHUNK_SIZE

    def __len__(self) -> int:
        return -(-self.n_events // self.chunk_size)

    @overload
    def __getitem__(self, index: int) -> Chunk: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Chunk, ...]: ...
    def __getitem__(self, index: int | slice) -> Chunk | tuple[Chunk, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"chunk {index} of a plan of {len(self)}")
        first = position * self.chunk_size
        return Chunk(position, first, min(self.chunk_size, self.n_events - first))


ProgressFactory = Callable[[str], Progress]
"""From the name of a sample to what is told of its progress."""


class Checkpoint(Protocol[R]):
    """Where finished chunks are kept, so that an interrupted run goes on where it stopped."""

    def load(self, chunk: Chunk) -> R | None:
        """The stored result of `chunk`, or None if it has to be computed."""

    def save(self, chunk: Chunk, result: R) -> None:
        """Keep the result of a chunk that has just been computed."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def plan_chunks(n_events: int, chunk_size: int = CHUNK_SIZE) -> ChunkPlan:
    """Cut a sample into chunks.

    Parameters
    ----------
    n_events : int
        Events in the sample, >= 0.
    chunk_size : int
        Events per chunk, >= 1; part of what makes a dataset reproducible.

    Returns
    -------
    ChunkPlan
        A sequence of `Chunk`.

    Raises
    ------
    InputError
        For a negative number of events or a chunk size below 1.

    Examples
    --------
    >>> [chunk.n_events for chunk in plan_chunks(40_000)]
    [16384, 16384, 7232]
    """
    if n_events < 0:
        raise InputError(f"{n_events} events: give zero or more")
    if chunk_size < 1:
        raise InputError(f"chunk size {chunk_size}: give 1 or more")
    return ChunkPlan(int(n_events), int(chunk_size))


def map_chunks(
    task: Callable[[Chunk], R],
    chunks: Sequence[Chunk],
    workers: int = 1,
    executor: str = "local",
    progress: Progress | None = None,
    *,
    scheduler: str | None = None,
    checkpoint: Checkpoint[R] | None = None,
) -> Iterator[R]:
    """Run `task` on every chunk and yield the results in the order of the plan.

    At most a few results per worker are alive at any time, so memory does not grow with the number of chunks. The
    iterator must be run to its end or closed; closing it drops the chunks that have not started.

    Parameters
    ----------
    task : callable
        Takes a `Chunk`, returns its result. With "local" it runs in threads (the kernels release the interpreter
        lock); with "dask" it must be picklable.
    chunks : sequence of Chunk
    workers : int
        Threads, or workers of the local Dask cluster when no scheduler is given; >= 1.
    executor : str
        "local" or "dask".
    progress : callable, optional
        Called after each chunk, in order, with the events done so far and the events in all.
    scheduler : str, optional
        Address of a running Dask scheduler (tcp://host:port) or path of its scheduler file.
    checkpoint : Checkpoint, optional
        Chunks found there are not computed again; computed ones are saved there.

    Yields
    ------
    result
        One per chunk, in order.

    Raises
    ------
    InputError
        For fewer than one worker or an unknown executor.
    Exception
        Whatever `task` raised for the first failing chunk, with a note that names the chunk.

    Examples
    --------
    >>> list(map_chunks(lambda chunk: chunk.n_events, plan_chunks(5, chunk_size=2), workers=3))
    [2, 2, 1]
    """
    if workers < 1:
        raise InputError(f"{workers} workers: give 1 or more")
    if executor not in EXECUTORS:
        raise InputError(f"unknown executor '{executor}': allowed are {', '.join(EXECUTORS)}")
    if scheduler is not None and executor != "dask":
        raise InputError("a scheduler address needs the dask executor: add --executor dask")
    return _run(task, chunks, workers, executor, progress, scheduler, checkpoint)


def _run(
    task: Callable[[Chunk], R],
    chunks: Sequence[Chunk],
    workers: int,
    executor: str,
    progress: Progress | None,
    scheduler: str | None,
    checkpoint: Checkpoint[R] | None,
) -> Iterator[R]:
    total = chunks.n_events if isinstance(chunks, ChunkPlan) else sum(chunk.n_events for chunk in chunks)
    done = 0
    for chunk, result in _ordered(task, chunks, workers, executor, scheduler, checkpoint):
        done += chunk.n_events
        if progress is not None:
            progress(done, total)
        yield result


def _ordered(
    task: Callable[[Chunk], R],
    chunks: Sequence[Chunk],
    workers: int,
    executor: str,
    scheduler: str | None,
    checkpoint: Checkpoint[R] | None,
) -> Iterator[tuple[Chunk, R]]:
    """Pairs of chunk and result in the order of the plan."""
    keep_memory()
    if executor == "dask":
        from toymc.production.cluster import DaskPool

        with DaskPool(task, workers, scheduler) as pool:
            yield from _look_ahead(pool.submit, chunks, _AHEAD * pool.n_workers, checkpoint)
    elif workers == 1:
        yield from _look_ahead(lambda chunk: partial(task, chunk), chunks, 0, checkpoint)
    else:
        threads = ThreadPoolExecutor(workers, thread_name_prefix="toymc")
        try:
            yield from _look_ahead(
                lambda chunk: threads.submit(task, chunk).result, chunks, _AHEAD * workers, checkpoint
            )
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _look_ahead(
    submit: Callable[[Chunk], Callable[[], R]], chunks: Sequence[Chunk], ahead: int, checkpoint: Checkpoint[R] | None
) -> Iterator[tuple[Chunk, R]]:
    """Submit chunks up to `ahead` of the one that is waited for; `submit` returns the call that waits for a result."""
    pending: deque[tuple[Chunk, Callable[[], R] | None, R | None]] = deque()
    for chunk in chunks:
        stored = checkpoint.load(chunk) if checkpoint is not None else None
        pending.append((chunk, submit(chunk) if stored is None else None, stored))
        if len(pending) > ahead:
            yield _collect(*pending.popleft(), checkpoint)
    while pending:
        yield _collect(*pending.popleft(), checkpoint)


def _collect(
    chunk: Chunk, wait: Callable[[], R] | None, stored: R | None, checkpoint: Checkpoint[R] | None
) -> tuple[Chunk, R]:
    if wait is None:
        return chunk, cast(R, stored)
    try:
        result = wait()
    except Exception as error:
        error.add_note(f"in {chunk}")
        raise
    if checkpoint is not None:
        checkpoint.save(chunk, result)
    return chunk, result
