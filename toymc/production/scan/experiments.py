"""Signals put into pseudo-data and found again: linearity, bias and pulls of the fitted yield of a mass search.

Every experiment is a window with a Poisson number of background masses from the expected density and of signal masses
drawn from simulated candidates (not from the fitted shape, so that its faults are in the bias). All experiments of a
block are fitted in one call: they enter the scan as data of their own, one for each row.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import lambertw

from toymc.analysis.b_candidates import reduced_mass
from toymc.inference.estimators import Estimates, Validation, validate_estimator
from toymc.inference.estimators.experiments import RunBlocks
from toymc.inference.unbinned import MassChannel, scan
from toymc.production.scan.compute import ChannelRun
from toymc.production.scan.signal import select_sample
from toymc.studies.scan_study import ScanStudy

FloatArray = npt.NDArray[np.float64]

TRUE_EVENTS = (5.0, 10.0, 20.0, 40.0)
"""Expected signal events of the experiments: below these the bound at zero yield bends the line, as it should."""


def counting_interval(value: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ends of the interval of a fitted yield in which ln L falls by less than 1/2.

    A fit that counts n events over an expected background b has the yield s = n - b and the error sqrt(n) from the
    second derivative of ln L = n ln(s + b) - (s + b). For few events L is far from a Gaussian; ln L falls by 1/2 where
    mu - n - n ln(mu/n) = 1/2, mu = s + b, that is at mu = -n W(-exp(-1 - 1/(2n))) with both real branches of Lambert's
    W. A mass fit with little background under the peak is such a count with n = error^2.

    Parameters
    ----------
    value, error : float64 (n,)
        Events, the error from the second derivative.

    Returns
    -------
    float64 (n,), float64 (n,)
        Lower and upper end. For a count of n they are those of the likelihood exactly, for large n value -+ error.

    Examples
    --------
    >>> [round(float(end[0]), 2) for end in counting_interval(np.array([4.0]), np.array([2.0]))]
    [2.32, 6.35]
    """
    n = np.maximum(error**2, 1e-3)
    below, above = (-n * lambertw(-np.exp(-1.0 - 0.5 / n), k).real for k in (0, -1))
    return value - (n - below), value + (above - n)


class InjectedYield:
    """Makes and fits experiments at one mass and lifetime; truths and estimates in events.

    Parameters
    ----------
    study : ScanStudy
    run : ChannelRun
    mass : float
        GeV; a node of the maps.
    ctau : float
        cm.
    """

    def __init__(self, study: ScanStudy, run: ChannelRun, mass: float, ctau: float) -> None:
        scanned, channel = run.scan, run.mass_channel
        self.i = int(np.argmin(np.abs(scanned.masses - mass)))
        self.k = int(np.argmin(np.abs(np.log(scanned.lifetimes / ctau))))
        self.mass, self.ctau = float(scanned.masses[self.i]), float(scanned.lifetimes[self.k])
        self.channel = channel
        node = float(run.maps.nodes[int(np.argmin(np.abs(run.maps.nodes - self.mass)))])
        sample, columns = select_sample(run.channel, run.signal_tables[node], study.generated_ctau_cm, False)
        weights = sample.weights(self.ctau)
        self.probability = weights / weights.sum()
        product = run.channel.pair.product_mass
        there, here = float(reduced_mass(node, product)), float(reduced_mass(self.mass, product))
        scale = run.maps.sigma_at([self.mass])[0, self.k] / run.maps.sigma_at([node])[0, self.k]
        self.signal = here + scale * (columns["Mred"] - there)
        grid = (len(scanned.masses), len(scanned.lifetimes))
        self.low, self.high = (
            float(np.broadcast_to(edge, grid)[self.i, self.k]) for edge in (channel.window.low, channel.window.high)
        )
        tight = 0 if channel.selection is None else int(np.asarray(channel.selection)[self.i])
        self.density = run.densities[tight]
        self.shape = replace(
            channel.signal, parameters=channel.signal.parameters[self.i : self.i + 1, self.k : self.k + 1]
        )

    def generate(self, rng: np.random.Generator, truth: float, n: int) -> list[FloatArray]:
        """Masses of n experiments with `truth` expected signal events."""
        experiments = []
        for _ in range(n):
            background = self.density.draw(rng)
            rows = rng.choice(len(self.signal), size=int(rng.poisson(truth)), p=self.probability)
            masses = np.concatenate([background, self.signal[rows]])
            experiments.append(masses[(masses > self.low) & (masses < self.high)])
        return experiments

    def estimate(self, experiments: list[FloatArray]) -> Estimates:
        """Fitted signal events with their intervals."""
        n = len(experiments)
        rows = MassChannel(
            self.channel.name,
            replace(self.shape, parameters=np.broadcast_to(self.shape.parameters, (n, 1, 6)).copy()),
            replace(self.channel.window, low=np.full((n, 1), self.low), high=np.full((n, 1), self.high)),
            self.channel.background,
            data=experiments,
            selection=np.arange(n),
        )
        found = scan(np.full(n, self.mass) + 1e-9 * np.arange(n), [self.ctau], [rows], limits=False)
        value, status = found.value[:, 0], (found.status[:, 0] != 0).astype(np.int8)
        low, high = counting_interval(value, found.error[:, 0])
        return Estimates.of(value, low=low, high=high, status=status)

    def validate(self, experiments: int, seed: int, run: RunBlocks = map) -> Validation:
        """Bias, pulls, coverage and linearity."""
        name = f"yield {self.channel.name} {self.mass:.4g} {self.ctau:g}"
        return validate_estimator(
            self.generate, self.estimate, TRUE_EVENTS, experiments=experiments, seed=seed, name=name, block=256, run=run
        )
