"""Control decay of a displaced search: B+ -> K_S pi+, K_S -> pi+ pi-, through the candidate code of the search itself.

Vertices of K_S lie where those of the signal lie, and how far a K_S flew is known: resolution, pulls and efficiency
against the true distance from the interaction point across the beam, the mass peak, and the yield that data would hold
(the mode has a measured branching fraction). Efficiency is that of finding both tracks, the vertex and the prompt pion
and of the box in (M_bc, Delta E), without identification and trigger; the yield has both as weights.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from toymc.analysis.b_candidates import b_candidates
from toymc.analysis.b_candidates.truth import mother_rows, true_rows
from toymc.analysis.candidates import best_candidate
from toymc.analysis.selection import Selection
from toymc.constants import mass as mass_of
from toymc.detector import Detector, build_detector, identification_probability, simulate
from toymc.detector.vertex import beam_spot
from toymc.events import EventBatch, Reconstruction
from toymc.generators.processes import PreparedProcess, prepare
from toymc.geometry import load_card
from toymc.geometry.beam import BeamCard, load_beam
from toymc.inference.unbinned.simulation import CrystalBallFit, fit_crystal_ball
from toymc.production.chunks import Chunk, ProgressFactory, map_chunks, plan_chunks
from toymc.production.compute import RunOptions
from toymc.production.scan.resolution import fit_chosen
from toymc.report.result import Estimator
from toymc.streams import stream
from toymc.studies.scan_study import ControlMode, ScanStudy

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FLIGHT_EDGES_CM: FloatArray = np.array([0.05, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0])
_LEAST_EVENTS = 1000
_LEAST_IN_BIN = 20


@dataclass(frozen=True, eq=False)
class ControlSample:
    """Decays of a control mode and what was found of them.

    Attributes
    ----------
    made : float64 (n_decays,)
        True distance of every decay into two charged tracks, cm across the beam.
    flight, residual, error : float64 (n_found,)
        True distance, measured minus true position along the flight, its error; cm.
    mass : float64 (n_found,)
        GeV.
    events : float
        Candidates expected in data.
    events_error : float
        Statistical error of the simulation.
    true_mass : float
    """

    made: FloatArray
    flight: FloatArray
    residual: FloatArray
    error: FloatArray
    mass: FloatArray
    events: float
    events_error: float
    true_mass: float

    def efficiency(self) -> tuple[FloatArray, FloatArray]:
        """Found over made in `FLIGHT_EDGES_CM`, and its binomial error; NaN where nothing was made."""
        made = np.histogram(self.made, FLIGHT_EDGES_CM)[0].astype(np.float64)
        found = np.histogram(self.flight, FLIGHT_EDGES_CM)[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            value = found / made
            return value, np.sqrt(np.maximum(value * (1.0 - value), 1.0 / np.maximum(made, 1.0)) / made)

    def resolution(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Half the central 68.3 % of the residuals (cm), median and the same half of the pulls, for each bin."""
        rows = np.searchsorted(FLIGHT_EDGES_CM, self.flight, side="right") - 1
        columns = np.full((3, len(FLIGHT_EDGES_CM) - 1), np.nan)
        pull = self.residual / self.error
        for k in range(columns.shape[1]):
            mine = rows == k
            if np.count_nonzero(mine) >= _LEAST_IN_BIN:
                low, high = np.quantile(self.residual[mine], [0.1587, 0.8413])
                below, middle, above = np.quantile(pull[mine], [0.1587, 0.5, 0.8413])
                columns[:, k] = 0.5 * (high - low), middle, 0.5 * (above - below)
        return columns[0], columns[1], columns[2]

    def peak(self) -> CrystalBallFit:
        """Double-sided Crystal Ball in the mass minus the true one."""
        return fit_crystal_ball(self.mass - self.true_mass)


def control_sample(
    study: ScanStudy, control: ControlMode, options: RunOptions, luminosity_fb: float,
    progress: ProgressFactory | None = None,
) -> ControlSample:  # fmt: skip
    """Generate, simulate and reconstruct a control mode.

    Parameters
    ----------
    study : ScanStudy
    control : ControlMode
    options : RunOptions
    luminosity_fb : float
    progress : callable, optional

    Returns
    -------
    ControlSample
    """
    detector, beam = build_detector(load_card(study.card)), load_beam(study.card)
    prepared = prepare(control.process, control.parameters, beam, options.seed)
    events = max(_LEAST_EVENTS, round(control.events * options.scale))
    task = partial(_task, control, prepared, detector, beam, options.seed)
    notify = None if progress is None else progress(f"control {control.name}")
    parts = list(map_chunks(task, plan_chunks(events), options.workers, "local", notify))
    made, flight, residual, error, mass, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    scale = luminosity_fb * prepared.cross_section_fb / events
    return ControlSample(
        made, flight, residual, error, mass, float(weight.sum()) * scale,
        float(np.sqrt((weight**2).sum())) * scale, mass_of(abs(control.code)),
    )  # fmt: skip


