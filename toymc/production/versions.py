"""Versions of what the numbers of a run depend on."""

import platform
from importlib.metadata import version

_LIBRARIES = ("toymc", "numpy", "numba", "scipy", "particle", "pyhf")


def run_versions(pdg_edition: str | None) -> dict[str, str]:
    """Name -> version of Python, of the libraries and of the PDG edition, for run.toml."""
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **libraries, "pdg": pdg_edition or ""}
