"""Speed of the track covariance on one core (CPU time): exact calculation and its twin, table, smearing, building."""

import math
import time

import numpy as np

from tests.detector.covariance_twin import twin_rows
from toymc.constants import M_PI
from toymc.detector.covariance import covariance_tables, exact_covariance, smear_tracks, tracker
from toymc.detector.covariance.many import particle_columns
from toymc.detector.covariance.table import _build
from toymc.geometry import load_card
from toymc.streams import stream

N_TWIN, N_EXACT, N_TABLE = 500, 20_000, 400_000


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


def twin(setup, state):
    """Seconds per particle of the twin, without the inversion of its matrices."""
    columns = particle_columns(state[:N_TWIN], 1.0, M_PI, math.inf)
    infos, hits = np.zeros((N_TWIN, 5, 5)), np.zeros((N_TWIN, 3), dtype=np.int64)
    return best(lambda: twin_rows(columns, *setup, infos, hits)) / N_TWIN


def main():
    rng = stream(1, "bench", "test", 0)
    print("track covariance, one core, per track")
    for name in ("belle2", "belle2_run2", "belle"):
        card = load_card(name)
        tables, setup = covariance_tables(card), tracker(card)
        many = particles(N_TABLE, rng, 0.2, 4.0)
        for kind, displaced in (("prompt", 0.0), ("displaced to 60 cm", 60.0)):
            state = particles(N_EXACT, rng, 0.2, 4.0, displaced)
            exact = best(lambda s=setup, x=state: exact_covariance(s, x, 1.0, M_PI)) / N_EXACT
            slow = twin(setup, state)
            print(
                f"  {name:12s} {kind:18s} exact {1e6 * exact:5.2f} us, twin {1e6 * slow:6.1f} us ({slow / exact:.0f})"
            )
        table = best(lambda t=tables, x=many: smear_tracks(t, x, 1.0, M_PI, rng)) / N_TABLE
        built = best(lambda c=card: _build(c, False), 1)
        print(f"  {name:12s} helix, table and smearing {1e9 * table:4.0f} ns; table built in {built:.2f} s")


if __name__ == "__main__":
    main()
