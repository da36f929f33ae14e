"""Repeated experiments: data are made with a known truth, the estimator answers, and every answer is kept.

Experiments come in blocks; a block is one random stream, addressed by (seed, name, truth, block). What a block holds
depends on nothing else, so that the numbers are the same for any number of workers, and a single experiment that failed
can be made again alone. An answer that is no answer (no convergence, a value that is not finite, an exception) is
recorded with its reason and stays in the count: nothing is dropped or drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError, ToymcError
from toymc.streams import stream

FloatArray: TypeAlias = npt.NDArray[np.float64]
StatusArray: TypeAlias = npt.NDArray[np.int8]

OK, NOT_CONVERGED, NOT_FINITE, BAD_INTERVAL, RAISED = 0, 1, 2, 3, 4
STATUS = {
    OK: "ok",
    NOT_CONVERGED: "the fit did not converge",
    NOT_FINITE: "the estimate is not finite",
    BAD_INTERVAL: "the stated interval is empty, not finite, or does not hold the estimate",
    RAISED: "the estimator raised an error",
}
BLOCK = 4096

Generate: TypeAlias = Callable[[np.random.Generator, float, int], Any]
"""(stream, true value, number of experiments) -> data of that many experiments."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """What an estimator says about n experiments.

    Attributes
    ----------
    value : float64 (n,)
    low, high : float64 (n,)
        Ends of the stated interval; the pull takes the side that looks towards the truth as the error.
    status : int8 (n,)
        A key of `STATUS`.

    Raises
    ------
    InputError
        At construction, if the arrays differ in length.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    status: StatusArray

    def __post_init__(self) -> None:
        sizes = {len(a) for a in (self.value, self.low, self.high, self.status)}
        if len(sizes) != 1:
            raise InputError(f"estimates with arrays of lengths {sorted(sizes)}: give one entry per experiment")

    @staticmethod
    def of(
        value: npt.ArrayLike,
        error: npt.ArrayLike | None = None,
        *,
        low: npt.ArrayLike | None = None,
        high: npt.ArrayLike | None = None,
        status: npt.ArrayLike | None = None,
    ) -> Estimates:
        """Estimates with symmetric errors or with the ends of their intervals; what is not finite becomes a failure.

        Raises
        ------
        InputError
            If neither `error` nor both `low` and `high` are given.

        Examples
        --------
        >>> Estimates.of([1.0, float("nan")], 0.5).status.tolist()
        [0, 2]
        """
        values = np.atleast_1d(np.asarray(value, dtype=np.float64))
        if error is not None:
            half = np.broadcast_to(np.asarray(error, dtype=np.float64), values.shape)
            below, above = values - half, values + half
        elif low is not None and high is not None:
            below = np.broadcast_to(np.asarray(low, dtype=np.float64), values.shape)
            above = np.broadcast_to(np.asarray(high, dtype=np.float64), values.shape)
        else:
            raise InputError("estimates without an interval: give `error`, or `low` and `high`")
        codes = np.zeros(values.shape, np.int8) if status is None else np.array(status, dtype=np.int8)
        good = np.isfinite(below) & np.isfinite(above) & (below <= values) & (values <= above) & (below < above)
        codes[(codes == OK) & ~np.isfinite(values)] = NOT_FINITE
        codes[(codes == OK) & ~good] = BAD_INTERVAL
        return Estimates(values, below.copy(), above.copy(), codes)

    @staticmethod
    def joined(parts: Sequence[Estimates]) -> Estimates:
        """Several one after the other."""
        fields = ("value", "low", "high", "status")
        return Estimates(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Which experiments have an answer."""
        mask: npt.NDArray[np.bool_] = self.status == OK
        return mask


Estimate: TypeAlias = Callable[[Any], Estimates]
"""Data of n experiments -> `Estimates` of length n."""


@dataclass(frozen=True, slots=True)
class Block:
    """Experiments `first` .. `first + n - 1` at one true value; `index` is the chunk of their stream."""

    truth: float
    label: str
    index: int
    first: int
    n: int


RunBlocks: TypeAlias = Callable[[Callable[[Block], Estimates], Sequence[Block]], Iterable[Estimates]]
"""Runs a task on blocks and gives the results in their order: `map`, the `map` of an executor, a batch system."""


def each(estimate_one: Callable[[Any], tuple[float, float]]) -> Estimate:
    """An estimator of one experiment, (value, error), as one of many; an exception becomes a recorded failure.

    Examples
    --------
    >>> mean = each(lambda x: (x.mean(), x.std(ddof=1) / len(x) ** 0.5))
    >>> mean(np.array([[1.0, 3.0], [2.0, 4.0]])).value.tolist()
    [2.0, 3.0]
    """
    return partial(_each, estimate_one)


def _each(estimate_one: Callable[[Any], tuple[float, float]], data: Iterable[Any]) -> Estimates:
    rows, codes = [], []
    for one in data:
        try:
            rows.append(tuple(float(v) for v in estimate_one(one)))
            codes.append(OK)
        except (ArithmeticError, ValueError, RuntimeError, ToymcError, np.linalg.LinAlgError):
            rows.append((np.nan, np.nan))
            codes.append(RAISED)
    table = np.asarray(rows, dtype=np.float64).reshape(-1, 2)
    return Estimates.of(table[:, 0], table[:, 1], status=codes)


def plan_blocks(truth: float, label: str, experiments: int, block: int) -> list[Block]:
    """The blocks of the experiments at one true value.

    Raises
    ------
    InputError
        For fewer than 2 experiments or a block of less than one.
    """
    if experiments < 2:
        raise InputError(f"{experiments} experiments: give 2 or more, a spread needs them")
    if block < 1:
        raise InputError(f"blocks of {block} experiments: give 1 or more")
    starts = range(0, experiments, block)
    return [Block(truth, label, k, first, min(block, experiments - first)) for k, first in enumerate(starts)]


def run_block(generate: Generate, estimate: Estimate, seed: int, stage: str, block: Block) -> Estimates:
    """Make and estimate the experiments of one block.

    Raises
    ------
    InputError
        If the estimator does not answer once per experiment.
    """
    rng = stream(seed, block.label, stage, block.index)
    answer = estimate(generate(rng, block.truth, block.n))
    if len(answer.value) != block.n:
        raise InputError(
            f"{block.label}: the estimator gave {len(answer.value)} answers for {block.n} experiments; "
            "one each is needed"
        )
    return answer


def run_experiments(
    generate: Generate,
    estimate: Estimate,
    blocks: Sequence[Block],
    seed: int,
    *,
    stage: str = "toys",
    run: RunBlocks = map,
) -> Estimates:
    """The answers of all blocks, in their order.

    Parameters
    ----------
    generate, estimate : callable
        With a process pool both must be picklable.
    blocks : sequence of Block
    seed : int
    stage : str
        Stage of the streams: "toys" or "bootstrap".
    run : callable
        Runs the blocks; must keep their order.

    Returns
    -------
    Estimates
    """
    return Estimates.joined(list(run(partial(run_block, generate, estimate, seed, stage), blocks)))


def failures(blocks: Sequence[Block], answers: Estimates) -> Iterator[tuple[float, int, str]]:
    """(true value, number of the experiment, reason) of every experiment without an answer, in order."""
    numbers = np.concatenate([np.arange(b.first, b.first + b.n) for b in blocks])
    truths = np.concatenate([np.full(b.n, b.truth) for b in blocks])
    for k in np.flatnonzero(~answers.ok):
        yield float(truths[k]), int(numbers[k]), STATUS[int(answers.status[k])]
