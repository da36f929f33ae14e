"""pyhf's own 95 % limits of the comparison workspaces: `python -m tests.inference.pyhf_limits` writes pyhf_limits.json.

For each of the six limits pyhf's CLs is asked 0.7 % below and above our limit (further out if it does not bracket), and
its limit is the log-linear interpolation between them, good to 1e-4 in mu. It takes half a minute.
"""

import json
import math
import sys
import time
from pathlib import Path

import pyhf

from tests.inference.own_workspaces import RECIPES, own_model
from tests.inference.public_workspaces import PUBLIC
from toymc.inference import Model, upper_limit

FILE = Path(__file__).with_name("pyhf_limits.json")
ALPHA = 0.05
# pyhf ends in the upper of two minima: the free fit has 2 nll = 30.80 instead of 29.33, so its observed CLs is too
# large; the Asimov fit below mu = 0.36 as well, so its -2 sigma limit is too low. Indices of those limits:
WRONG_MINIMUM = {"2bin_2channel_coupledhisto": (0, 1)}
NAMES = [*PUBLIC, *(f"own_{number}" for number in range(len(RECIPES)))]


def comparison_model(name):
    """Our model and pyhf's workspace of the same name."""
    if name in PUBLIC:
        return Model.from_pyhf(PUBLIC[name]), PUBLIC[name]
    model = own_model(int(name.removeprefix("own_")))
    return model, model.to_pyhf()


class PyhfCls:
    """pyhf's CLs, observed and five bands, at given mu."""

    def __init__(self, spec, highest):
        workspace = pyhf.Workspace(spec)
        self.model = workspace.model()
        # pyhf with MINUIT fails where nothing is left to fit at fixed mu
        self.optimiser = "minuit" if self.model.config.npars > 1 else "scipy"
        self.data = workspace.data(self.model)
        self.bounds = self.model.config.suggested_bounds()
        self.bounds[self.model.config.poi_index] = (0.0, max(10.0, 5.0 * highest))
        self.known = {}

    def __call__(self, mu):
        if mu not in self.known:
            pyhf.set_backend("numpy", self.optimiser)
            observed, bands = pyhf.infer.hypotest(
                mu, self.data, self.model, par_bounds=self.bounds, return_expected_set=True
            )
            self.known[mu] = [float(observed), *(float(band) for band in bands)]
        return self.known[mu]


def pyhf_limit(cls, index, near):
    """The limit where pyhf's CLs[index] is ALPHA, looked for around `near`."""
    width = 0.007
    for _ in range(6):
        low, high = near * (1.0 - width), near * (1.0 + width)
        above, below = (math.log(cls(mu)[index] / ALPHA) for mu in (low, high))
        if above > 0.0 > below:
            return low + (high - low) * above / (above - below)
        width *= 2.0
    raise AssertionError(f"pyhf's CLs does not cross {ALPHA} within {100 * width:.0f} % of {near}")


def limits(name):
    """pyhf's six limits of one workspace."""
    model, spec = comparison_model(name)
    ours = upper_limit(model, cl=1.0 - ALPHA)
    cls = PyhfCls(spec, max(ours.expected[-1], ours.observed))
    values = [ours.observed, *ours.expected]
    left_out = WRONG_MINIMUM.get(name, ())
    return [None if i in left_out else pyhf_limit(cls, i, mu) for i, mu in enumerate(values)], values


def main():
    """Compute all, or those that are named, and keep the rest of the file."""
    table = json.loads(FILE.read_text()) if FILE.exists() else {"pyhf": pyhf.__version__, "cl": 0.95, "limits": {}}
    for name in sys.argv[1:] or [name for name in NAMES if name not in table["limits"]]:
        start = time.process_time()
        theirs, ours = limits(name)
        table["limits"][name] = [None if value is None else float(f"{value:.6g}") for value in theirs]
        worst = max(abs(a / b - 1.0) for a, b in zip(ours, theirs, strict=True) if b is not None)
        print(f"{name:34s} {time.process_time() - start:8.1f} s   largest difference {worst:.1e}", flush=True)
        FILE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
