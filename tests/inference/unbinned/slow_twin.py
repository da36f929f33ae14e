"""The slow, obvious twin: shapes from numba-stats, every fit by iminuit, every root by bisection."""

import math
import warnings

import numpy as np
from iminuit import Minuit
from numba_stats import bernstein, crystalball_ex, norm, voigt
from scipy.optimize import brentq
from scipy.special import ndtr


def signal_density(x, low, high, kind, *p):
    """Normalised in the window by the cdf (Voigt: by a fine sum, numba-stats has no cdf)."""
    x = np.asarray(x, dtype=float)
    if kind == "crystal_ball":
        mean, sigma, a_low, n_low, a_high, n_high = p
        order = (a_low, n_low, sigma, a_high, n_high, sigma, mean)
        ends = crystalball_ex.cdf(np.array([low, high]), *order)
        return crystalball_ex.pdf(x, *order) / (ends[1] - ends[0])
    if kind == "gaussian":
        ends = norm.cdf(np.array([low, high]), *p)
        return norm.pdf(x, *p) / (ends[1] - ends[0])
    mean, sigma, width = p
    grid = np.linspace(low, high, 20_001)
    total = np.trapezoid(voigt.pdf(grid, 0.5 * width, mean, sigma), grid)
    return voigt.pdf(x, 0.5 * width, mean, sigma) / total


def background_density(x, low, high, family, b):
    """Events per GeV of the background parameters `b`, as the result of a scan gives them."""
    x = np.asarray(x, dtype=float)
    if family == "exponential":
        t = 2.0 * (x - low) / (high - low) - 1.0
        return math.exp(b[0]) / (high - low) * np.exp(sum(c * t ** (k + 1) for k, c in enumerate(b[1:])))
    return bernstein.density(x, np.asarray(b) * len(b) / (high - low), low, high)


class SlowWindow:
    """Extended likelihood of one window; `weights` for Asimov data; `resolution` a log-normal error of sigma."""

    def __init__(
        self, x, low, high, signal, degree=1, family="polynomial", weights=None, efficiency=0.0, resolution=0.0
    ):
        inside = (x >= low) & (x <= high)
        self.x = np.asarray(x, dtype=float)[inside]
        self.w = np.ones(self.x.size) if weights is None else np.asarray(weights)[inside]
        self.low, self.high, self.signal, self.degree, self.family = low, high, signal, degree, family
        self.efficiency, self.resolution = efficiency, resolution
        grid = np.linspace(low, high, 4_001)
        self.grid = 0.5 * (grid[1:] + grid[:-1])
        self.s = signal_density(self.x, low, high, *signal)

    def background_total(self, b):
        if self.family == "exponential":
            density = background_density(self.grid, self.low, self.high, self.family, b)
            return float(density.mean()) * (self.high - self.low)
        return float(np.sum(b))

    def nll(self, theta):
        """theta: mu, eta_efficiency, eta_resolution, background."""
        mu, e, r = theta[:3]
        signal, s = mu * math.exp(self.efficiency * e), self.s
        if self.resolution > 0.0:
            kind, mean, sigma, *rest = self.signal
            s = signal_density(self.x, self.low, self.high, kind, mean, sigma * math.exp(self.resolution * r), *rest)
        rate = signal * s + background_density(self.x, self.low, self.high, self.family, theta[3:])
        with np.errstate(divide="ignore"):
            return signal + self.background_total(theta[3:]) - float(self.w @ np.log(rate)) + 0.5 * (e * e + r * r)

    def fit(self, mu=None, start=None):
        """(nll, theta) with mu fixed, or free and not negative."""
        n = self.degree + 1
        total = max(float(self.w.sum()), 0.5)
        if start is None:
            b = [math.log(total)] + [0.0] * self.degree if self.family == "exponential" else [total / n] * n
            start = [0.1 if mu is None else mu, 0.0, 0.0, *b]
        minuit = Minuit(lambda theta: self.nll(theta), np.array(start, dtype=float))
        minuit.errordef, minuit.tol, minuit.strategy, minuit.print_level = 0.5, 1e-4, 1, 0
        minuit.limits[0] = (0.0, None)
        minuit.fixed[0] = mu is not None
        minuit.fixed[1], minuit.fixed[2] = self.efficiency == 0.0, self.resolution == 0.0
        for k in range(n):
            minuit.limits[3 + k] = (-30.0, 30.0) if self.family == "exponential" else (0.0, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minuit.migrad(ncall=20_000)
        return float(minuit.fval), np.array(minuit.values)

    def asimov(self, theta):
        """Fine bins filled with the background of `theta`."""
        weights = background_density(self.grid, self.low, self.high, self.family, theta[3:])
        weights *= (self.high - self.low) / self.grid.size
        return SlowWindow(self.grid, self.low, self.high, self.signal, self.degree, self.family, weights,
                          self.efficiency, self.resolution)  # fmt: skip

    def limits(self, cl=0.95):
        """(observed, median expected, q0, mu_hat), asymptotic."""
        nll_hat, best = self.fit()
        nll_0, at_zero = self.fit(0.0)
        if nll_0 < nll_hat:
            nll_hat, best = nll_0, at_zero
        asimov = self.asimov(at_zero)
        offset = asimov.fit(0.0, at_zero)[0]

        def q_asimov(mu):
            return max(2.0 * (asimov.fit(mu, [mu, *at_zero[1:]])[0] - offset), 0.0)

        def cls_of(q, qa):
            root_q, root_a = math.sqrt(q), math.sqrt(qa)
            if q <= qa:
                return ndtr(-root_q) / ndtr(root_a - root_q)
            return ndtr(-0.5 * (q + qa) / root_a) / ndtr(-0.5 * (q - qa) / root_a)

        def observed(mu):
            return cls_of(max(2.0 * (self.fit(mu, [mu, *best[1:]])[0] - nll_hat), 0.0), q_asimov(mu)) - (1.0 - cl)

        target = -math.sqrt(2.0) * _inverse_erf(1.0 - cl)
        high = 4.0 + 6.0 * math.sqrt(self.w.sum() + 1.0) + best[0]
        median = brentq(lambda mu: math.sqrt(q_asimov(mu)) - target, 0.05, high, xtol=3e-4)
        return brentq(observed, best[0] + 0.05, high, xtol=3e-4), median, 2.0 * (nll_0 - nll_hat), best[0]


def _inverse_erf(alpha):
    """Phi^-1(alpha/2) / sqrt 2."""
    from scipy.special import ndtri

    return ndtri(0.5 * alpha) / math.sqrt(2.0)
