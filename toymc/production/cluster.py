"""Chunks on a Dask cluster: a running one (HTCondor, Slurm, ...) by its scheduler, or one made for the run."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import toymc
from toymc.errors import InputError
from toymc.production.chunks import Chunk
from toymc.production.memory import keep_memory

R = TypeVar("R")


def _worker_version() -> str:
    return toymc.__version__


class DaskPool(Generic[R]):
    """Workers of a Dask cluster, all of which hold the task.

    Parameters
    ----------
    task : callable
        Picklable; sent to the workers once.
    workers : int
        Workers of the cluster that is made when no scheduler is named.
    scheduler : str or None
        Address (tcp://host:port) or scheduler file of a running cluster.

    Raises
    ------
    InputError
        If Dask is not installed, the scheduler cannot be reached or has no workers, or its workers hold another
        version of toymc.
    """

    def __init__(self, task: Callable[[Chunk], R], workers: int, scheduler: str | None) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise InputError("the dask executor needs the extra: pip install 'toymc[distributed]'") from error
        self._cluster: Any = None
        if scheduler is None:
            # threads: the kernels release the interpreter lock, and one process compiles them once
            self._cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=False,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
            self._client: Any = Client(self._cluster)
        else:
            where = {"scheduler_file": scheduler} if Path(scheduler).is_file() else {"address": scheduler}
            try:
                self._client = Client(**where, timeout="10s")
            except (OSError, ValueError) as error:
                raise InputError(f"no Dask scheduler answers at '{scheduler}': {error}") from error
        try:
            self.n_workers = self._check_workers(scheduler)
            self._task = self._client.scatter(task, broadcast=True, hash=False)
        except BaseException:
            self._close()
            raise

    def _check_workers(self, scheduler: str | None) -> int:
        versions: dict[str, str] = self._client.run(_worker_version)
        if not versions:
            raise InputError(f"the Dask scheduler at '{scheduler}' has no workers: start some first")
        for worker, version in sorted(versions.items()):
            if version != toymc.__version__:
                raise InputError(
                    f"Dask worker {worker} has toymc {version}, this is {toymc.__version__}: use one version on all"
                )
        return sum(self._client.nthreads().values())

    def submit(self, chunk: Chunk) -> Callable[[], R]:
        """Start `chunk`; the returned call waits for its result."""
        result: Callable[[], R] = self._client.submit(_call, self._task, chunk, pure=False).result
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _call(task: Callable[[Chunk], R], chunk: Chunk) -> R:
    keep_memory()
    return task(chunk)
