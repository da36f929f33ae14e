"""Where the time of the detector goes: nanoseconds per tau-pair event of every step, on one core.

Each step is called from Python here, block by block, five times each and the quickest counts: caches are warm and the
processor has seen the jumps before. What an empty call takes is subtracted. The whole in one call is
`detector` in `bench_chain`: there the steps follow each other with warm caches.
"""

import time

import numpy as np

from toymc.detector import build_detector, simulate
from toymc.detector.stage import block as stage
from toymc.detector.stage import columns as names
from toymc.detector.transport import transport
from toymc.detector.trigger import fire_trigger
from toymc.generators.processes import prepare
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.lane_random import _seeded
from toymc.production.memory import keep_memory
from toymc.streams import stream

EVENTS, REPEAT, BLOCKS = 8192, 5, 24
SAMPLES = {"all modes": {}, "one prong x three prong": {"decay": "one_prong", "tag": "three_prong"}}
_COLUMNS = ("pdg", "status", "mother", "px", "py", "pz", "mass", "x", "y", "z")


def best(call, *arguments):
    """Shortest of a few calls (ns of CPU time), and what the last returned."""
    times = []
    for _ in range(REPEAT):
        start = time.process_time_ns()
        result = call(*arguments)
        times.append(time.process_time_ns() - start)
    return min(times), result


class Steps:
    """Scratch of a block, the tables of a card and the sums of times."""

    def __init__(self, detector, batch, rng):
        self.detector, self.rng = detector, rng
        seen = transport(batch, detector.transport, rng)
        self.truth, self.fate, self.end_arc = seen.batch, seen.fate, seen.end_arc
        self.record = [np.ascontiguousarray(getattr(self.truth, name)) for name in _COLUMNS]
        self.skip = np.zeros(self.truth.n_particles, dtype=np.uint8)
        room = 8 * 513
        self.charged, self.integers = np.empty((names.N_CHARGED, room)), np.empty(
            (names.N_CHARGED_INTEGERS, room), dtype=np.int64
        )
        self.photons, self.truth_rows = np.empty((names.N_PHOTON, 9 * room)), np.empty(9 * room, dtype=np.int64)
        self.electrons, self.asked = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        self.lines, self.line_at = np.empty((room, names.N_LINE), dtype=np.int64), np.empty(EVENTS + 1, dtype=np.int64)
        self.photon_at, self.busy = np.empty(EVENTS + 1, dtype=np.int64), np.empty(room, dtype=np.int64)
        self.found, self.factor = np.empty((names.N_FOUND, room)), np.zeros((room, 16))
        self.states, self.results = np.empty((9, room)), np.empty((room, 15))
        self.hits, self.work = np.empty((room, 3), dtype=np.int64), np.empty(stage.MANY_WORK)
        self.emitted, self.made = np.empty((stage.MAX_BREMS, 4)), np.empty((stage.MAX_BREMS, 8))
        self.draws = _seeded(rng)
        self.offsets = np.empty((3, EVENTS + 1), dtype=np.int64)
        self.track_f, self.track_i = np.empty((10, room)), np.empty((9, room), dtype=np.int32)
        self.track_cov = np.empty((room, 15))
        self.cluster_f, self.cluster_i = np.empty((6, 2 * room)), np.empty((4, 2 * room), dtype=np.int32)
        self.cluster_cov, self.klm_f = np.empty((2 * room, 3)), np.empty((2, room))
        self.klm_i, self.fakes = np.empty((2, room), dtype=np.int32), [np.empty((8, 5)), np.empty((8, 5))]
        self.fakes += [np.empty(8, dtype=np.int32), np.zeros(15)]
        self.spent, self.counts = {}, {}

    def time(self, name, call, full, empty):
        """Add the time of `call(*full)` less that of `call(*empty)`; return what the first gave."""
        spent, result = best(call, *full)
        self.spent[name] = self.spent.get(name, 0) + spent - best(call, *empty)[0]
        return result

    def listed(self, start):
        def call(first):
            self.skip[:] = 0
            return stage._list_block(
                first, self.truth.offsets, *self.record, self.fate, self.end_arc, self.skip, self.charged,
                self.integers, self.photons, self.truth_rows, self.electrons, self.lines, self.line_at,
                self.photon_at,
            )  # fmt: skip

        return self.time("listing", call, (start,), (self.truth.n_events,))

    def run_block(self, start):
        """All steps on the block that begins with event `start`; the first event behind it."""
        stop, charged, photons, electrons, lines = self.listed(start)
        d, rng, c, draws = self.detector, self.rng, self.charged, self.draws
        finding, kinks, _, table = d.finding
        efficiency, columns = table.reshape(-1), table.shape[1]
        reals, places, values, surfaces = d.covariance
        en, regions, sigma, response, scale, outer, shells, hadrons, visible, ionisation, _ = d.calorimeter
        flat = [a.reshape(-1) for a in (regions, sigma, response, scale)]
        full = stage._padded(c, charged)
        to_draw = c[names.DRAW].copy()

        def helices(n):
            c[names.DRAW] = to_draw
            stage._helices(draws, n, c, d.field, finding, efficiency, columns)

        self.time("helices", helices, (full,), (0,))
        helices(full)
        self.time("place in the table", lambda n: stage._placed(n, c, self.integers, reals, places, values),
                  (full,), (0,))  # fmt: skip
        asked = self.time(
            "covariance from the table",
            lambda n: stage._tabulated(n, c, self.integers, values, places, self.factor.reshape(-1), self.asked),
            (charged,), (0,),
        )  # fmt: skip
        self.time(
            "covariance calculated",
            lambda n: stage._calculated(
                n, self.asked, c, self.factor, self.states, self.results, self.hits, reals, surfaces, self.work
            ), (asked,), (0,),
        )  # fmt: skip
        keep = c.copy()

        def radiate(n):
            c[:] = keep
            return stage._radiation(
                rng, n, self.electrons, c, self.integers, self.photons, self.truth_rows, photons, self.emitted,
                self.made, en, shells, d.fit.numbers, d.fit.response,
            )  # fmt: skip

        photons = self.time("radiation", radiate, (electrons,), (0,))
        self.time("who is found: chances",
                  lambda n: stage._chances(n, c, d.field, finding, efficiency, columns), (full,), (0,))  # fmt: skip
        self.time(
            "crystals: charged",
            lambda n: stage._charged_measured(
                draws, n, c, en, *flat, outer, hadrons.reshape(-1), visible, ionisation.reshape(-1)
            ), (full,), (0,),
        )  # fmt: skip
        found = self.time("who is found: decays in flight",
                          lambda n: stage._found(rng, n, self.lines, self.busy, self.fate, c, self.integers, kinks,
                                                 self.found),
                          (lines,), (0,))  # fmt: skip
        reach = d.klm.reach
        self.time(
            "helices measured",
            lambda n: stage._measured_helices(
                draws, n, self.found, c, self.factor.reshape(-1), d.field, d.klm.numbers, reach.reshape(-1),
                reach.shape[1],
            ), (stage._padded(self.found, found),), (0,),
        )  # fmt: skip
        self.time("crystals: photons", lambda n: stage._photons_measured(draws, n, self.photons, en, *flat, outer),
                  (stage._padded(self.photons, photons),), (0,))  # fmt: skip
        self.write(start, stop, d, rng)
        for name, n in (("charged", charged), ("photons", photons), ("electrons", electrons), ("calculated", asked),
                        ("tracks", found)):  # fmt: skip
            self.counts[name] = self.counts.get(name, 0) + n
        return stop

    def write(self, start, stop, d, rng):
        """Clusters and tracks of the block, into memory that is warm."""
        en, regions, sigma, _, _, _, _, hadrons, visible, _, background = d.calorimeter
        finding, _, spurious, _ = d.finding
        klm, reach, cumulative, neutral, _, _ = d.klm
        found, zero = self.found, np.int64(0)
        self.time(
            "clusters and their merging",
            lambda end: stage._cluster_block(
                rng, start, end, self.truth.offsets, self.line_at, self.photon_at, self.busy, self.lines,
                self.record[0], *self.record[3:], self.fate, self.charged, self.integers, self.photons,
                self.truth_rows, found[names.M_VX : names.M_VZ + 1], found[names.M_ENERGY], klm, neutral, en,
                regions.reshape(-1), sigma.reshape(-1), hadrons.reshape(-1), visible, background, self.offsets[1],
                self.cluster_f, self.cluster_cov, self.cluster_i, zero, self.offsets[2], self.klm_f, self.klm_i, zero,
            ), (stop,), (start,),
        )  # fmt: skip
        self.time(
            "rows of tracks",
            lambda end: stage._track_block(
                rng, self.draws, start, end, self.line_at, self.lines, self.fate, d.field, self.charged, self.integers,
                found, self.factor, finding, spurious, klm, reach.reshape(-1), reach.shape[1], cumulative.reshape(-1),
                *self.fakes, self.offsets[0], self.track_f, self.track_cov, self.track_i, zero,
            ), (stop,), (start,),
        )  # fmt: skip


