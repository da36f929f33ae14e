"""Ctrl-C while a library is at work that must not see it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the block is done, then let them act.

    An exception in a callback of the HDF5 library is printed and dropped: the run would go on as if nobody had asked it
    to end, with a file that lacks a piece. Outside the main thread, where no signal arrives, nothing is changed.

    Examples
    --------
    >>> done = False
    >>> try:
    ...     with interrupts_held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done = True
    ... except KeyboardInterrupt:
    ...     print("interrupted,", "whole" if done else "torn")
    interrupted, whole
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    previous = {number: signal.signal(number, keep) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            # None: a handler that was not set from Python, which cannot be put back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if caught:
            signal.raise_signal(caught[0])
