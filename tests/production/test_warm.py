"""Compiling in two processes: nothing twice, and nothing depends on the second one."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from toymc import compiling
from toymc.kernels import kernel
from toymc.production import warm

KERNEL = """
import sys
from pathlib import Path
from toymc.compiling import share_work
from toymc.kernels import kernel

@kernel
def slow(x):
    return x + 1.0

share_work(Path(sys.argv[1]))
slow(1.0)
print(sum(slow.stats.cache_hits.values()), sum(slow.stats.cache_misses.values()))
"""


@pytest.fixture
def cold(monkeypatch):
    monkeypatch.setattr(warm, "_is_cold", lambda: True)
    monkeypatch.setattr(warm, "available_cores", lambda: 2)


def test_a_kernel_is_compiled_once_for_all_processes_that_share_work(tmp_path):
    (tmp_path / "shared_of_test.py").write_text(KERNEL)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import shared_of_test"
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) for _ in range(3)]
    counts = [tuple(map(int, run.communicate()[0].split())) for run in runs]
    assert sorted(counts) == [(0, 1), (1, 0), (1, 0)]


def test_who_waits_too_long_compiles_by_himself(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(compiling, "_folder", tmp_path)
    with compiling._alone(_plus_two):
        start = time.monotonic()
        assert _plus_two(1.0) == 3.0
        assert time.monotonic() - start > 0.3


def test_a_folder_that_is_gone_is_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling, "_folder", tmp_path / "nowhere")
    assert _plus_three(1.0) == 4.0


def test_a_child_that_fails_does_no_harm(cold, monkeypatch):
    monkeypatch.setattr(warm, "_MODULE", "toymc.no_such_module")
    with warm.warming():
        assert compiling._folder is not None
        assert _plus_four(1.0) == 5.0
    assert compiling._folder is None


def test_no_child_on_one_core(cold, monkeypatch):
    monkeypatch.setattr(warm, "available_cores", lambda: 1)
    monkeypatch.setattr(warm, "_start", lambda folder: pytest.fail("a child on one core"))
    with warm.warming(limits=True):
        assert compiling._folder is None


def test_what_the_parent_compiles_beforehand_is_what_the_run_calls():
    from toymc.analysis.three_by_one import _reconstruct, three_by_one
    from toymc.detector import build_detector, particle_batch, simulate
    from toymc.detector.trigger.kernels import _trigger_batch
    from toymc.geometry import load_card
    from toymc.streams import stream

    warm.compile_behind_detector()
    kernels = (_trigger_batch, _reconstruct)
    before = [len(k.signatures) for k in kernels]
    batch = particle_batch(np.array([211, 22]), np.array([[0.5, 0.1, 1.0], [0.5, 0.0, 0.5]]))
    reco = simulate(batch, build_detector(load_card("belle2")), stream(0, "warm", "test", 0))
    three_by_one(reco, [0.04, 0.0, 0.27], 10.58)
    assert [len(k.signatures) for k in kernels] == before


@kernel
def _plus_two(x):
    return x + 2.0


@kernel
def _plus_three(x):
    return x + 3.0


@kernel
def _plus_four(x):
    return x + 4.0
