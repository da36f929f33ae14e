"""Sums of a sample, kept as a file: the stated estimate where a generator is not installed.

    python -m toymc.production.stored tau_l_alpha continuum --events 10000000 --seed 1

writes ``studies/data/<estimate>`` of that sample, with what it was made by.
"""

import argparse
import json
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import toymc
from toymc.analysis.histogram import Histogram
from toymc.analysis.sums import CompensatedSum
from toymc.detector import build_detector
from toymc.errors import InputError
from toymc.geometry import load_card
from toymc.geometry.beam import load_beam
from toymc.io.outputs import atomic_file
from toymc.production.spectra import SampleOutcome, empty_outcome, run_sample
from toymc.studies.study import Sample, Study

_DIGITS = 7


def outcome_to_dict(outcome: SampleOutcome) -> dict[str, Any]:
    """Plain numbers of the sums of a sample."""
    return {
        "generated": outcome.generated,
        "templates": {
            "/".join(key): {"labels": list(h.labels), "sums": _rounded(h.sums.value)}
            for key, h in outcome.templates.items()
        },
        "cutflows": {name: _rounded(flow.sums.value) for name, flow in outcome.cutflows.items()},
    }


def _rounded(values: np.ndarray) -> Any:
    return [float(f"{v:.{_DIGITS}g}") for v in values.ravel()]


def outcome_from_dict(stored: dict[str, Any], study: Study, sample: Sample) -> SampleOutcome:
    """The sums of a sample from plain numbers.

    Raises
    ------
    InputError
        If they were made with other bins, sources or cuts than the study has now.
    """
    empty = empty_outcome(study, sample)
    wrong = InputError(
        f"stored estimate of {study.name}, {sample.name}, does not fit the study any more: make it again with "
        f"python -m toymc.production.stored {study.name} {sample.name}"
    )
    templates, cutflows = {}, {}
    for key, histogram in empty.templates.items():
        entry = stored["templates"].get("/".join(key))
        if entry is None or tuple(entry["labels"]) != histogram.labels:
            raise wrong
        templates[key] = Histogram(histogram.edges, histogram.labels, _sum(entry["sums"], histogram.sums, wrong))
    for name, flow in empty.cutflows.items():
        if name not in stored["cutflows"]:
            raise wrong
        cutflows[name] = type(flow)(flow.labels, flow.cuts, _sum(stored["cutflows"][name], flow.sums, wrong))
    return SampleOutcome(templates, cutflows, int(stored["generated"]))


def _sum(values: list[float], like: CompensatedSum, wrong: InputError) -> CompensatedSum:
    if len(values) != like.value.size:
        raise wrong
    return CompensatedSum.zeros(like.value.shape).add(np.array(values).reshape(like.value.shape))


def load_estimate(study: Study, sample: Sample) -> SampleOutcome:
    """The stored sums of a sample.

    Raises
    ------
    InputError
        If the sample has none, or they do not fit the study.
    """
    if sample.estimate is None:
        raise InputError(f"sample {sample.name} of {study.name} needs Pythia 8: pip install 'toymc[generators]'")
    text = resources.files("toymc.studies").joinpath("data", sample.estimate).read_text(encoding="utf-8")
    return outcome_from_dict(json.loads(text), study, sample)


def main() -> None:
    """Make the stored estimate of a sample."""
    from toymc.studies import STUDIES, Study

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("study", choices=[name for name, study in STUDIES.items() if isinstance(study, Study)])
    parser.add_argument("sample")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    study = STUDIES[options.study]
    assert isinstance(study, Study)  # by the choices above
    sample = next(s for s in study.samples if s.name == options.sample)
    run = run_sample(
        study, sample, build_detector(load_card(study.card)), load_beam(study.card), study.luminosity_fb,
        options.seed, options.events, options.workers,
    )  # fmt: skip
    made_by = {
        "command": f"python -m toymc.production.stored {study.name} {sample.name} "
        f"--events {options.events} --seed {options.seed}",
        "toymc": toymc.__version__,
        "pythia8mc": version("pythia8mc"),
    }
    target = Path(str(resources.files("toymc.studies"))) / "data" / str(sample.estimate)
    with atomic_file(target) as temporary:
        temporary.write_text(json.dumps({"made_by": made_by, **outcome_to_dict(run.outcome)}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
