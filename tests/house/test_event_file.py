"""HDF5 event files: what goes in comes out, the same bytes, nothing half-written."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.house.events import reconstruction, truth_batch
from toymc.errors import InputError, ToymcError
from toymc.events import EventBatch
from toymc.io.event_file import EventFile, EventWriter, FileMetadata
from toymc.io.sink import Sink
from toymc.production.chunks import map_chunks, plan_chunks

METADATA = FileMetadata("house", seed=2**63 + 5, parameters={"mass": 1.5, "signal": "e_alpha", "isr": True})


def write(path: Path, batches) -> Path:
    with EventWriter(path, METADATA) as writer:
        for batch in batches:
            writer.append(batch)
    return path


def assert_same(left, right) -> None:
    for field in fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif isinstance(a, str):
            assert a == b
        else:
            assert_same(a, b)


def test_truth_round_trip(tmp_path):
    batches = [truth_batch(chunk) for chunk in range(3)]
    with EventFile(write(tmp_path / "a.h5", batches)) as file:
        assert file.kind is EventBatch
        assert file.metadata == METADATA or file.metadata.seed == METADATA.seed
        assert file.metadata.parameters == METADATA.parameters
        assert file.n_events == 150
        assert file.tables == {"particles": sum(b.n_particles for b in batches)}
        assert_same(file.read(), EventBatch.concatenate(batches))
        for got, put in zip(file.batches(50), batches, strict=True):
            assert_same(got, put)


def test_reconstruction_round_trip(tmp_path):
    batches = [reconstruction(chunk) for chunk in range(3)]
    with EventFile(write(tmp_path / "a.h5", batches)) as file:
        for got, put in zip(file.batches(30), batches, strict=True):
            assert_same(got, put)


def test_the_generated_rows_of_a_simulated_file_can_be_simulated_again(tmp_path):
    batch = reconstruction(0)
    status = np.array([1, 2, 3], dtype=np.int32)[np.arange(batch.truth.n_particles) % 3]
    batch = replace(batch, truth=replace(batch.truth, status=status))
    with EventFile(write(tmp_path / "a.h5", [batch])) as file:
        got = file.read_truth(3, 20)
    assert got.counts.tolist() == batch.n_generated[3:20].tolist()
    rows = np.concatenate(
        [np.arange(at, at + n) for at, n in zip(batch.truth.offsets[3:20], batch.n_generated[3:20], strict=True)]
    )
    np.testing.assert_array_equal(got.px, batch.truth.px[rows])
    # what the detector let decay is final again, what the generator let decay (no fate) is not
    expected = np.where((status == 2) & (batch.fate != 0), 1, status)[rows]
    np.testing.assert_array_equal(got.status, expected)
    np.testing.assert_array_equal(got.event_id, batch.event_id[3:20])


def test_more_generated_rows_than_rows_is_damage(tmp_path):
    batch = replace(reconstruction(0), n_generated=np.full(30, 99, dtype=np.int32))
    with EventFile(write(tmp_path / "a.h5", [batch])) as file, pytest.raises(InputError, match="damaged"):
        file.read_truth()


def test_same_bytes_for_1_3_and_8_workers_and_at_any_time(tmp_path):
    hashes = set()
    for workers in (1, 3, 8):
        batches = map_chunks(lambda c: truth_batch(c.index), plan_chunks(600, 50), workers)
        path = write(tmp_path / f"{workers}.h5", batches)
        hashes.add(hashlib.sha256(path.read_bytes()).hexdigest())
        time.sleep(1.1)  # a time stamp in seconds would show
    assert len(hashes) == 1


def test_an_older_event_file_is_replaced_anything_else_is_not(tmp_path):
    path = write(tmp_path / "a.h5", [truth_batch(0)])
    write(path, [truth_batch(1)])
    with EventFile(path) as file:
        assert_same(file.read(), truth_batch(1))
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    with pytest.raises(InputError, match="not a toymc event file"):
        write(thesis, [truth_batch(0)])
    assert thesis.read_text() == "years of work"
    with pytest.raises(InputError, match="it is a folder"):
        write(tmp_path, [truth_batch(0)])


def test_a_failure_leaves_nothing(tmp_path):
    def batches():
        yield truth_batch(0)
        raise ArithmeticError("in the middle")

    with pytest.raises(ArithmeticError, match="in the middle"):
        write(tmp_path / "new" / "a.h5", batches())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="no events"):
        write(tmp_path / "a.h5", [])
    with pytest.raises(InputError, match="not Reconstruction"):
        write(tmp_path / "a.h5", [truth_batch(0), reconstruction(0)])
    assert list(tmp_path.iterdir()) == []


def test_bad_files_are_refused_in_one_line(tmp_path):
    good = write(tmp_path / "good.h5", [truth_batch(0, n=3000)])
    content = good.read_bytes()
    cases = {
        "missing.h5": (None, "no such file"),
        "text.h5": (b"events, surely", "not an HDF5 file"),
        "empty.h5": (b"", "not an HDF5 file"),
        "short.h5": (content[: len(content) // 2], "not an HDF5 file, or damaged"),
    }
    for name, (bytes_, message) in cases.items():
        if bytes_ is not None:
            (tmp_path / name).write_bytes(bytes_)
        with pytest.raises(InputError, match=message) as caught:
            EventFile(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_foreign_and_damaged_content_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1, 2, 3]
    with pytest.raises(InputError, match="not of toymc events"):
        EventFile(tmp_path / "other.h5")
    shutil.copy(write(tmp_path / "good.h5", [truth_batch(0)]), tmp_path / "cut.h5")
    with h5py.File(tmp_path / "cut.h5", "a") as file:
        del file["particles/px"]
    with pytest.raises(InputError, match="'particles/px' is missing"):
        EventFile(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "good.h5", "a") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(InputError, match="format version 99"):
        EventFile(tmp_path / "good.h5")


def test_flipped_bits_are_noticed(tmp_path):
    path = write(tmp_path / "a.h5", [truth_batch(0, n=3000)])
    with h5py.File(path) as file:
        place = file["particles/px"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 100] ^= 0xFF
    path.write_bytes(content)
    with EventFile(path) as file, pytest.raises(InputError, match="damaged data"):
        file.read()


@pytest.mark.parametrize(("lo", "hi"), [(-1, 5), (5, 2), (0, 51)])
def test_a_range_outside_the_file_is_refused(tmp_path, lo, hi):
    with EventFile(write(tmp_path / "a.h5", [truth_batch(0)])) as file, pytest.raises(InputError, match="it holds 50"):
        file.read(lo, hi)


_FILL = """
import sys
from tests.house.events import truth_batch
from toymc.errors import ToymcError
from toymc.io.event_file import EventWriter, FileMetadata
try:
    with EventWriter(sys.argv[1], FileMetadata("house", seed=1)) as writer:
        for chunk in range(int(sys.argv[2])):
            writer.append(truth_batch(chunk, n=20_000))
