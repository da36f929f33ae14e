"""Candidates as data would hold them: what `toymc dataset` writes and `--data` reads for mass and lifetime searches.

Background candidates are drawn from the simulated ones with their weights, their mass moved by the kernel that smooths
the background density, so that data and expectation have the same distribution. Signal candidates are those of the
nearest simulated mass with the weights of their lifetime; mass minus true mass is carried over in units of the width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toymc.analysis.b_candidates import pair_mass, reduced_mass
from toymc.analysis.selection import Selection
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.io.outputs import atomic_file
from toymc.production.chunks import ProgressFactory
from toymc.production.scan.background import EDGES, BackgroundModel, background_model, kernel_width
from toymc.production.scan.samples import background_tables, node_tables
from toymc.production.scan.signal import SELECTIONS, SignalMaps, select_sample, signal_maps
from toymc.production.scan.tables import CandidateTable
from toymc.streams import stream
from toymc.studies.scan_study import ScanChannel, ScanStudy

FloatArray = npt.NDArray[np.float64]

COLUMNS = ("Mred", "M", "dv")
"""What a file holds of every candidate."""
INJECT_KEYS = ("channel", "mass_GeV", "ctau_cm", "value")


@dataclass(frozen=True)
class ObservedCandidates:
    """Data of a search.

    Attributes
    ----------
    luminosity_fb : float
    masses : dict
        Channel -> reduced masses, one array for each of `SELECTIONS`.
    """

    luminosity_fb: float
    masses: dict[str, list[FloatArray]]


@dataclass(frozen=True)
class DrawnCandidates:
    """A pseudo-dataset: channel -> columns, and channel -> index into `sources` of every candidate."""

    columns: dict[str, dict[str, FloatArray]]
    origin: dict[str, npt.NDArray[np.int64]]
    sources: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Candidates in every channel."""
        return {name: len(columns["dv"]) for name, columns in self.columns.items()}


def by_selection(channel: ScanChannel, reduced: FloatArray, dv: FloatArray) -> list[FloatArray]:
    """Reduced masses that pass each of the two displacement cuts."""
    cuts = (channel.selection.displacement, channel.selection.tight_displacement)
    return [reduced[Selection(cut).mask({"dv": dv})] for cut in cuts]


def _background(
    channel: ScanChannel, tables: Mapping[str, CandidateTable], model: BackgroundModel, rng: np.random.Generator
) -> list[tuple[str, FloatArray, FloatArray]]:
    """Source, reduced masses and displacements of every part."""
    drawn = []
    chosen = channel.selection
    for part in model.parts:
        if part.selection != SELECTIONS[0] or part.events == 0.0:
            continue
        table = tables[part.sample].select({**chosen.common, "displacement": chosen.displacement})
        same = table.columns["isSignal"] > 0.0
        table = table.where(same if part.kind == "peaking" else ~same)
        if part.kind == "peaking":
            table = table.select(chosen.box)
        weights = table.weights
        n = int(rng.poisson(part.events))
        rows = rng.choice(len(weights), size=n, p=weights / weights.sum())
        width = (EDGES[1] - EDGES[0]) * kernel_width(table.columns["Mred"], part.effective_events)
        moved = np.abs(table.columns["Mred"][rows] + width * rng.standard_normal(n))
        drawn.append((f"{part.sample} {part.kind}", moved, table.columns["dv"][rows]))
    return drawn


