"""The package `phasespace` (TensorFlow) on one core, for the benchmarks that stand beside it.

It makes decay chains by phase space in the rest frame of the mother: no matrix element, beams, radiation, lifetimes or
vertices, nor the rest of the event. Weighted: rates are times mean over largest weight, as unweighting would leave.
"""

import time
from typing import Any

from toymc.constants import M_MU

INSTALL = "phasespace is not installed: pip install 'toymc[bench]' (brings TensorFlow)"
EVENTS = 100_000
REPETITIONS = 5


def phasespace_module() -> Any | None:
    """The package with TensorFlow held to one thread, None if it is not installed."""
    try:
        import phasespace
        import tensorflow
    except ImportError:
        return None
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(1)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass  # it has started already, in this mode
    return phasespace


def _rate(decay: Any) -> float:
    """Unweighted events per second of processor time, the best of several after one that compiles."""
    decay.generate(n_events=EVENTS)
    times = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        weights, _ = decay.generate(n_events=EVENTS)
        times.append(time.process_time() - start)
    values = weights.numpy()
    return float(EVENTS * values.mean() / values.max() / min(times))


def leptons_and_boson_rate(sqrt_s: float = 10.58, mass: float = 1.0) -> float | None:
    """Three bodies mu mu X; None if not installed."""
    module = phasespace_module()
    return None if module is None else _rate(module.nbody_decay(sqrt_s, [M_MU, M_MU, mass]))


def b_to_k_scalar_rate(mass: float = 0.5) -> float | None:
    """B -> K S, S -> mu mu; None if not installed."""
    module = phasespace_module()
    if module is None:
        return None
    particle = module.GenParticle
    scalar = particle("S", mass).set_children(particle("mu-", M_MU), particle("mu+", M_MU))
    return _rate(particle("B+", 5.27941).set_children(particle("K+", 0.493677), scalar))
