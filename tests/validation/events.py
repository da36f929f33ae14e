"""Four-momentum and proper times of the events of every process."""

from collections.abc import Iterator

import numpy as np
from scipy import stats

from tests.generators import test_processes
from tests.generators.test_processes import CASES, ROUNDING, TOLERANCE
from tests.generators.test_tau_pair import _head_on
from tests.validation.rows import Row, of_shapes
from toymc import constants
from toymc.events import STATUS_DECAYED, STATUS_FINAL, EventBatch
from toymc.generators.displaced import proper_lengths
from toymc.generators.processes import PROCESSES, prepare
from toymc.streams import stream

SECTION = "Events of all processes"
HERE = "tests/generators/test_processes.py"
# of the particles whose lifetime is a parameter: PDG code, parameters
NEW = {
    "b_k_scalar": (54, {"channel": "kplus_mumu", "mass": 1.0, "ctau": 5.0, "other": "none"}),
    "tau_hnl": (9900012, {"mass": 1.0, "production": "pi", "decay": "mumu", "ctau": 7.5}),
    "tautau_scalar": (54, {"mass": 0.1, "decay": "ee", "ctau": 1.0}),
    "mumu_zprime": (32, {"mass": 1.0, "decay": "mumu", "ctau": 0.5}),
    "mumu_scalar": (54, {"mass": 1.0, "decay": "mumu", "ctau": 0.5}),
    "mumu_alp": (36, {"mass": 5.0, "decay": "tautau", "ctau": 0.5}),
}
INVENTED = {code for code, _ in NEW.values()}
_EVENTS = 20_000


def _imbalance(batch: EventBatch) -> float:
    """Largest difference of a component of the four-momentum at any vertex, over the energy (at least 1 GeV)."""
    absolute = batch.offsets[batch.event_index] + batch.mother
    has = batch.mother >= 0
    vertices = np.bincount(absolute[has], minlength=batch.n_particles) > 0
    worst = 0.0
    for values in (batch.px, batch.py, batch.pz, batch.energy):
        total = np.bincount(absolute[has], values[has], batch.n_particles)
        worst = max(worst, float((np.abs(total - values) / np.maximum(batch.energy, 1.0))[vertices].max(initial=0.0)))
    return worst


def _lifetimes(batch: EventBatch) -> dict[str, float]:
    """Kolmogorov probability of the proper decay lengths of each known species with at least 200 decays."""
    found = {}
    for code in np.unique(np.abs(batch.pdg[batch.status == STATUS_DECAYED])):
        if code in INVENTED or not 1e-4 < constants.ctau_cm(int(code)) < 1e4:
            continue
        _, flown = proper_lengths(batch, int(code))
        if len(flown) >= 200:
            found[str(code)] = float(stats.kstest(flown / constants.ctau_cm(int(code)), "expon").pvalue)
    return found


def conservation() -> Iterator[Row]:
    """Every variant of every process: the largest violation at any vertex."""
    for name in PROCESSES:
        variants = [variant for case, variant in CASES if case == name]
        worst = max(_imbalance(test_processes._batch(name, variant, seed=11)[1]) for variant in variants)
        allowed = TOLERANCE.get(name, ROUNDING)
        yield Row(
            SECTION, f"`{name}`: largest |Δp|/E at any vertex, {len(variants)} variants", f"{worst:.1g}",
            "0" if name not in TOLERANCE else "0, numbers of Pythia to 6 digits", "conservation",
            f"{HERE}::test_four_momentum_and_charge_at_every_vertex",
            f"{test_processes.EVENTS.get(name, 6000):,} events each",
            deviation=worst, allowed=allowed,
        )  # fmt: skip


def proper_times() -> Iterator[Row]:
    """Exponentials: what has a lifetime of its own, and new particles with the one asked for."""
    for name, values in (
        ("tau_pair", {}), ("b_k_scalar", {"channel": "kstar_mumu"}), ("b_generic", {}), ("tau_hnl", {}),
        ("mumu_alp", {"mass": 5.0, "decay": "tautau", "ctau": 0.0}), ("ee_ll", {"final": "eetautau"}),
    ):  # fmt: skip
        batch = prepare(name, values).generate(stream(12, name, "test", 0), _EVENTS)
        found = _lifetimes(batch)
        yield of_shapes(
            SECTION, f"`{name}`: proper decay lengths of {', '.join(found)}", found, "exponential",
            "PDG lifetimes (`particle`)", f"{HERE}::test_lifetimes", f"{_EVENTS:,} events",
        )  # fmt: skip
    for name, (code, values) in NEW.items():
        batch = prepare(name, values).generate(stream(13, name, "test", 0), _EVENTS)
        flown = proper_lengths(batch, code)[1] / float(str(values["ctau"]))
        yield of_shapes(
            SECTION, f"`{name}`: proper decay length of the new particle, cτ = {values['ctau']} cm",
            {str(code): float(stats.kstest(flown, "expon").pvalue)}, "exponential", "definition",
            f"{HERE}::test_lifetimes", f"{_EVENTS:,} events",
        )  # fmt: skip


def sum_of_all() -> Iterator[Row]:
    """Final particles of an event against head-on beams without spread."""
    cases = (
        ("tau_pair", {}), ("tau_hnl", {}), ("mumu_zprime", {}), ("tautau_scalar", {"mass": 1.0}), ("mumu_gamma", {}),
        ("ee_gamma", {}), ("ee_ll", {"final": "mumutautau"}), ("ee_hadrons", {"final": "pipi_gamma"}),
    )  # fmt: skip
    for name, values in cases:
        beam = _head_on()
        batch = prepare(name, values, beam).generate(stream(14, name, "test", 0), _EVENTS)
        final = batch.status == STATUS_FINAL
        worst = 0.0
        for key, expected in (("px", 0.0), ("py", 0.0), ("pz", 0.0), ("energy", beam.sqrt_s)):
            total = np.bincount(batch.event_index[final], getattr(batch, key)[final])
            worst = max(worst, float(np.abs(total - expected).max()) / beam.sqrt_s)
        yield Row(
            SECTION, f"`{name}`: largest |p(final) − p(beams)|/√s", f"{worst:.1g}", "0", "conservation",
            f"{HERE}::test_event_has_the_four_momentum_of_the_beams", f"{_EVENTS:,} events", deviation=worst,
            allowed=1e-11,
        )  # fmt: skip


MEASUREMENTS = (conservation, sum_of_all, proper_times)