def _task(
    control: ControlMode, process: PreparedProcess, detector: Detector, beam: BeamCard, seed: int, chunk: Chunk
) -> tuple[FloatArray, ...]:
    name = f"control_{control.name}"
    truth = process.generate(stream(seed, name, "generate", chunk.index), chunk.n_events, chunk.first_event)
    reco = simulate(truth, detector, stream(seed, name, "simulate", chunk.index))
    table = b_candidates(reco, detector, control.pair, beam.boost, beam.sqrt_s)
    mask = np.ones(len(table["event"]), dtype=np.bool_)
    for cut in control.cuts.values():
        mask &= Selection(cut).mask(table)
    table = {key: column[mask] for key, column in table.items()}
    keep = best_candidate(table, control.best) & (table["isSignal"] > 0.0) & (table["pairMotherPDG"] == control.code)
    table = {key: column[keep] for key, column in table.items()}
    probability = np.ones(len(table["event"]))
    for track, point in control.identification.items():
        code, p, theta = (table[f"{track}_{key}"] for key in ("pdg", "p", "theta"))
        probability *= identification_probability(
            detector, point, code, p, theta, table[f"{track}_charge"].astype(np.int32)
        )
    weight = table["weight"] * table["triggerWeight"] * probability
    flight, residual, error = _vertices(reco, detector, control, table["event"], table["x1_row"], table["x2_row"])
    return _made(reco.truth, control.code), flight, residual, error, table["M"], weight


def _vertices(
    reco: Reconstruction, detector: Detector, control: ControlMode, event: IntArray, first: IntArray, second: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """True distance, measured minus true position along it, and the error of that, across the beam."""
    spot = beam_spot(detector.card)
    fit = fit_chosen(reco, detector, control.pair, first, second)
    rows = true_rows(reco, event, first)
    x, y = reco.truth.x[rows], reco.truth.y[rows]
    distance = np.hypot(x - spot.position[0], y - spot.position[1])
    ux, uy = (x - spot.position[0]) / distance, (y - spot.position[1]) / distance
    residual = (fit.position[:, 0] - x) * ux + (fit.position[:, 1] - y) * uy
    c = fit.position_cov
    return distance, residual, np.sqrt(c[:, 0] * ux**2 + 2.0 * c[:, 1] * ux * uy + c[:, 3] * uy**2)


def _made(truth: EventBatch, code: int) -> FloatArray:
    """Distances of the decays into two charged tracks of the first particle `code` of a B+ in every event."""
    event = truth.event_index
    rows = np.nonzero((truth.pdg == code) & (truth.mother >= 0))[0]
    rows = rows[np.abs(truth.pdg[mother_rows(truth, event[rows], rows)]) == 521]
    rows = rows[np.unique(event[rows], return_index=True)[1]]
    pions = np.nonzero((truth.pdg == 211) & (truth.mother >= 0))[0]
    mothers = mother_rows(truth, event[pions], pions)
    daughters = pions[np.isin(mothers, rows)]
    return np.asarray(np.hypot(truth.x[daughters], truth.y[daughters]))


def control_estimators(control: ControlMode, sample: ControlSample) -> list[Estimator]:
    """The numbers of a control mode as rows of a result: peak, yield, and one row for each bin of the distance."""
    peak, name = sample.peak(), f"control {control.name}"
    rows = [
        Estimator(name=f"{name}: mass (MeV)", value=1e3 * (sample.true_mass + peak.shift),
                  error=1e3 * peak.sigma / np.sqrt(peak.effective_events), truth=1e3 * sample.true_mass),
        Estimator(name=f"{name}: mass resolution (MeV)", value=1e3 * peak.sigma, error=1e3 * peak.sigma_error),
        Estimator(name=f"{name}: events in data", value=sample.events, error=sample.events_error),
    ]  # fmt: skip
    efficiency, error = sample.efficiency()
    width, mean, pull = sample.resolution()
    counts = np.histogram(sample.flight, FLIGHT_EDGES_CM)[0]
    for k, n in enumerate(counts):
        where = f"{FLIGHT_EDGES_CM[k]:g}-{FLIGHT_EDGES_CM[k + 1]:g} cm"
        if np.isfinite(efficiency[k]):
            rows.append(Estimator(name=f"{name}: efficiency, {where}", value=float(efficiency[k]),
                                  error=float(error[k])))  # fmt: skip
        if np.isfinite(width[k]):
            # half the difference of the two quantiles of a Gaussian: error 0.96 sigma/sqrt(n) [C]
            rows.append(
                Estimator(
                    name=f"{name}: vertex resolution (um), {where}", value=1e4 * float(width[k]),
                    error=1e4 * float(width[k]) * 0.96 / np.sqrt(n), pull_mean=float(mean[k]),
                    pull_width=float(pull[k]), pull_width_error=float(pull[k]) * 0.96 / np.sqrt(n), experiments=int(n),
                )
            )  # fmt: skip
    return rows
