"""Pseudo-datasets: the events that data of a given luminosity would hold, drawn one by one, truth in a second file.

The number of generated events is a Poisson number, and every event is kept with the probability that its weight stands
for (identification, trigger, veto), so that counts fluctuate as in data. Nothing in the first file tells signal from
background. A sample with a stored estimate (e+e- -> qq: a few hundred million events of Pythia 8 for a handful of
survivors) is drawn from that estimate, smoothed as in the model of the study: a Poisson number per channel, spread
evenly inside a bin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np

from toymc.detector import Detector, build_detector, simulate
from toymc.errors import InputError
from toymc.events import FloatArray
from toymc.generators.processes import PreparedProcess, prepare
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.io.outputs import atomic_file, check_file
from toymc.production.chunks import Chunk, ProgressFactory, map_chunks, plan_chunks
from toymc.production.spectra import SampleRun
from toymc.production.stored import load_estimate
from toymc.streams import stream
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.study import Sample, Spectrum, Study

# events that show the largest generator weight of a process; weights take few values
_PILOT = 4096
# more events of one sample than this are a slip of the pen: 50/ab hold 5e10 tau pairs
_MOST_EVENTS = 1e12


@dataclass(frozen=True)
class PseudoData:
    """Events of a pseudo-dataset.

    Attributes
    ----------
    observables : dict of str to float64 (n,)
        Channel -> observable of the selected events, in random order.
    origin : dict of str to int64 (n,)
        Channel -> index into `samples` of every event: the truth.
    samples : tuple of str
    """

    observables: dict[str, FloatArray]
    origin: dict[str, np.ndarray]
    samples: tuple[str, ...]


def _draw(
    study: Study, sample: Sample, process: PreparedProcess, detector: Detector, seed: int, largest: float, chunk: Chunk
) -> dict[str, FloatArray]:
    """Observables of the events of a chunk that data would hold, per channel."""
    name = f"dataset {sample.name}"
    truth = process.generate(stream(seed, name, "generate", chunk.index), chunk.n_events, chunk.first_event)
    if np.any(truth.weight > largest * (1.0 + 1e-9)):
        raise InputError(f"sample {sample.name}: event weights rise above {largest:g}, so events cannot be drawn")
    reco = simulate(truth, detector, stream(seed, name, "simulate", chunk.index))
    columns, _ = study.observe(reco)
    rng = stream(seed, name, "pseudo_data", chunk.index)
    drawn = {}
    for channel_name in sample.channels:
        channel = study.channel(channel_name)
        mask = np.ones(len(columns["event"]), dtype=np.bool_)
        for selection in channel.selections.values():
            mask &= selection.mask(columns)
        selected = {key: column[mask] for key, column in columns.items()}
        probability = channel.weigh(selected, detector).nominal / largest
        kept = rng.random(len(probability)) < probability
        drawn[channel_name] = selected[channel.observable][kept]
    return drawn


def _from_estimate(study: Study, sample: Sample, expected: float, seed: int) -> dict[str, FloatArray]:
    """Observables per channel, drawn from the stored sums of a sample; `expected` as in `Sample.expected`."""
    run = SampleRun(sample, load_estimate(study, sample), expected)
    rng = stream(seed, f"dataset {sample.name}", "pseudo_data", 0)
    drawn = {}
    for name in sample.channels:
        channel = study.channel(name)
        parts = [run.spectrum(channel, template) for template in channel.templates]
        total = reduce(Spectrum.__add__, parts)
        bins = (total.straightened() if sample.straight else total.smoothed()).nominal
        counts = rng.poisson(bins)
        low, high = np.repeat(channel.edges[:-1], counts), np.repeat(channel.edges[1:], counts)
        drawn[name] = low + (high - low) * rng.random(len(low))
    return drawn


def _events(seed: int, name: str, mean: float) -> int:
    """Poisson number of events to generate."""
    if not mean <= _MOST_EVENTS:
        raise InputError(f"{mean:.3g} events asked for in '{name}': lower the luminosity or the value of the signal")
    return int(stream(seed, name, "pseudo_data", 2**40).poisson(mean))


def draw_dataset(
    study: Study,
    luminosity_fb: float,
    seed: int,
    inject: Mapping[str, str | float] | None = None,
    workers: int = 1,
    executor: str = "local",
    scheduler: str | None = None,
    notify: ProgressFactory | None = None,
) -> PseudoData:
    """Draw the events that data would hold.

    Parameters
    ----------
    study : Study
    luminosity_fb : float
    seed : int
    inject : mapping, optional
        Signal to put in: the parameters of a hypothesis and its ``value`` (what the limit is on).
    workers, executor, scheduler
        See `toymc.production.chunks.map_chunks`.
    notify : callable, optional
        From the name of a sample to what is told of its progress.

    Returns
    -------
    PseudoData

    Raises
    ------
    InputError
        For a luminosity that is not positive or a signal that the study does not know.
    """
    if not 0.0 < luminosity_fb < float("inf"):
        raise InputError(f"luminosity {luminosity_fb} /fb: give a positive number")
    wanted = [(sample, 1.0) for sample in study.samples if sample.name in study.standard_model]
    if inject or isinstance(study, MeasurementStudy):
        wanted.append(study.inject(inject or {}))
    beam, detector = load_beam(study.card), build_detector(load_card(study.card))
    found: dict[str, list[FloatArray]] = {channel.name: [] for channel in study.channels}
    origin: dict[str, list[np.ndarray]] = {channel.name: [] for channel in study.channels}
    for index, (sample, factor) in enumerate(wanted):
        process = prepare(sample.process, sample.parameters, beam, seed)
        if sample.estimate is not None:
            expected = sample.expected(process, luminosity_fb) * factor
            for channel_name, values in _from_estimate(study, sample, expected, seed).items():
                found[channel_name].append(values)
                origin[channel_name].append(np.full(len(values), index))
            continue
        name = f"dataset {sample.name}"
        largest = float(process.generate(stream(seed, name, "warmup", 0), _PILOT, 0).weight.max())
        mean = sample.expected(process, luminosity_fb) * factor * largest
        events = _events(seed, name, mean)
        task = partial(_draw, study, sample, process, detector, seed, largest)
        progress = None if notify is None else notify(sample.name)
        for drawn in map_chunks(task, plan_chunks(events), workers, executor, progress, scheduler=scheduler):
            for channel_name, values in drawn.items():
                found[channel_name].append(values)
                origin[channel_name].append(np.full(len(values), index))
    return _shuffled(study, seed, found, origin, tuple(sample.name for sample, _ in wanted))


def _shuffled(
    study: Study,
    seed: int,
    found: dict[str, list[FloatArray]],
    origin: dict[str, list[np.ndarray]],
    names: tuple[str, ...],
) -> PseudoData:
    observables, sources = {}, {}
    for index, channel in enumerate(study.channels):
        values = np.concatenate([*found[channel.name], np.empty(0)])
        order = stream(seed, f"dataset {study.name}", "pseudo_data", index).permutation(len(values))
        observables[channel.name] = values[order]
        sources[channel.name] = np.concatenate([*origin[channel.name], np.empty(0, dtype=np.int64)])[order]
    return PseudoData(observables, sources, names)


def check_target(path: str | Path) -> None:
    """Raise `InputError` if a dataset must not or cannot be written to `path`; says so before any computing is done."""
    import h5py

    check_file(path)
    if Path(path).exists() and not h5py.is_hdf5(path):
        raise InputError(f"{path} exists and is not an HDF5 file: name another file")


def write_dataset(
    path: str | Path,
    study: Study,
    data: PseudoData,
    luminosity_fb: float,
    seed: int,
    inject: Mapping[str, str | float] | None = None,
) -> Path:
    """Write a pseudo-dataset to `path` and its truth beside it; returns the path of the truth.

    Raises
    ------
    ToymcError
        If a file cannot be written.
    """
    import h5py

    target = Path(path)
    sealed = target.with_name(f"{target.stem}.truth{target.suffix or '.h5'}")
    # one inside the other: both appear, or none
    with atomic_file(target) as data_file, atomic_file(sealed) as truth_file:
        with h5py.File(data_file, "w", track_order=True) as file:
            _attributes(file, {"study": study.name, "luminosity_fb": luminosity_fb})
            for channel in study.channels:
                name = f"channels/{channel.name}/{channel.observable}"
                file.create_dataset(name, data=data.observables[channel.name], track_times=False)
        with h5py.File(truth_file, "w", track_order=True) as file:
            _attributes(file, {"study": study.name, "seed": seed, "samples": ", ".join(data.samples), **(inject or {})})
            for channel_name, origin in data.origin.items():
                file.create_dataset(f"channels/{channel_name}/origin", data=origin, track_times=False)
    return sealed


def _attributes(file: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        file.attrs[key] = value


def injection(words: Sequence[str], allowed: Sequence[str]) -> dict[str, str | float]:
    """Read ``mass_GeV=1.0,value=0.01`` from the command line.

    Raises
    ------
    InputError
        For a word that is not key=value or a key that is not allowed.

    Examples
    --------
    >>> injection(["mass_GeV=1", "channel=e", "value=0.01"], ["mass_GeV", "channel", "value"])
    {'mass_GeV': 1.0, 'channel': 'e', 'value': 0.01}
    """
    found: dict[str, str | float] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in allowed:
            raise InputError(f"--inject {word}: give key=value with key one of {', '.join(allowed)}")
        try:
            found[key] = float(text)
        except ValueError:
            found[key] = text
    return found
