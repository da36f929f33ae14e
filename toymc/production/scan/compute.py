"""A search over mass and lifetime from samples to limits, in memory."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import toymc
from toymc.analysis.b_candidates import reduced_mass
from toymc.constants import pdg_edition
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.inference.couplings import interpretation, model_prediction
from toymc.inference.unbinned import Density, MassChannel, ScanResult, mass_grid, scan, windows
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.scan.background import EDGES, PRIOR, BackgroundModel, background_model
from toymc.production.scan.samples import background_tables, node_tables
from toymc.production.scan.signal import SELECTIONS, SignalMaps, signal_maps
from toymc.production.scan.tables import CandidateTable
from toymc.report.result import QUANTILES, Bands, Hypothesis, Published, Sample, StudyResult
from toymc.studies.scan_study import ScanChannel, ScanStudy

FloatArray = npt.NDArray[np.float64]

_GRID_LIFETIME_CM = 1.0
"""The resolution at this lifetime sets the steps of the scan."""
_SHOWN_BRANCHING = 1e-7
"""Product of branching fractions of the signals in the table of samples."""


@dataclass(frozen=True)
class ChannelRun:
    """Everything about one channel: samples, what follows from them, and the scan.

    Attributes
    ----------
    channel : ScanChannel
    maps : SignalMaps
    signal_tables, background_tables : dict
        Candidate tables by node, and by background sample.
    background : BackgroundModel
    mass_channel : MassChannel
        What was fitted.
    scan : ScanResult
        Over (masses, lifetimes); limits on the product of branching fractions.
    """

    channel: ScanChannel
    maps: SignalMaps
    signal_tables: dict[float, list[CandidateTable]]
    background_tables: dict[str, CandidateTable]
    background: BackgroundModel
    mass_channel: MassChannel
    scan: ScanResult

    @property
    def densities(self) -> tuple[Density, ...]:
        """Expected background under each of `SELECTIONS`."""
        return tuple(self.background.density(name) for name in SELECTIONS)


@dataclass(frozen=True)
class ScanRun:
    """All channels of a study and its result."""

    study: ScanStudy
    options: RunOptions
    channels: dict[str, ChannelRun]
    result: StudyResult


def tight_masses(channel: ScanChannel, masses: FloatArray) -> npt.NDArray[np.int64]:
    """1 for the masses in a region with the larger displacement, else 0."""
    inside = np.zeros(len(masses), dtype=np.int64)
    for low, high in channel.selection.tight_regions:
        inside[(masses > low) & (masses < high)] = 1
    return inside


def scan_masses(channel: ScanChannel, maps: SignalMaps, reference: Sequence[float] | None = None) -> FloatArray:
    """Hypotheses of a channel: steps of half the resolution, or the reference masses that are open."""
    low, high = channel.mass_range
    if reference is not None:
        return np.array([m for m in reference if low <= m <= high])
    at = int(np.argmin(np.abs(np.log(maps.lifetimes / _GRID_LIFETIME_CM))))
    grid = mass_grid(low, high, lambda m: float(maps.mass_resolution_at([m])[0, at]))
    return grid


def mass_channel(
    study: ScanStudy,
    channel: ScanChannel,
    maps: SignalMaps,
    background: BackgroundModel,
    masses: FloatArray,
    luminosity_fb: float,
    data: Sequence[FloatArray] | None = None,
) -> MassChannel:
    """What the scan fits: shapes, windows, events per unit of the branching fraction, expected background.

    Parameters
    ----------
    study, channel, maps, background
    masses : float64 (n_masses,)
        GeV.
    luminosity_fb : float
    data : sequence of float64, optional
        Reduced masses of the observed candidates, one array for each of `SELECTIONS`.
    """
    tight = tight_masses(channel, masses)
    efficiency = np.where(tight[:, None] == 1, maps.efficiency_at(masses, 1), maps.efficiency_at(masses, 0))
    reduced = reduced_mass(masses, channel.pair.product_mass)[:, None]
    shape = maps.shapes_at(masses)
    # a shifted peak at threshold may begin below zero
    window = windows(np.maximum(np.maximum(shape.mean, reduced), 1e-6), shape.sigma, (0.0, float(EDGES[-1])))
    return MassChannel(
        channel.name,
        shape,
        window,
        per_unit=study.pairs(luminosity_fb) * channel.parents * efficiency,
        data=None if data is None else list(data),
        expected=[background.density(name) for name in SELECTIONS],
        selection=tight,
        efficiency_error=np.minimum(maps.efficiency_error_at(masses), 0.9),
    )


def compute_scan(
    study: ScanStudy,
    options: RunOptions,
    points: str = "all",
    observed: Mapping[str, Sequence[FloatArray]] | None = None,
    notify: ProgressFactory | None = None,
) -> ScanRun:
    """Run a search in memory.

    Parameters
    ----------
    study : ScanStudy
    options : RunOptions
    points : str
        ``all`` masses and lifetimes, or the ``reference`` ones alone.
    observed : mapping, optional
        Channel -> reduced masses of the observed candidates, one array for each of `SELECTIONS`.
    notify : callable, optional
        From the name of a sample to what is told of its progress.

    Returns
    -------
    ScanRun

    Raises
    ------
    InputError
        For options that the study does not have.
    """
    if points not in ("all", "reference"):
        raise InputError(f"points '{points}': allowed are all, reference")
    if options.systematics not in ("all", "none"):
        raise InputError(f"--systematics {options.systematics}: study {study.name} takes all or none")
    started = time.perf_counter()
    luminosity = study.luminosity_fb if options.luminosity_fb is None else options.luminosity_fb
    detector, beam = build_detector(load_card(study.card)), load_beam(study.card)
    lifetimes = np.array(study.lifetimes_cm if points == "all" else study.reference_lifetimes_cm)
    runs: dict[str, ChannelRun] = {}
    samples_s = scan_s = 0.0
    for channel in study.channels:
        begin = time.perf_counter()
        signal = node_tables(study, channel, detector, beam, options.seed, options.scale, options.workers, notify)
        tables = background_tables(
            study, channel, detector, beam, options.seed, options.scale, options.workers, notify
        )  # fmt: skip
        samples_s += time.perf_counter() - begin
        begin = time.perf_counter()
        maps = signal_maps(study, channel, signal, lifetimes)
        background = background_model(channel, tables, luminosity)
        masses = scan_masses(channel, maps, study.reference_masses if points == "reference" else None)
        fitted = mass_channel(
            study, channel, maps, background, masses, luminosity, None if observed is None else observed[channel.name]
        )
        common = float(np.sqrt(sum(e**2 for e in study.errors.values()))) if options.systematics == "all" else 0.0
        scanned = scan(
            masses, lifetimes, [fitted], cl=study.confidence_levels[0], common_error=common, workers=options.workers
        )
        scan_s += time.perf_counter() - begin
        runs[channel.name] = ChannelRun(channel, maps, signal, tables, background, fitted, scanned)
    timing = {"samples_s": samples_s, "scan_s": scan_s, "total_s": time.perf_counter() - started}
    result = StudyResult(
        study=study.name,
        version=toymc.__version__,
        seed=options.seed,
        luminosity_fb=luminosity,
        limit_on=study.limit_on,
        scale=options.scale,
        systematics=options.systematics,
        detector=study.card,
        pdg_edition=pdg_edition(),
        samples=[s for run in runs.values() for s in _samples(run, study, luminosity)],
        hypotheses=[h for run in runs.values() for h in _hypotheses(run, study)],
        published=[Published.model_validate(row) for row in study.published()],
        notes=[*study.notes, *_partial_decays(study)],
        timing=timing,
    )
    return ScanRun(study, options, runs, result)


def _partial_decays(study: ScanStudy) -> list[str]:
    """What limits of channels mean that reconstruct a part of the decays alone."""
    return [
        f"{c.name}: limits hold for the reconstructed part of the decays, K*0 -> K+ pi- (share {c.sub_fraction:.4g}), "
        f"as the publication prints them; 'all decays' is the same divided by {c.sub_fraction:.4g}, which limits on "
        "the mixing angle are made from."
        for c in study.channels
        if c.sub_fraction < 1.0
    ]


def nearest_point(scanned: ScanResult, mass: float, ctau: float) -> tuple[int, int]:
    """Indices of the hypothesis of a scan next to a mass (GeV) and a lifetime (cm, logarithmically)."""
    at = int(np.argmin(np.abs(scanned.masses - mass))), int(np.argmin(np.abs(np.log(scanned.lifetimes / ctau))))
    return at


def _samples(run: ChannelRun, study: ScanStudy, luminosity_fb: float) -> list[Sample]:
    """Every background part under the first selection, and the signal at every node."""
    samples = []
    for name, table in run.background_tables.items():
        for part in run.background.parts:
            if part.sample == name and part.selection == SELECTIONS[0]:
                chosen = table.select({"displacement": run.channel.selection.displacement})
                n = int(np.count_nonzero((chosen.columns["isSignal"] > 0.0) == (part.kind == "peaking")))
                samples.append(
                    Sample(
                        name=f"{name} {part.kind}",
                        generated=table.generated,
                        selected=n,
                        efficiency=n / table.generated,
                        expected_events=part.events,
                        expected_events_error=part.error,
                        effective_events=part.effective_events,
                        upper_bound=part.upper_bound,
                        upper_bound_prior=None if part.upper_bound is None else PRIOR,
                    )
                )
    at = int(np.argmin(np.abs(np.log(run.maps.lifetimes / _GRID_LIFETIME_CM))))
    for i, mass in enumerate(run.maps.nodes):
        generated = sum(t.generated for t in run.signal_tables[float(mass)])
        per_efficiency = study.pairs(luminosity_fb) * run.channel.parents * _SHOWN_BRANCHING
        where = f"{mass:g} GeV, ctau {run.maps.lifetimes[at]:g} cm, B = {_SHOWN_BRANCHING:g}"
        samples.append(
            Sample(
                name=f"signal {run.channel.name} {where}",
                generated=generated,
                selected=round(float(run.maps.effective_events[0, i, at])),
                efficiency=float(run.maps.efficiency[0, i, at]),
                efficiency_error=float(run.maps.error[0, i, at]),
                effective_events=float(run.maps.effective_events[0, i, at]),
                expected_events=per_efficiency * float(run.maps.efficiency[0, i, at]),
                expected_events_error=per_efficiency * float(run.maps.error[0, i, at]),
            )
        )
    return samples


def coupling_limits(
    study: ScanStudy, channel: ScanChannel, mass: float, scanned: ScanResult, row: int
) -> dict[str, Any]:
    """Intervals of the model's coupling that the limits at one mass exclude, all lifetimes together."""
    prediction = model_prediction(study.model, mass, channel.model_production, channel.model_decay)
    share = channel.sub_fraction
    expected = {name: scanned.expected[row, :, k] / share for k, name in enumerate(QUANTILES)}
    seen = scanned.observed[row] / share if np.any(np.isfinite(scanned.observed[row])) else None
    return {"model": study.model, **interpretation(prediction, expected, seen, scanned.lifetimes)}


