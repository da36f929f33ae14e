"""Random fields with known crossings, and a small unbinned scan, for the tests of the global significance."""

import numpy as np

from toymc.kernels import kernel
from toymc.streams import stream


def rng(number):
    return stream(20260202, "significance", "test", number)


def smooth_root(n, step):
    """Matrix A with A A^T = exp(-d^2/4): a search for a Gaussian peak of width 1 in steps of `step`; rate^2 = 1/2."""
    d = step * np.arange(n)
    values, vectors = np.linalg.eigh(np.exp(-0.25 * (d[:, None] - d[None, :]) ** 2))
    return vectors * np.sqrt(np.maximum(values, 0.0))


def line_field(n, step):
    """Toys of q0 = max(Z, 0)^2 along one axis."""
    root = smooth_root(n, step)
    return lambda generator, toys: np.maximum(generator.standard_normal((toys, n)) @ root.T, 0.0) ** 2


def plane_field(n, m, step_n, step_m):
    """The same over two axes."""
    first, second = smooth_root(n, step_n), smooth_root(m, step_m)

    def draw(generator, toys):
        noise = generator.standard_normal((toys, n, m))
        return np.maximum(np.matmul(np.matmul(first, noise), second.T), 0.0) ** 2

    return draw


@kernel
def _scan_toy(x, masses, q0):
    """Unbinned extended fit at each mass: Gaussian of width 1 over a flat background of free size, x in [0, 60].

    With both yields free the total is the number of events, so the likelihood ratio has one parameter, the share f >= 0
    of the signal: q0 = 2 max sum ln(1 + f (r_i - 1)), r = density of signal over that of background; concave in f.
    """
    n = x.size
    length = 60.0
    for k in range(masses.size):
        f = 0.0
        low, high = 0.0, 1.0 - 1e-9
        for step in range(40):
            first, second = 0.0, 0.0
            far = 0
            for i in range(n):
                d = x[i] - masses[k]
                if d * d > 36.0:
                    far += 1
                    continue
                r = length * np.exp(-0.5 * d * d) / np.sqrt(2.0 * np.pi) - 1.0
                t = r / (1.0 + f * r)
                first += t
                second -= t * t
            t = -1.0 / (1.0 - f)
            first += far * t
            second -= far * t * t
            if step == 0 and first <= 0.0:
                break
            if first > 0.0:
                low = f
            else:
                high = f
            new = f - first / second
            if not low < new < high:
                new = 0.5 * (low + high)
            if abs(new - f) < 1e-7:
                f = new
                break
            f = new
        total, far = 0.0, 0
        if f > 0.0:
            for i in range(n):
                d = x[i] - masses[k]
                if d * d > 36.0:
                    far += 1
                else:
                    total += np.log1p(f * (length * np.exp(-0.5 * d * d) / np.sqrt(2.0 * np.pi) - 1.0))
            total += far * np.log1p(-f)
        q0[k] = max(2.0 * total, 0.0)


def unbinned_scan(expected, masses):
    """Background toys of the unbinned scan with a Poisson number of events."""

    def draw(generator, toys):
        q0 = np.empty((toys, masses.size))
        for i, n in enumerate(generator.poisson(expected, toys)):
            _scan_toy(generator.uniform(0.0, 60.0, n), masses, q0[i])
        return q0

    return draw
