"""What makes the width of the mass peak: lengths and directions of the momenta, each taken from the truth in turn.

With E = p + m^2/(2p) the reduced mass of two particles of mass m with momenta p1, p2 and an opening angle t is

    M_red^2 = M^2 - 4 m^2 = p1 p2 t^2 + m^2 (p1 - p2)^2/(p1 p2)

for small t, so dM_red = (p1 p2 t/M_red) dt: near the threshold, where t is small, directions rule, and with them the
scattering in the layers that lie between the vertex and the first lever arm. Limits of validity: none for the numbers
themselves, they are made with exact kinematics from candidates of the full chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from toymc.analysis.b_candidates import PairChannel, b_candidates, reduced_mass
from toymc.analysis.b_candidates.truth import true_rows
from toymc.analysis.candidates import best_candidate
from toymc.analysis.selection import Selection
from toymc.detector import Detector, build_detector, simulate
from toymc.detector.vertex import VertexFit, beam_spot, fit_pairs, start_radii
from toymc.events import Reconstruction
from toymc.generators.processes import PreparedProcess, prepare
from toymc.geometry import load_card
from toymc.geometry.beam import BeamCard, load_beam
from toymc.inference.unbinned.simulation import fit_crystal_ball
from toymc.production.chunks import Chunk, ProgressFactory, map_chunks, plan_chunks
from toymc.production.compute import RunOptions
from toymc.production.scan.tables import weigh
from toymc.report.result import Estimator
from toymc.streams import stream
from toymc.studies.scan_study import ScanChannel, ScanStudy

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PARTS = ("all", "lengths of the momenta", "directions")
"""What is measured; the rest is the truth."""
_LEAST_EVENTS = 2000


@dataclass(frozen=True, eq=False)
class PeakWidth:
    """Candidates of one mass and lifetime.

    Attributes
    ----------
    mass, ctau : float
        GeV and cm.
    residual : float64 (3, n)
        Reduced mass minus the true one for each of `PARTS`, GeV.
    weight : float64 (n,)
    radius : float64 (n,)
        True distance of the vertex from the beam, cm.
    per_reduced : float
        dM/dM_red = M_red/M.
    """

    mass: float
    ctau: float
    residual: FloatArray
    weight: FloatArray
    radius: FloatArray
    per_reduced: float

    def sigma(self, part: int) -> tuple[float, float]:
        """Core width of the mass in GeV with its error, one of `PARTS` measured."""
        fit = fit_crystal_ball(self.residual[part], self.weight)
        return self.per_reduced * fit.sigma, self.per_reduced * fit.sigma_error


def fit_chosen(
    reco: Reconstruction, detector: Detector, pair: PairChannel, first: IntArray, second: IntArray
) -> VertexFit:
    """Vertices of chosen pairs of tracks, fitted as candidates are."""
    rows = np.stack([first, second], axis=1)
    return fit_pairs(
        reco, first, second, [pair.product_mass] * 2, detector.card.field.solenoid_tesla.value,
        origin=beam_spot(detector.card), radii=start_radii(reco.tracks, detector.card)[rows],
    )  # fmt: skip


def _reduced(momenta: FloatArray, product_mass: float) -> FloatArray:
    """Reduced mass of pairs of momenta (n, 2, 3)."""
    energy = np.sqrt((momenta**2).sum(axis=2) + product_mass**2).sum(axis=1)
    square = energy**2 - (momenta.sum(axis=1) ** 2).sum(axis=1)
    return reduced_mass(np.sqrt(np.maximum(square, 0.0)), product_mass)


def _task(
    channel: ScanChannel, process: PreparedProcess, detector: Detector, beam: BeamCard, name: str, seed: int,
    chunk: Chunk,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    truth = process.generate(stream(seed, name, "generate", chunk.index), chunk.n_events, chunk.first_event)
    reco = simulate(truth, detector, stream(seed, name, "simulate", chunk.index))
    table = b_candidates(reco, detector, channel.pair, beam.boost, beam.sqrt_s)
    chosen = channel.selection
    for cut in (*chosen.common.values(), *chosen.box.values(), chosen.displacement):
        mask = Selection(cut).mask(table)
        table = {key: column[mask] for key, column in table.items()}
    keep = best_candidate(table, chosen.best) & (table["isSignal"] > 0.0)
    table = {key: column[keep] for key, column in table.items()}
    weigh(table, channel, detector)
    rows = [table["x1_row"], table["x2_row"]]
    measured = fit_chosen(reco, detector, channel.pair, *rows).momenta
    particles = np.stack([true_rows(reco, table["event"], row) for row in rows], axis=1)
    t = reco.truth
    true = np.stack([t.px[particles], t.py[particles], t.pz[particles]], axis=2)
    ratio = np.sqrt((measured**2).sum(axis=2) / (true**2).sum(axis=2))[..., None]
    mine = [_reduced(p, channel.pair.product_mass) for p in (measured, ratio * true, measured / ratio, true)]
    residual = np.stack(mine[:3]) - mine[3]
    weight = table["triggerWeight"] * table["identification"]
    return residual, weight, np.hypot(t.x[particles[:, 0]], t.y[particles[:, 0]])


def peak_width(
    study: ScanStudy, channel: ScanChannel, mass: float, ctau: float, options: RunOptions,
    progress: ProgressFactory | None = None,
) -> PeakWidth:  # fmt: skip
    """Candidates of one mass and lifetime through the chain of the search, with their truth.

    Parameters
    ----------
    study : ScanStudy
    channel : ScanChannel
        Without recovery of radiated photons, which have no place in the decomposition.
    mass, ctau : float
        GeV and cm.
    options : RunOptions
    progress : callable, optional

    Returns
    -------
    PeakWidth

    Raises
    ------
    InputError
        For a mass that the decay does not reach, or a lifetime that is not positive.
    """
    detector, beam = build_detector(load_card(study.card)), load_beam(study.card)
    name = f"width_{channel.name}_{mass:g}_{ctau:g}"
    prepared = prepare(
        channel.process, {**channel.parameters, "mass": mass, "ctau": ctau}, beam, options.seed
    )  # fmt: skip
    events = max(_LEAST_EVENTS, round(2 * study.signal_events * options.scale))
    task = partial(_task, channel, prepared, detector, beam, name, options.seed)
    notify = None if progress is None else progress(f"width at {mass:g} GeV, {ctau:g} cm")
    parts = list(map_chunks(task, plan_chunks(events), options.workers, "local", notify))
    residual, weight, radius = (np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))
    reduced = float(reduced_mass(mass, channel.pair.product_mass))
    return PeakWidth(mass, ctau, residual, weight, radius, reduced / mass)


def width_estimators(channel: ScanChannel, widths: Sequence[PeakWidth]) -> list[Estimator]:
    """Core widths in MeV as rows of a result, one for each of `PARTS`."""
    rows = []
    for width in widths:
        for k, part in enumerate(PARTS):
            value, error = width.sigma(k)
            rows.append(
                Estimator(
                    name=f"mass resolution (MeV), measured: {part}", value=1e3 * value, error=1e3 * error,
                    parameters={"channel": channel.name, "mass_GeV": width.mass, "ctau_cm": width.ctau},
                )
            )  # fmt: skip
    return rows