except ToymcError as error:
    sys.exit(f"ToymcError: {error}")
"""


def run_python(code: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(
        [*prefix, sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=root, env=environment
    )


# few batches stay in HDF5's buffers until the file is closed, many do not
@pytest.mark.parametrize("batches", ["1", "12"])
def test_a_file_that_cannot_grow_is_one_clear_error(tmp_path, batches):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))\n" + _FILL
    done = run_python(limited, str(tmp_path / "a.h5"), batches)
    assert done.stderr.strip() == (
        f"ToymcError: cannot write {tmp_path / 'a.h5'}: File too large: raise the file size limit or write elsewhere"
    )
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_error(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"mount -t tmpfs -o size=2m tmpfs {disk} && \"$@\"; code=$?; ls -A {disk} >&2; exit $code"
    own_mounts = ("unshare", "-rm", "sh", "-c", script, "sh")
    if shutil.which("unshare") is None or run_python("pass", prefix=own_mounts).returncode != 0:
        pytest.skip("no permission to mount a small file system")
    done = run_python(_FILL, str(disk / "a.h5"), "12", prefix=own_mounts)
    assert done.stderr.strip() == (
        f"ToymcError: cannot write {disk / 'a.h5'}: No space left on device: free some space or write elsewhere"
    )
    assert done.returncode == 1


def test_a_folder_without_permission_is_one_clear_error(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("toymc.io.event_file.Sink", refuse)
    with pytest.raises(ToymcError, match="Permission denied: write elsewhere"):
        write(tmp_path / "a.h5", [truth_batch(0)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("call", [1, 5, 40])
def test_an_interrupt_inside_the_library_ends_the_run(tmp_path, monkeypatch, number, call):
    """HDF5 drops exceptions of its callbacks: the signal has to wait, and then to be heard."""
    plain = Sink.write
    calls = []

    def write_and_interrupt(self, data):
        calls.append(len(data))
        if len(calls) == call:
            signal.raise_signal(number)
        return plain(self, data)

    def stop(signal_number, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(Sink, "write", write_and_interrupt)
    previous = signal.signal(number, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "a.h5", [truth_batch(0), truth_batch(1), truth_batch(2)])
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, previous)
    assert len(calls) >= call
    assert list(tmp_path.iterdir()) == []
