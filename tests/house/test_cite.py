"""`toymc cite`: every study, process, card, model and method has its entries, every key exists, entries are BibTeX."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from toymc.cli import main as entry
from toymc.errors import InputError
from toymc.generators.models.library import MODELS
from toymc.generators.processes import PROCESSES
from toymc.report.citations import bibtex_text, find_entry, process_keys, run_citations, study_processes, table
from toymc.report.result import Bands, Hypothesis, StudyResult
from toymc.report.run_toml import RunConfig
from toymc.report.write import write_run
from toymc.studies import STUDIES

ROOT = Path(__file__).parents[2]
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5}|[a-z-]+/\d{7})|\b(hep-(?:ph|ex)/\d{7})")
REQUIRED = {
    "article": {"author", "title", "journal", "year"},
    "book": {"author", "title", "publisher", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "phdthesis": {"author", "title", "school", "year"},
    "misc": {"author", "title", "year"},
}


def eprints(keys):
    return {find_entry(key).fields.get("eprint") for key in keys}


def named(text):
    return {first or second for first, second in ARXIV.findall(text)}


def parse(text):
    """A small reader of BibTeX: type, key and fields of every entry; anything else is an error."""
    entries, position = [], 0
    while (start := text.find("@", position)) >= 0:
        head = re.match(r"@(\w+)\{([^,\s]+),", text[start:])
        assert head, text[start : start + 40]
        depth, end = 1, start + text[start:].index("{") + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        body = text[start + head.end() : end - 1]
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", body, re.MULTILINE))
        assert len(fields) == len(body.strip().splitlines()), body
        assert all(value.count("{") == value.count("}") for value in fields.values())
        entries.append((head[1], head[2], fields))
        position = end
    return entries


@pytest.mark.parametrize("key", table("entries"))
def test_entries_are_whole_and_parse(key):
    found = find_entry(key)
    assert REQUIRED[found.type] <= set(found.fields) and found.tag in "PRM"
    ((kind, name, fields),) = parse(found.bibtex())
    assert (kind, name, fields) == (found.type, key, dict(found.fields))
    assert found.bibtex().isascii()
    assert 1900 < int(fields["year"]) < 2100
    if "eprint" in fields:
        assert re.fullmatch(r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}", fields["eprint"])
        assert fields["archiveprefix"] == "arXiv"
        # the number carries year and month of submission, the publication is not earlier
        number = fields["eprint"].partition("/")[2] or fields["eprint"]
        century = 1900 if int(number[:2]) > 90 else 2000
        assert century + int(number[:2]) <= int(fields["year"])
    if "doi" in fields:
        assert re.fullmatch(r"10\.\d{4,5}/\S+", fields["doi"])
        aps = re.fullmatch(r"10\.1103/PhysRev\w*\.(\d+)\.(\w+)", fields["doi"])
        if aps:
            assert (fields["volume"], re.split("-", fields["pages"])[0]) == aps.groups()
        jhep = re.fullmatch(r"10\.1007/JHEP(\d\d)\((\d{4})\)(\d+)", fields["doi"])
        if jhep:
            assert (fields["volume"], fields["year"], fields["pages"]) == jhep.groups()


def test_no_publication_stands_twice():
    for name in ("eprint", "doi"):
        values = [row[name] for row in table("entries").values() if name in row]
        assert len(set(values)) == len(values)


def test_every_key_exists():
    for name in ("studies", "libraries", "parts", "models", "cards", "methods"):
        for keys in table(name).values():
            for key in keys:
                find_entry(key)
    for process in table("processes"):
        for key in process_keys(process):
            find_entry(key)


def test_every_room_has_its_entries():
    cards = {path.parent.name for path in (ROOT / "geometry").glob("*/card.toml")}
    assert set(table("cards")) == cards
    assert set(table("processes")) == set(PROCESSES)
    assert set(table("models")) == set(MODELS)
    missing = set(STUDIES) - set(table("studies"))
    assert not missing, f"add {missing} to [studies] of studies/references.toml"
    for name, study in STUDIES.items():
        assert set(study_processes(name)) <= set(PROCESSES)
        assert named(study.reference) <= eprints(table("studies")[name])


def test_what_the_numbers_name_is_cited():
    """Every arXiv number that a card, a model or the published numbers of a study name is among its entries."""
    for card in table("cards"):
        files = [path.read_text(encoding="utf-8") for path in (ROOT / "geometry" / card).iterdir()]
        text = "".join(line for file in files for line in file.splitlines(True) if not line.startswith("#"))
        # where a study was used to choose a number it says so; the study is cited by the study
        assert named(text) - {"2306.02830"} <= eprints(table("cards")[card]), card
    for model in table("models"):
        text = (ROOT / "generators" / "models" / f"{model}.py").read_text(encoding="utf-8")
        assert named(text) <= eprints(table("models")[model]), model
    published = tomllib.loads((ROOT / "studies" / "published.toml").read_text(encoding="utf-8"))
    for study in STUDIES:
        keys = [*table("studies")[study], *(k for p in study_processes(study) for k in process_keys(p))]
        keys += table("cards")[STUDIES[study].card]
        missing = named(json.dumps(published.get(study, {}))) - eprints(keys)
        assert not missing, f"{study}: add {missing} to studies/references.toml"


@pytest.fixture
def run(tmp_path):
    limit = Hypothesis(parameters={"channel": "e"}, cl=0.95, expected=Bands.of([1.0, 2.0, 3.0, 4.0, 5.0]))
    result = StudyResult(
        study="tau_l_alpha", version="0.1.0", seed=1, detector="belle2",
        hypotheses=[limit, limit.model_copy(update={"interpretation": {"model": "higgs_scalar"}})],
    )  # fmt: skip
    config = RunConfig("tau_l_alpha", {"seed": 1}, {"toymc": "0.1.0", "numpy": "2.4.6", "pdg": "2026"})
    folder = tmp_path / "run"
    folder.mkdir()
    write_run(folder, result, config, title="t", workspace={"channels": []})
    return folder


def test_citations_of_a_run(run):
    found = {c.entry.key: c.reasons for c in run_citations(run)}
    assert "study tau_l_alpha" in found["Belle-II:2022heu"]
    assert "card belle2" in found["BelleII:TDR"]
    assert "process continuum" in found["Bierlich:2022pfr"]
    assert "method asymptotic_cls" in found["Cowan:2010js"]
    assert "model higgs_scalar" in found["Winkler:2018qyg"]
    assert found["numpy"] == ("library numpy 2.4.6",)
    assert "numba" not in found and "Gross:2010qma" not in found
    assert "Cranmer:2012sba" in found and "HEPData" in found
    text = bibtex_text(run_citations(run), "all")
    assert [key for _, key, _ in parse(text)] == list(found)


def test_command(run, tmp_path, capsys):
    assert entry.run(["cite", str(run), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["entries"][0]["key"] == "toymc" and "bibtex" in answer["entries"][1]
    out = tmp_path / "a.bib"
    assert entry.run(["cite", str(run), "--out", str(out)]) == 0
    assert f"{len(answer['entries'])} entries" in capsys.readouterr().out
    assert len(parse(out.read_text())) == len(answer["entries"])
    assert entry.run(["cite", str(run)]) == 0
    assert capsys.readouterr().out == out.read_text()


def test_refusals(tmp_path, capsys):
    for folder, message in ((tmp_path / "nowhere", "give the folder of a run"), (tmp_path, "result.json")):
        assert entry.run(["cite", str(folder)]) == 2
        err = capsys.readouterr().err
        assert message in err and err.count("\n") == 1
    with pytest.raises(InputError, match="unknown study 'x': allowed are"):
        study_processes("x")
    with pytest.raises(InputError, match="no publication 'x'"):
        find_entry("x")
