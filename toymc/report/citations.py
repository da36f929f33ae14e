"""What a run should cite: publications and software, each with the reason, as BibTeX.

The publications stand in ``studies/references.toml``. Which of them belongs to what is said in plain tables of the
rooms: studies and libraries there, processes and models in ``generators/references.toml``, cards in
``geometry/references.toml``, methods in ``toymc/inference/references.toml``.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from toymc.errors import InputError
from toymc.report.result import StudyResult, read_result

_ROOMS = {
    "entries": "toymc.studies",
    "studies": "toymc.studies",
    "libraries": "toymc.studies",
    "parts": "toymc.generators",
    "processes": "toymc.generators",
    "models": "toymc.generators",
    "cards": "toymc.geometry",
    "methods": "toymc.inference",
}
_NOT_IN_BIBTEX = ("type", "tag")


@dataclass(frozen=True)
class Entry:
    """A publication or a piece of software.

    Attributes
    ----------
    key, type : str
        Of BibTeX.
    fields : mapping of str to str
        In BibTeX's spelling.
    tag : str
        P read in a public page or repository, R the repository itself, M remembered.
    """

    key: str
    type: str
    fields: Mapping[str, str]
    tag: str

    def bibtex(self) -> str:
        """The entry as BibTeX.

        >>> print(Entry("a:2020", "misc", {"title": "{Name} of it", "year": "2020"}, "M").bibtex())
        @misc{a:2020,
          title = {{Name} of it},
          year = {2020}
        }
        """
        lines = [f"  {name} = {{{value}}}" for name, value in self.fields.items()]
        return f"@{self.type}{{{self.key},\n" + ",\n".join(lines) + "\n}"


@dataclass(frozen=True)
class Citation:
    """An entry and what it is cited for."""

    entry: Entry
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "key": self.entry.key,
            "type": self.entry.type,
            "reasons": list(self.reasons),
            **self.entry.fields,
            "bibtex": self.entry.bibtex(),
        }


@cache
def table(name: str) -> dict[str, Any]:
    """One of the tables: entries, studies, libraries, parts, processes, models, cards, methods.

    >>> "Cowan:2010js" in table("methods")["asymptotic_cls"]
    True
    """
    text = resources.files(_ROOMS[name]).joinpath("references.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)[name]
    return found


@cache
def find_entry(key: str) -> Entry:
    """The entry of a key.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> find_entry("Cowan:2010js").fields["eprint"]
    '1007.1727'
    """
    rows = table("entries")
    if key not in rows:
        raise InputError(f"no publication '{key}' in studies/references.toml")
    row = rows[key]
    fields = {name: str(value) for name, value in row.items() if name not in _NOT_IN_BIBTEX}
    if "eprint" in fields:
        fields["archiveprefix"] = "arXiv"
    return Entry(key, row["type"], fields, row["tag"])


def process_keys(process: str) -> list[str]:
    """Keys of a process: its own, those of its parts (radiation, tau decays, ...) and of the models of its signals.

    >>> "Bierlich:2022pfr" in process_keys("continuum")
    True
    """
    row = table("processes")[process]
    keys = [key for part in row.get("parts", ()) for key in table("parts")[part]]
    keys += row.get("keys", ())
    return keys + [key for model in row.get("models", ()) for key in table("models")[model]]


def study_processes(study: str) -> list[str]:
    """Processes that the samples of a study are made with.

    Raises
    ------
    InputError
        For an unknown study.

    Examples
    --------
    >>> study_processes("tau_l_alpha")
    ['tau_pair', 'continuum']
    """
    from toymc.studies import STUDIES

    if study not in STUDIES:
        raise InputError(f"unknown study '{study}': allowed are {', '.join(STUDIES)}")
    parts = [part for name in ("samples", "channels", "backgrounds") for part in getattr(STUDIES[study], name, ())]
    return list(dict.fromkeys(part.process for part in parts if hasattr(part, "process")))


def run_citations(folder: Path | str) -> list[Citation]:
    """Everything that a run should cite: study, processes, models, card, methods, libraries.

    Parameters
    ----------
    folder : path
        Of a run, validation or projection.

    Returns
    -------
    list of Citation
        Each entry once, with all its reasons, in the order above.

    Raises
    ------
    InputError
        If the folder holds no run.
    """
    result, run = read_result(Path(folder)), _read_run(Path(folder))
    reasons: dict[str, list[str]] = {}

    def cite(keys: Iterable[str], reason: str) -> None:
        for key in keys:
            said = reasons.setdefault(key, [])
            if reason not in said:
                said.append(reason)

    cite(table("studies").get(result.study, ()), f"study {result.study}")
    for process in study_processes(result.study):
        cite(process_keys(process), f"process {process}")
    for model in _models(result):
        cite(table("models").get(model, ()), f"model {model}")
    if result.detector is not None:
        cite(table("cards").get(result.detector, ()), f"card {result.detector}")
    for method in _methods(result, Path(folder)):
        cite(table("methods")[method], f"method {method}")
    versions = run.get("versions", {})
    for library, version in versions.items():
        cite(table("libraries").get(library, ()), f"library {library} {version}".rstrip())
    cite(table("libraries")["matplotlib"], "figures")
    if (Path(folder) / "hepdata").is_dir():
        cite(table("libraries")["hepdata"], "format of the submission")
    own = Citation(_toymc(result.version), ("this program",))
    return [own, *(Citation(find_entry(key), tuple(said)) for key, said in reasons.items())]


def _toymc(version: str) -> Entry:
    fields = {
        "author": "{The toymc authors}",
        "title": "{toymc}: fast toy {Monte Carlo} for {Belle II}",
        "howpublished": "software",
        "note": f"version {version}",
    }
    return Entry("toymc", "misc", fields, "R")


def _models(result: StudyResult) -> list[str]:
    """Models that limits were interpreted in."""
    found = [(h.interpretation or {}).get("model") for h in result.hypotheses or []]
    return list(dict.fromkeys(str(model) for model in found if model is not None))


def _methods(result: StudyResult, folder: Path) -> list[str]:
    """Methods that a run used, as far as its files tell."""
    hypotheses = result.hypotheses or []
    used = {
        "asymptotic_cls": bool(hypotheses),
        "templates": (folder / "workspace.json").is_file(),
        "unbinned": (folder / "scan.h5").is_file(),
        "toys": any(h.expected_toys is not None for h in hypotheses),
        "diagnostics": bool(result.diagnostics),
        "estimators": any(e.pull_width is not None for e in result.estimators or []),
        "projections": bool(result.projections),
    }
    return [method for method, is_used in used.items() if is_used]


def _read_run(folder: Path) -> dict[str, Any]:
    file = folder / "run.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}") from error


def bibtex_text(citations: Iterable[Citation], title: str) -> str:
    """All entries as one BibTeX file; the reasons stand above each as comments."""
    parts = [f"% {title}"]
    for citation in citations:
        parts.append(f"% {'; '.join(citation.reasons)}\n{citation.entry.bibtex()}")
    return "\n\n".join(parts) + "\n"
