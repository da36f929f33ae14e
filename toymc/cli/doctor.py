"""`toymc doctor`: is this installation in order?"""

import importlib
import importlib.metadata
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from toymc.cli.common import echo_json, echo_table, json_option
from toymc.production.chunks import available_cores

_PACKAGES = (
    "numpy", "numba", "scipy", "particle", "h5py", "awkward", "vector", "pyhf", "iminuit", "matplotlib", "pydantic",
)  # fmt: skip
_EXTRAS = {"dask": "distributed", "pythia8mc": "generators", "hepdata-validator": "hepdata"}


@click.command(epilog="Example: toymc doctor --json")
@json_option
def doctor(as_json: bool) -> None:
    """Versions, cache folder and state of the compiled kernels."""
    answer = examine()
    if as_json:
        echo_json(answer)
        return
    rows = [(key, str(answer[key])) for key in ("toymc", "python", "platform", "cores", "pdg_edition", "location")]
    rows += [(name, version) for name, version in answer["packages"].items()]
    for name, version in answer["extras"].items():
        rows.append((name, version or f"not installed (extra '{_EXTRAS[name]}')"))
    kernels = answer["kernels"]
    state = "warm" if kernels["cached"] == kernels["total"] else "cold: the first run compiles what is missing"
    rows.append(("kernel cache", ", ".join(kernels["folders"])))
    rows.append(("kernels", f"{kernels['cached']} of {kernels['total']} compiled on disk ({state})"))
    echo_table(("what", "state"), rows)


def examine() -> dict[str, Any]:
    """Everything that `toymc doctor` says, as plain values."""
    import toymc
    from toymc.constants import pdg_edition

    return {
        "toymc": toymc.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": available_cores(),
        "pdg_edition": pdg_edition(),
        "location": str(Path(toymc.__file__).parent),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "extras": {name: _version_or_none(name) for name in _EXTRAS},
        "kernels": kernel_state(),
    }


def _version_or_none(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def kernel_state() -> dict[str, Any]:
    """How many of toymc's kernels have compiled code in the on-disk cache, and where that is."""
    from numba.core.registry import CPUDispatcher

    seen: dict[str, Path] = {}
    for module in _modules():
        for value in vars(module).values():
            if isinstance(value, CPUDispatcher) and value.py_func.__module__.startswith("toymc."):
                function = value.py_func
                path = getattr(getattr(value, "_cache", None), "cache_path", None)
                if path is not None:
                    line = function.__code__.co_firstlineno
                    stem = Path(function.__code__.co_filename).stem
                    seen[f"{stem}.{function.__qualname__}-{line}"] = Path(path)
    cached = sum(any(folder.glob(f"{name}.py{sys.version_info.major}{sys.version_info.minor}*.nbi"))
                 for name, folder in seen.items())  # fmt: skip
    return {"total": len(seen), "cached": cached, "folders": sorted({str(folder) for folder in seen.values()})}


def _modules() -> list[Any]:
    """All modules of toymc but the command line, imported."""
    import pkgutil

    import toymc

    modules = []
    for info in pkgutil.walk_packages(toymc.__path__, "toymc."):
        if info.name.startswith("toymc.cli"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                modules.append(importlib.import_module(info.name))
        except ImportError:
            continue  # a module that needs an extra that is not installed
    return modules