def _hypotheses(run: ChannelRun, study: ScanStudy) -> list[Hypothesis]:
    """The reference points of the scan: nearest mass, with the excluded mixing angles of each mass."""
    found = []
    scanned = run.scan
    low, high = run.channel.mass_range
    resolution = run.maps.mass_resolution_at(scanned.masses)
    for mass in (m for m in study.reference_masses if low <= m <= high):
        excluded = coupling_limits(study, run.channel, mass, scanned, nearest_point(scanned, mass, 1.0)[0])
        for ctau in study.reference_lifetimes_cm:
            i, k = nearest_point(scanned, mass, ctau)
            bands = scanned.expected[i, k]
            if not np.all(np.isfinite(bands)):
                continue
            seen = float(scanned.observed[i, k])
            found.append(
                Hypothesis(
                    parameters={"channel": run.channel.name, "mass_GeV": mass, "ctau_cm": ctau},
                    cl=scanned.cl,
                    expected=Bands.of([float(b) for b in bands]),
                    observed=seen if np.isfinite(seen) else None,
                    efficiency=float(
                        run.maps.efficiency_at([mass], int(tight_masses(run.channel, np.array([mass]))[0]))[0, k]
                    ),
                    resolution_GeV=float(resolution[i, k]),
                    background=float(scanned.peak_background[i, k]),
                    interpretation=excluded,
                    sub_fraction=run.channel.sub_fraction if run.channel.sub_fraction < 1.0 else None,
                )
            )
    return found
