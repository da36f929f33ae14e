"""What a run of a measurement leaves for `toymc study validate` and `toymc study project`: spectra and errors."""

from pathlib import Path

import h5py
import numpy as np

from toymc.analysis.histogram import Histogram
from toymc.errors import InputError
from toymc.inference.projections import Measurement, Systematic
from toymc.production.chunks import ProgressFactory
from toymc.production.compute import RunOptions
from toymc.production.spectra import SampleRun
from toymc.production.study_input import StudyInput
from toymc.report.result import Estimator, StudyResult, read_result
from toymc.studies.measurement_study import MeasurementStudy
from toymc.studies.study import NOMINAL, Spectra, Spectrum

FILE = "spectra.h5"
MOVED = "same events moved"
"""Method of the estimator entries with the nominal events at other true values."""
_COLUMNS = ("nominal", "variance", "raw")


def write_spectra(path: Path, spectra: Spectra) -> None:
    """Write expected events, squared errors and simulated events per bin of every sample, and moved ones."""
    with h5py.File(path, "w", track_order=True) as file:
        for (sample, channel, template), spectrum in spectra.items():
            for name in _COLUMNS:
                key = f"{sample}/{channel}/{template}/{name}"
                file.create_dataset(key, data=getattr(spectrum, name), compression="gzip", track_times=False)


def moved_spectra(study: MeasurementStudy, nominal: SampleRun) -> dict[tuple[str, str, str], Spectrum]:
    """Spectra of the nominal events moved to other true values, with as many events in all as there are."""
    found = {}
    for channel in study.channels:
        here = _all_parts(nominal, channel.name, NOMINAL)
        for name in study.moved:
            there = _all_parts(nominal, channel.name, name)
            # overflow and underflow included
            factor = nominal.scale * here.sums.value[:, 0].sum() / there.sums.value[:, 0].sum()
            raw = nominal.spectrum(channel, channel.templates[0]).raw
            spectrum = Spectrum(factor * there.values(), factor**2 * there.variances(), raw, {}, {})
            found[name, channel.name, channel.templates[0]] = spectrum
            for other in channel.templates[1:]:
                found[name, channel.name, other] = Spectrum(*(np.zeros(len(channel.edges) - 1),) * 3, {}, {})
    return found


def _all_parts(run: SampleRun, channel: str, shift: str) -> Histogram:
    first, *others = (h for (of, what, _), h in run.outcome.shifted.items() if (of, what) == (channel, shift))
    return sum(others, first)


def read_spectra(path: Path, study: MeasurementStudy) -> Spectra:
    """Read what `write_spectra` wrote.

    Raises
    ------
    InputError
        If the file cannot be read or does not fit the study.
    """
    found = {}
    try:
        with h5py.File(path, "r") as file:
            for sample in (*(s.name for s in study.samples), *study.moved):
                for channel in study.channels:
                    for template in channel.templates:
                        group = f"{sample}/{channel.name}/{template}"
                        nominal, variance, raw = (np.asarray(file[f"{group}/{c}"], dtype=np.float64) for c in _COLUMNS)
                        if any(len(c) != len(channel.edges) - 1 for c in (nominal, variance, raw)):
                            raise InputError(f"{path}: '{group}' has other bins than the study: run the study again")
                        found[sample, channel.name, template] = Spectrum(nominal, variance, raw, {}, {})
    except (OSError, KeyError) as error:
        raise InputError(f"cannot read {path}: {error}: run the study again") from error
    return found


def measurements_of(study: MeasurementStudy, entry: Estimator, luminosity_fb: float) -> tuple[Measurement, ...]:
    """An estimator of a run with its errors today: sizes of our own variations, and published ones.

    In the first a source without a variation of ours has its published size and says so in its name. The second is
    what total errors are made of, see `Variation.adopted`. One without sources if the run had none.
    """
    ours = {s.name: s.value for s in entry.systematics_table or []}
    stat = float(entry.stat_error or 0.0)
    if not ours:
        return (Measurement(study.quantity, stat, (), luminosity_fb, study.unit),)
    own, published = [], []
    for v in study.variations:
        size = ours.get(v.name, v.published or 0.0)
        name = v.name if v.name in ours else f"{v.name} (published)"
        own.append(Systematic(name, size, v.floor * size, v.why))
        size = v.adopted(size)
        published.append(Systematic(v.name, size, v.floor * size, v.why))
    return tuple(
        Measurement(f"{study.quantity}, {what} sizes", stat, tuple(sources), luminosity_fb, study.unit)
        for what, sources in (("our own", own), ("published", published))
    )


def template_errors(study: MeasurementStudy, result: StudyResult) -> dict[str, dict[float, float]]:
    """Estimator -> true value -> error of the fit of the moved events minus that of the nominal ones."""
    return {
        e.name: {t: s.error or 0.0 for t, s in zip(study.moved.values(), e.by_truth or [], strict=True)}
        for e in result.estimators or []
        if e.method == MOVED
    }


def first_estimator(study: MeasurementStudy, result: StudyResult) -> Estimator:
    """The estimator that is the result of the study, as expected."""
    name = next(iter(study.fits))
    for entry in result.estimators or []:
        if entry.name == name and entry.method == "expected":
            return entry
    raise InputError(f"the run of {study.name} has no estimator {name}: run the study again")


def measurement_input(
    study: MeasurementStudy, options: RunOptions, stored: str | Path | None, notify: ProgressFactory | None
) -> StudyInput:
    """Spectra and errors of a stored run, or of a run that is made now; see `study_input`."""
    from toymc.production.measurement.compute import compute_measurement

    if stored is None:
        run = compute_measurement(study, options, None, notify)
        result, spectra = run.result, run.spectra
    else:
        result = read_result(stored)
        if result.study != study.name:
            raise InputError(f"{stored} holds a run of {result.study}, not of {study.name}")
        spectra = read_spectra(Path(stored) / FILE, study)
    luminosity = result.luminosity_fb or study.luminosity_fb
    found = measurements_of(study, first_estimator(study, result), luminosity)
    return StudyInput(result, [], spectra, luminosity, found)
