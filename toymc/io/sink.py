"""A file under the HDF5 library, which must not notice a full disk.

When a write fails, the library cannot close its file any more: it reports the failure again for every open object, from
destructors where nobody can catch it, and can crash the process at exit (seen with HDF5 2.0). A `Sink` keeps the first
error for the caller, who drops the file, and answers the library as if all went well.
"""

import io
from pathlib import Path
from typing import Any


class Sink(io.RawIOBase):
    """A new file for ``h5py.File(Sink(path), "w")``; `error` is the first failure of a write, None while all is well.

    Parameters
    ----------
    path : path
        File to make.

    Raises
    ------
    OSError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._raw = open(path, "w+b", buffering=0)  # noqa: SIM115 (closed in `close`)
        self._position = 0
        self._size = 0
        self._lost: dict[int, bytes] = {}
        self.error: OSError | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                self._raw.seek(self._position)
                done = 0
                while done < len(view):
                    done += self._raw.write(view[done:]) or 0
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._lost[self._position] = bytes(view)
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        lost = self._lost.get(self._position)
        if lost is not None and len(lost) >= len(view):
            view[:] = lost[: len(view)]
        else:
            self._raw.seek(self._position)
            done = 0
            while done < len(view):
                step = self._raw.readinto(view[done:])
                if not step:
                    break
                done += step
            view[done:] = bytes(len(view) - done)
        self._position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        self._size = self._position if size is None else size
        if self.error is None:
            try:
                self._raw.truncate(self._size)
            except OSError as error:
                self.error = error
        return self._size

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
