"""Speed of the track covariance on one core (CPU time): exact calculation, table, smearing, building the table."""

import math
import time

import numpy as np

from toymc.constants import M_PI
from toymc.detector.covariance import covariance_tables, exact_covariance, smear_tracks, tracker
from toymc.detector.covariance.table import _build
from toymc.geometry import load_card
from toymc.streams import stream

N_EXACT, N_TABLE = 20_000, 400_000


def particles(n, rng, low, high, displaced=0.0):
    """Pions over the acceptance; `displaced`: flown this far (cm) at most."""
    cosine = rng.uniform(math.cos(math.radians(150.0)), math.cos(math.radians(17.0)), n)
    p, phi = np.exp(rng.uniform(math.log(low), math.log(high), n)), rng.uniform(-math.pi, math.pi, n)
    sine = np.sqrt(1.0 - cosine**2)
    way = np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)
    place = way * (displaced * rng.random(n))[:, None] + np.array([0.0, 0.0, 0.03]) * rng.normal(size=(n, 1))
    return np.hstack([place, p[:, None] * way])


def best(call, repeat=5):
    call()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main():
    rng = stream(1, "bench", "test", 0)
    print("track covariance, one core")
    for name in ("belle2", "belle2_run2", "belle"):
        card = load_card(name)
        tables, setup = covariance_tables(card), tracker(card)
        prompt, far = particles(N_EXACT, rng, 0.2, 4.0), particles(N_EXACT, rng, 0.2, 4.0, 60.0)
        many = particles(N_TABLE, rng, 0.2, 4.0)
        exact = best(lambda s=setup, x=prompt: exact_covariance(s, x, 1.0, M_PI)) / N_EXACT
        displaced = best(lambda s=setup, x=far: exact_covariance(s, x, 1.0, M_PI)) / N_EXACT
        table = best(lambda t=tables, x=many: smear_tracks(t, x, 1.0, M_PI, rng)) / N_TABLE
        start = time.process_time()
        _build(card, False)
        built = time.process_time() - start
        print(
            f"  {name:12s} exact {1e6 * exact:5.2f} us, displaced to 60 cm {1e6 * displaced:5.2f} us per track; "
            f"helix, table and smearing {1e9 * table:4.0f} ns; table built in {built:.1f} s"
        )


if __name__ == "__main__":
    main()
