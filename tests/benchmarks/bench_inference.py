"""Upper limits on one core, beside pyhf (numpy, minuit) in the same run: `make bench`.

Prints the time of a limit with bands for the 30-bin model (39 parameters) and for the two-channel model with free
backgrounds, of single fits, and the ratio to pyhf with the agreement of the numbers. pyhf finds the whole limit for the
10-bin model; for the 30-bin model, where that takes it more than a minute, one CLs value is compared.
"""

import statistics
import time
from collections.abc import Callable

import pyhf

from tests.inference.models import counting_model, thirty_bins, two_channels
from toymc.inference import Likelihood, Model, cls_values, upper_limit

REPETITIONS = 30


def milliseconds(work: Callable[[], object], repetitions: int = REPETITIONS) -> float:
    """Median time of `work()` after one call that compiles and fills caches."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def pyhf_parts(model: Model) -> tuple[object, list[float]]:
    """pyhf's model and data of the same workspace."""
    workspace = pyhf.Workspace(model.to_pyhf())
    other = workspace.model()
    return other, workspace.data(other)


def compare_cls(name: str, model: Model) -> None:
    """One CLs value, observed and bands, at the observed limit (0.05 there): five fits in pyhf."""
    limit = upper_limit(model)
    assert limit.observed is not None
    mu = limit.observed
    ours = milliseconds(lambda: cls_values(model, [mu]))
    other, data = pyhf_parts(model)
    start = time.perf_counter()
    theirs_value = float(pyhf.infer.hypotest(mu, data, other, return_expected_set=True)[0])
    theirs = 1e3 * (time.perf_counter() - start)
    print(f"{name:34s} {ours:9.3f} ms   pyhf {theirs:10.1f} ms   x {theirs / ours:8.0f}   CLs {theirs_value:.6f}")


def compare_limit(name: str, model: Model) -> None:
    """The whole limit with bands; agreement is the largest relative difference of the six numbers."""
    ours = milliseconds(lambda: upper_limit(model))
    limit = upper_limit(model)
    other, data = pyhf_parts(model)
    start = time.perf_counter()
    observed, bands = pyhf.infer.intervals.upper_limits.toms748_scan(data, other, 0.0, 9.9, level=0.05, rtol=1e-4)
    theirs = 1e3 * (time.perf_counter() - start)
    pairs = zip([limit.observed, *limit.expected], [observed, *bands], strict=True)
    worst = max(abs(a / float(b) - 1.0) for a, b in pairs if a is not None)
    print(f"{name:34s} {ours:9.3f} ms   pyhf {theirs:10.1f} ms   x {theirs / ours:8.0f}   within {worst:.1e}")


def main() -> None:
    """Print the table."""
    pyhf.set_backend("numpy", "minuit")
    big, wide = thirty_bins(), two_channels()
    print(f"{'limit with bands, 30 bins':34s} {milliseconds(lambda: upper_limit(big)):9.3f} ms   (goal 20 ms)")
    print(f"{'limit with bands, 2 x 59 bins':34s} {milliseconds(lambda: upper_limit(wide)):9.3f} ms   (goal 50 ms)")
    likelihood = Likelihood(big)
    data = likelihood.data()
    start = likelihood.fit(data, poi=0.0).theta
    print(f"{'free fit, 30 bins':34s} {milliseconds(lambda: likelihood.fit(data), 300):9.3f} ms")
    fixed = milliseconds(lambda: likelihood.fit(data, poi=0.5, start=start), 300)
    print(f"{'conditional fit, 30 bins':34s} {fixed:9.3f} ms")
    compare_limit("counting limit with bands, 1 bin", counting_model(5.0, 30.0, 33, 4.0))
    compare_limit("limit with bands, 10 bins", thirty_bins(0, n_bins=10, n_shapes=3))
    compare_cls("CLs value with bands, 30 bins", big)


if __name__ == "__main__":
    main()
