"""Global significance on one core: counting excursions, toys of a mass scan. `make bench`."""

import time

import numpy as np

from toymc.inference.significance import background_toys, count_excursions, scan_toys
from toymc.inference.unbinned import Density, MassChannel, gaussian, windows
from toymc.streams import stream


def cpu_seconds(work: object, repetitions: int = 3) -> float:
    """Smallest processor time of `work()` after one call that compiles."""
    assert callable(work)
    work()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print a table."""
    q0 = stream(1, "bench", "test", 0).gamma(0.5, 2.0, (30, 2000, 18))
    levels = (0.5, 1.0, 2.5, 4.0)
    plane = cpu_seconds(lambda: count_excursions(q0, levels))
    line = cpu_seconds(lambda: count_excursions(q0.reshape(540, 2000), levels))
    print(f"Euler characteristic, 2000 masses x 18 lifetimes, 4 levels  {1e3 * plane / 30:8.3f} ms/toy")
    print(f"upcrossings, 2000 masses, 4 levels                          {1e3 * line / 540:8.4f} ms/toy")
    masses = np.arange(1.0, 1.2, 0.0025)
    density = Density(np.array([0.8, 1.5]), np.array([6e3, 4e3]))
    channel = MassChannel("k", gaussian(masses[:, None], 0.005), windows(masses[:, None], 0.005, (0.8, 1.5)),
                          expected=density)  # fmt: skip
    toys = cpu_seconds(lambda: background_toys(scan_toys(masses, [1.0], [channel]), 32, seed=1), 2)
    print(f"toys of an unbinned scan, 80 masses, 3500 events            {1e3 * toys / 32:8.2f} ms/toy")


if __name__ == "__main__":
    main()
