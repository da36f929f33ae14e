"""What a user installs: sdist, wheel from the sdist, a clean environment outside the checkout, a study from it.

Nothing is downloaded: the build runs without isolation, and the clean environment sees the libraries of this one
through a path file, which does not carry over the editable installation of the checkout.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("geometry", "generators", "studies")
# a thousandth of the standard statistics: enough for every template to be filled, seconds of computing
SCALE = "0.001"


def run(*command: object, cwd: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, env={**clean, **environment}
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (archive,) = out.glob("toymc-*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.glob("toymc-*")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)
    (file,) = folder.glob("toymc-*.whl")
    return file


@pytest.fixture(scope="module")
def clean_environment(wheel, tmp_path_factory) -> Path:
    """The bin folder of an environment into which the wheel is installed."""
    folder = tmp_path_factory.mktemp("user") / "environment"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    libraries = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (site / "libraries.pth").write_text("\n".join(libraries) + "\n")
    options = ("--quiet", "--no-deps", "--no-index", "--ignore-installed", "--no-compile")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=folder)
    return folder / "bin"


def data_files() -> set[str]:
    """Data of the rooms, as paths inside the package."""
    kinds = {".toml", ".csv", ".html", ".json"}
    found = {f"toymc/{path.relative_to(ROOT)}" for room in ROOMS for path in (ROOT / room).rglob("*.*")}
    found |= {str(path.relative_to(ROOT)) for path in (ROOT / "toymc").rglob("*.*")}
    return {name for name in found if Path(name).suffix in kinds}


def test_the_wheel_holds_all_rooms_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"toymc"}
    for room in ROOMS:
        assert f"toymc/{room}/__init__.py" in names
    assert data_files() <= names
    assert "toymc/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".nbi", ".nbc", ".pyc"))]


def test_the_wheel_says_what_it_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
        assert any(n.endswith("licenses/LICENSE") for n in archive.namelist())
    assert "License-Expression: BSD-3-Clause" in metadata
    for extra in ("distributed", "generators", "hepdata", "test", "dev"):
        assert f"Provides-Extra: {extra}" in metadata


def test_the_installed_toymc_is_the_one_that_runs(clean_environment, tmp_path):
    code = "import toymc.geometry; print(toymc.geometry.__file__)"
    where = run(clean_environment / "python", "-c", code, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(clean_environment.parent)
    assert "tau_l_alpha" in run(clean_environment / "toymc", "study", "list", cwd=tmp_path)


def test_a_study_runs_from_the_installed_wheel(clean_environment, tmp_path):
    said = run(
        clean_environment / "toymc", "study", "run", "tau_l_alpha", "--scale", SCALE, "--seed", "3", "--out", "run",
        cwd=tmp_path,
    )  # fmt: skip
    assert "report: run/report.html" in said
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["study"] == "tau_l_alpha" and result["seed"] == 3
    assert {h["parameters"]["channel"] for h in result["hypotheses"]} == {"e", "mu"}
    for hypothesis in result["hypotheses"]:
        bands = [hypothesis["expected"][key] for key in ("-2", "-1", "0", "+1", "+2")]
        assert 0.0 < bands[0] and bands == sorted(bands)
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"result.json", "workspace.json", "hepdata", "plots", "report.html", "run.toml"}