def _signal(
    study: ScanStudy, channel: ScanChannel, maps: SignalMaps, tables: Mapping[float, list[CandidateTable]],
    inject: Mapping[str, float], luminosity_fb: float, rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    mass, ctau, value = (float(inject[key]) for key in ("mass_GeV", "ctau_cm", "value"))
    node = float(maps.nodes[int(np.argmin(np.abs(maps.nodes - mass)))])
    sample, columns = select_sample(channel, tables[node], study.generated_ctau_cm, False)
    weights = sample.weights(ctau)
    at = int(np.argmin(np.abs(np.log(maps.lifetimes / ctau))))
    expected = study.pairs(luminosity_fb) * channel.parents * float(maps.efficiency_at([mass])[0, at]) * value
    n = int(rng.poisson(expected))
    rows = rng.choice(len(weights), size=n, p=weights / weights.sum())
    there, here = (reduced_mass(m, channel.pair.product_mass) for m in (node, mass))
    scale = maps.sigma_at([mass])[0, at] / maps.sigma_at([node])[0, at]
    return np.abs(here + scale * (columns["Mred"][rows] - there)), columns["dv"][rows]


def check_injection(study: ScanStudy, inject: Mapping[str, str | float]) -> tuple[str, dict[str, float]]:
    """Channel and numbers of a signal to put in.

    Raises
    ------
    InputError
        For a missing key, a channel or mass that the study does not have, or a number that is not positive.
    """
    name = str(inject.get("channel", study.channels[0].name))
    channel = study.channel(name)
    numbers = {}
    for key in ("mass_GeV", "ctau_cm", "value"):
        given = inject.get(key)
        if not isinstance(given, float) or not 0.0 < given < np.inf:
            raise InputError(f"--inject {key} = {given}: give a positive number")
        numbers[key] = given
    low, high = channel.mass_range
    if not low <= numbers["mass_GeV"] <= high:
        raise InputError(f"--inject mass_GeV = {numbers['mass_GeV']:g} in {name}: allowed are {low:g} to {high:g} GeV")
    return name, numbers


def draw_candidates(
    study: ScanStudy,
    luminosity_fb: float,
    seed: int,
    inject: Mapping[str, str | float] | None = None,
    scale: float = 1.0,
    workers: int = 1,
    notify: ProgressFactory | None = None,
) -> DrawnCandidates:
    """Draw the candidates that data would hold.

    Parameters
    ----------
    study : ScanStudy
    luminosity_fb : float
    seed : int
        Of the dataset; the simulated samples are those of seed 1.
    inject : mapping, optional
        channel, mass_GeV, ctau_cm and value (product of branching fractions) of a signal.
    scale : float
        Of the simulated samples.
    workers : int
    notify : callable, optional

    Returns
    -------
    DrawnCandidates

    Raises
    ------
    InputError
        For a luminosity that is not positive or a signal that the study does not know.
    """
    if not 0.0 < luminosity_fb < np.inf:
        raise InputError(f"luminosity {luminosity_fb} /fb: give a positive number")
    wanted = check_injection(study, inject) if inject else None
    detector, beam = build_detector(load_card(study.card)), load_beam(study.card)
    columns: dict[str, dict[str, FloatArray]] = {}
    origin: dict[str, npt.NDArray[np.int64]] = {}
    sources: list[str] = []
    for index, channel in enumerate(study.channels):
        rng = stream(seed, f"dataset {study.name}", "pseudo_data", index)
        tables = background_tables(study, channel, detector, beam, 1, scale, workers, notify)
        parts = _background(channel, tables, background_model(channel, tables, luminosity_fb), rng)
        if wanted is not None and wanted[0] == channel.name:
            signal = node_tables(study, channel, detector, beam, 1, scale, workers, notify)
            maps = signal_maps(study, channel, signal, np.array(sorted({*study.lifetimes_cm, wanted[1]["ctau_cm"]})))
            parts.append(("signal", *_signal(study, channel, maps, signal, wanted[1], luminosity_fb, rng)))
        order = rng.permutation(sum(len(m) for _, m, _ in parts))
        reduced = np.concatenate([*(m for _, m, _ in parts), np.empty(0)])[order]
        dv = np.concatenate([*(d for _, _, d in parts), np.empty(0)])[order]
        label = [np.full(len(m), len(sources) + k) for k, (_, m, _) in enumerate(parts)]
        origin[channel.name] = np.concatenate([*label, np.empty(0, dtype=np.int64)])[order]
        sources += [f"{channel.name} {name}" for name, _, _ in parts]
        columns[channel.name] = {"Mred": reduced, "M": pair_mass(reduced, channel.pair.product_mass), "dv": dv}
    return DrawnCandidates(columns, origin, tuple(sources))


def write_candidates(
    path: str | Path, study: ScanStudy, data: DrawnCandidates, luminosity_fb: float, seed: int,
    inject: Mapping[str, str | float] | None = None,
) -> Path:  # fmt: skip
    """Write a pseudo-dataset and its truth beside it; returns the path of the truth.

    Raises
    ------
    ToymcError
        If a file cannot be written.
    """
    import h5py

    target = Path(path)
    sealed = target.with_name(f"{target.stem}.truth{target.suffix or '.h5'}")
    with atomic_file(target) as data_file, atomic_file(sealed) as truth_file:
        with h5py.File(data_file, "w", track_order=True) as file:
            file.attrs["study"], file.attrs["luminosity_fb"] = study.name, luminosity_fb
            for channel, columns in data.columns.items():
                for name in COLUMNS:
                    file.create_dataset(f"channels/{channel}/{name}", data=columns[name], track_times=False)
        with h5py.File(truth_file, "w", track_order=True) as file:
            for key, value in {"study": study.name, "seed": seed, **(inject or {})}.items():
                file.attrs[key] = value
            file.attrs["sources"] = ", ".join(data.sources)
            for channel, origin in data.origin.items():
                file.create_dataset(f"channels/{channel}/origin", data=origin, track_times=False)
    return sealed


def read_candidates(path: str | Path, study: ScanStudy) -> ObservedCandidates:
    """Observed candidates of a study.

    Raises
    ------
    InputError
        If the file cannot be read, belongs to another study, lacks a channel, or holds numbers that cannot be.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            owner = file.attrs.get("study")
            if owner != study.name:
                raise InputError(f"{path} holds data of study '{owner}', not of '{study.name}'")
            masses = {}
            for channel in study.channels:
                columns = {}
                for name in ("Mred", "dv"):
                    key = f"channels/{channel.name}/{name}"
                    if key not in file:
                        raise InputError(f"{path} has no dataset '{key}'")
                    columns[name] = np.asarray(file[key], dtype=np.float64)
                    if columns[name].ndim != 1 or not np.all(np.isfinite(columns[name]) & (columns[name] >= 0.0)):
                        raise InputError(f"{path}: '{key}' must be a list of finite numbers of 0 or more")
                if len(columns["Mred"]) != len(columns["dv"]):
                    raise InputError(f"{path}: channel {channel.name} has {len(columns['Mred'])} masses and "
                                     f"{len(columns['dv'])} displacements")  # fmt: skip
                masses[channel.name] = by_selection(channel, columns["Mred"], columns["dv"])
            luminosity = file.attrs.get("luminosity_fb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(luminosity, float) or not 0.0 < luminosity < np.inf:
        raise InputError(f"{path}: attribute 'luminosity_fb' is {luminosity}: a positive number is needed")
    return ObservedCandidates(float(luminosity), masses)
