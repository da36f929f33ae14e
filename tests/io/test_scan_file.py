"""scan.h5: round trip, the same bytes, refusals."""

import h5py
import numpy as np
import pytest

from toymc.errors import InputError
from toymc.inference.unbinned import MassChannel, gaussian, scan, windows
from toymc.io.scan_file import read_scans, write_scans


def results():
    masses = np.array([0.5, 1.0, 1.5])
    channel = MassChannel(
        "k", gaussian(masses[:, None], 0.005), windows(masses[:, None], 0.005, (0.0, 2.0)), data=[1.0]
    )
    return {"k": scan(masses, [0.1, 1.0], [channel])}


def test_round_trip_and_bytes(tmp_path):
    scans = results()
    for name in ("a.h5", "b.h5"):
        write_scans(tmp_path / name, scans, limit_on="B(B+ -> K+ S) B(S -> mu mu)")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    back = read_scans(tmp_path / "a.h5")["k"]
    for field in ("masses", "lifetimes", "observed", "expected", "q0", "status", "degree", "parameters"):
        np.testing.assert_array_equal(getattr(back, field), getattr(scans["k"], field))
    assert back.channels == ("k",) and back.cl == 0.95 and back.constraint == "log-normal"
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["limit_on"].startswith("B(B+") and file["k/mass_GeV"].shape == (3,)


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="no scans"):
        write_scans(tmp_path / "a.h5", {})
    with pytest.raises(InputError, match="without '/'"):
        write_scans(tmp_path / "a.h5", {"a/b": results()["k"]})
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="cannot read"):
        read_scans(tmp_path / "none.h5")
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(InputError, match="not a scan"):
        read_scans(tmp_path / "other.h5")
