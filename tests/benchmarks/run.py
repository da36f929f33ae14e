"""Benchmarks, one after the other on one core: all with `make bench`, or those that are named."""

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Benchmarks that there are, the chain first."""
    found = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    return ["chain", *(name for name in found if name != "chain")]


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parents[1]))
    chosen = sys.argv[1:] or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        sys.exit(f"unknown benchmark '{unknown[0]}': give some of {', '.join(names())}")
    for name in chosen:
        print(f"== {name}")
        importlib.import_module(f"tests.benchmarks.bench_{name}").main()
        print()
