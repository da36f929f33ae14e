"""Counting experiments on one core, beside pyhf in the same run: `make bench`, or `tests/benchmarks/run.py counting`.

Prints toys per second (throwing and two fits each) for several constraints, the p-values of the case without events
against their closed form, and the times of limits with bands. pyhf throws and fits toys of the same models, as many as
a few seconds allow; its toy p-values go wrong where toys tie with the data (no events: every such toy ties).
"""

import math
import time

import numpy as np
import pyhf

from toymc.inference.counting import (
    CountingChannel,
    CountingModel,
    Gaussian,
    Known,
    LogNormal,
    Profile,
    Sideband,
    model_limit,
)
from toymc.inference.counting.ensembles import ToyThrower

N_TOYS = 100_000
PYHF_TOYS = 150


def toys_per_second(model: CountingModel, mu: float = 2.0) -> float:
    """Rate of toys that are thrown and fitted, in CPU time, best of three."""
    profile = Profile(model)
    at = profile.conditional(mu)
    ToyThrower(profile, 1000, 1).ensemble(mu, 0, at)
    best = math.inf
    for seed in range(3):
        start = time.process_time()
        toys = ToyThrower(profile, N_TOYS, seed).ensemble(mu, 0, at)
        best = min(best, time.process_time() - start)
        assert toys.n_failed == 0
    return N_TOYS / best


def pyhf_toys(signal: float, background: float, error: float, observed: int, mu: float) -> tuple[float, float, float]:
    """(toys per second, CLs+b, CLb) of pyhf: toys at the conditional fits, the statistic of each fitted anew."""
    model = pyhf.simplemodels.uncorrelated_background([signal], [background], [error])
    data = [observed, *model.config.auxdata]
    statistic = pyhf.infer.test_statistics.qmu_tilde
    settings = (model.config.suggested_init(), model.config.suggested_bounds(), model.config.suggested_fixed())
    seen = float(statistic(mu, data, model, *settings))
    shares = []
    start = time.process_time()
    for true_mu in (mu, 0.0):
        nuisances = pyhf.infer.mle.fixed_poi_fit(true_mu, data, model)
        sample = model.make_pdf(pyhf.tensorlib.astensor(nuisances)).sample((PYHF_TOYS,))
        values = np.array([float(statistic(mu, toy, model, *settings)) for toy in sample])
        shares.append(float(np.mean(values >= seen)))
    return 2 * PYHF_TOYS / (time.process_time() - start), shares[0], shares[1]


def milliseconds(model: CountingModel, **options: object) -> float:
    """CPU time of one limit with bands, best of three."""
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        model_limit(model, 0.9, **options)  # type: ignore[arg-type]
        best = min(best, time.process_time() - start)
    return 1e3 * best


def main() -> None:
    """Print the tables."""
    pyhf.set_backend("numpy", "scipy")
    single = CountingModel([CountingChannel("a", 0, Sideband(4, 20.0))])  # b = 0.2 +- 0.1
    ours = toys_per_second(single)
    theirs, with_signal, without = pyhf_toys(1.0, 0.2, 0.1, 0, 2.0)
    print(f"{'toys/s, one channel with sideband':44s} {ours:12,.0f}   (goal 100,000)")
    print(f"{'  pyhf (scipy), the same model':44s} {theirs:12,.1f}   x {ours / theirs:,.0f}")
    profile = Profile(single)
    observed = profile.statistic(profile.observed(), 2.0)[0][0]
    thrower = ToyThrower(profile, N_TOYS, 1)
    mine = [thrower.ensemble(2.0, 0, profile.conditional(mu)).p_value(observed).value for mu in (2.0, 0.0)]
    exact = [math.exp(-2.0 - 4.0 / 21.0), math.exp(-4.0 / 21.0)]
    print(f"{'  n = 0, mu = 2: CLs+b, CLb in closed form':44s} {exact[0]:12.4f} {exact[1]:9.4f}")
    print(f"{'  ours, 100,000 toys':44s} {mine[0]:12.4f} {mine[1]:9.4f}")
    print(f"{'  pyhf, ' + str(PYHF_TOYS) + ' toys':44s} {with_signal:12.4f} {without:9.4f}")
    channels = {
        "Gaussian background": [CountingChannel("a", 2, Gaussian(1.9, 0.4))],
        "log-normal background and efficiency": [CountingChannel("a", 2, LogNormal(1.9, 0.4), 1.0, 0.15)],
        "sideband with uncertain tau, efficiency": [CountingChannel("a", 2, Sideband(4, 20.0, 0.2), 1.0, 0.15)],
        "two channels, sidebands": [
            CountingChannel("a", 2, Sideband(3, 5.0), 0.8),
            CountingChannel("b", 1, Sideband(2, 2.0), 0.5),
        ],
        "two channels, shared efficiency": [
            CountingChannel("a", 2, Sideband(3, 5.0), 0.8, 0.1),
            CountingChannel("b", 1, Sideband(2, 2.0), 0.5, 0.1),
        ],
    }
    for name, parts in channels.items():
        print(f"{'toys/s, ' + name:44s} {toys_per_second(CountingModel(parts)):12,.0f}")
    one, two = CountingModel(channels["Gaussian background"]), CountingModel(channels["two channels, sidebands"])
    known = CountingModel([CountingChannel("a", 2, Known(1.0), 0.6), CountingChannel("b", 1, Known(3.0), 0.4)])
    for name, model, options in (
        ("CLs limit with bands, exact, one channel", one, {}),
        ("FC interval with bands, exact, one channel", one, {"method": "fc"}),
        ("CLs limit with bands, exact, two channels", known, {}),
        ("the same with sidebands", two, {}),
        ("profiled, exact, one sideband", single, {"treatment": "profile"}),
        ("profiled, 20,000 toys, two sidebands", two, {"treatment": "profile"}),
    ):
        print(f"{name:44s} {milliseconds(model, **options):12.1f} ms")


if __name__ == "__main__":
    main()