def main() -> None:
    """Print the tables."""
    keep_memory()  # as every production does
    beam, detector = load_beam("belle2"), build_detector(load_card("belle2"))
    for title, options in SAMPLES.items():
        batch = prepare("tau_pair", options, beam).generate(stream(1, "bench", "generate", 0), EVENTS, 0)
        rng = stream(1, "bench", "simulate", 0)
        whole, reco = best(simulate, batch, detector, rng)
        carried = best(transport, batch, detector.transport, rng)[0]
        fired = best(fire_trigger, detector.trigger, reco.tracks, reco.clusters, rng)[0]
        steps = Steps(detector, batch, rng)
        steps.run_block(0)
        steps.spent, steps.counts, events = {}, {}, 0
        for _ in range(BLOCKS):
            events = steps.run_block(events)
        print(f"{title}: " + ", ".join(f"{v / events:.2f} {k}" for k, v in steps.counts.items()) + " per event")
        rows = {name: spent / events for name, spent in steps.spent.items()}
        rows["transport"], rows["trigger"] = carried / EVENTS, fired / EVENTS
        rows["cold memory, numbers for PID, the rest"] = whole / EVENTS - sum(rows.values())
        for name, ns in rows.items():
            print(f"  {name:40s} {ns:7.0f} ns  {100 * ns * EVENTS / whole:4.0f} %")
        print(f"  {'detector':40s} {whole / EVENTS:7.0f} ns  {1e6 * EVENTS / whole:,.0f} k events/s")


if __name__ == "__main__":
    main()
