"""Toys of template models on one core, beside pyhf in the same run: `make bench`.

A toy is one free and one conditional fit of thrown counts and auxiliary data. The 30-bin model has 39 parameters (8
shapes shared by three samples, Monte Carlo statistics), the 20-bin model 5 shapes and Monte Carlo statistics. CPU time;
pyhf (numpy, scipy) fits a few toys of its own.
"""

import time
from collections.abc import Callable

import numpy as np
import pyhf

from tests.inference.models import counting_model, thirty_bins
from toymc.inference import Likelihood, Model, toy_limit, upper_limit
from toymc.inference.toys import Hypothesis, hypothesis, run_toys, throw_block
from toymc.streams import stream

TOYS = 4096


def seconds(work: Callable[[], object], repetitions: int = 3) -> float:
    """Best CPU time of `work()` after one call that compiles."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return min(times)


def pyhf_seconds_per_toy(model: Model, mu: float, n_toys: int) -> float:
    """Time of pyhf's q~ on data sets that it throws itself."""
    pyhf.set_backend("numpy", "scipy")
    other = pyhf.Workspace(model.to_pyhf()).model()
    config = other.config
    settings = (config.suggested_init(), config.suggested_bounds(), config.suggested_fixed())
    data = pyhf.Workspace(model.to_pyhf()).data(other)
    start = np.array(pyhf.infer.mle.fixed_poi_fit(mu, data, other))
    rng, expected = stream(1, "bench", "test", 0), other.expected_data(start, include_auxdata=False)
    total = 0.0
    for _ in range(n_toys):
        toy = [*rng.poisson(expected).astype(float), *data[expected.size :]]
        begin = time.thread_time()
        pyhf.infer.test_statistics.qmu_tilde(mu, toy, other, *settings)
        total += time.thread_time() - begin
    return total / n_toys


def compare(name: str, model: Model, pyhf_toys: int) -> None:
    """Toys per second of both, thrown at the observed limit."""
    mu = upper_limit(model).median
    likelihood = Likelihood(model)
    where: Hypothesis = hypothesis(likelihood, likelihood.data(), mu)
    ours = seconds(lambda: run_toys(likelihood, where, [mu], TOYS, seed=1)) / TOYS
    throwing = seconds(lambda: throw_block(likelihood, where, 1, "bench", 0)) / 1024
    failed = len(run_toys(likelihood, where, [mu], TOYS, seed=1).failed)
    theirs = pyhf_seconds_per_toy(model, mu, pyhf_toys)
    print(
        f"{name:26s} {1e3 * ours:8.4f} ms/toy {1.0 / ours:9.0f} toys/s ({1e6 * throwing:4.1f} us to throw, "
        f"{failed} of {TOYS} failed)   pyhf {1.0 / theirs:7.1f} toys/s   x {theirs / ours:6.0f}"
    )


def main() -> None:
    """Print the table."""
    compare("1 bin, known to 50 %", counting_model(1.0, 0.2, 0, 0.1), 50)
    compare("20 bins, 5 shapes + stat.", thirty_bins(0, n_bins=20, n_shapes=5), 3)
    compare("30 bins, 8 shapes + stat.", thirty_bins(), 2)
    big = thirty_bins()
    print(f"{'limit with bands, 30 bins':26s} {1e3 * seconds(lambda: upper_limit(big), 20):8.2f} ms   (goal 20 ms)")
    start = time.thread_time()
    limit = toy_limit(thirty_bins(0, n_bins=20, n_shapes=5), n_toys=1000, seed=1)
    print(
        f"{'limit from toys, 20 bins':26s} {time.thread_time() - start:8.2f} s    1000 toys per hypothesis at "
        f"{len(limit.points)} values of mu: median {limit.expected[2].value:.3f} +- {limit.expected[2].error:.3f}, "
        f"asymptotic {limit.asymptotic.median:.3f}"
    )


if __name__ == "__main__":
    main()
