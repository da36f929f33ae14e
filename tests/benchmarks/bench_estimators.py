"""Validation of estimators and projections: experiments per second of CPU time on one core."""

import time

import numpy as np

from toymc.inference import Channel, HistoSys, Model, NormFactor, Sample, StatError
from toymc.inference.estimators import Estimates, SignalStrength, bootstrap_estimator, validate_estimator
from toymc.inference.projections import luminosity_steps, project_limits
from toymc.streams import stream


def _model(n_bins: int = 30) -> Model:
    x = np.linspace(0.0, 1.0, n_bins)
    background = 1e4 * np.exp(-x)
    signal = 100.0 * np.exp(-0.5 * ((x - 0.4) / 0.05) ** 2)
    shapes = [
        HistoSys(f"shape{k}", background * (1 - 0.02 * np.sin(k + 3 * x)), background * (1 + 0.02 * np.sin(k + 3 * x)))
        for k in range(8)
    ]
    modifiers = (NormFactor("n_b"), *shapes, StatError("mc", 0.01 * background))
    samples = (Sample("signal", signal, (NormFactor("mu"),)), Sample("background", background, modifiers))
    return Model([Channel("sr", samples)], poi="mu")


def _mean(x: np.ndarray) -> Estimates:
    return Estimates.of(x.mean(axis=1), 0.1)


def _rate(job, amount: int, repeats: int = 3) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        job()
        best = min(best, time.process_time() - start)
    return amount / best


def main() -> None:
    """Print the table."""
    strength = SignalStrength(_model())
    sample = stream(1, "benchmark", "test", 0).exponential(1.0, 10_000)

    def weighted(w: np.ndarray) -> Estimates:
        return Estimates.of(w @ sample / w.sum(axis=1), 0.01)

    jobs = (
        ("mean of 100 numbers", 20_000, lambda: validate_estimator(
            lambda rng, truth, n: rng.normal(truth, 1.0, (n, 100)), _mean, (0.0,), experiments=20_000)),
        ("fitted signal, 30 bins, 8 shapes, statistics", 1000, lambda: validate_estimator(
            strength.generate, strength.estimate, (0.0,), experiments=1000)),
        ("the same with redrawn simulation", 200, lambda: validate_estimator(
            strength.generate_resimulated, strength.estimate_resimulated, (0.0,), experiments=200)),
        ("bootstrap of 10 000 events", 500, lambda: bootstrap_estimator(10_000, weighted, replicates=500)),
        ("projected limits with bands, three scenarios", 36, lambda: project_limits(
            _model(), 100.0, luminosity_steps(100.0, 5e4, 12), {}, 0.95)),
    )  # fmt: skip
    print(f"{'job':48}  per second")
    for name, amount, job in jobs:
        job()
        print(f"{name:48}  {_rate(job, amount):10.0f}")


if __name__ == "__main__":
    main()
