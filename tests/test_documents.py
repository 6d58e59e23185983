"""Do the documents say what is so?"""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from radhard import datasets, models
from radhard.analyses import ANALYSES
from radhard.campaign import run
from radhard.cli import main
from radhard.engines import ENGINES
from radhard.faults import FAULTS, BitFlip
from radhard.formats import FORMATS, Float32
from radhard.manifest import identity
from radhard.metrics import METRICS
from radhard.results import Results
from radhard.samplers import SAMPLERS, ErrorRate, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import TARGETS, Weights

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_format_of_the_run_file_is_as_described(tmp_path):
    path = tmp_path / "run.db"
    command = ["run", "lenet5", "--data", "mnist", "--n", "2", "--sampler", "Uniform(2)"]
    assert main([*command, "--store", str(path)]) == 0
    section = ARCHITECTURE.partition("Table `manifest`")[2].partition("\nTable `checksums`")[0]
    described = set(re.findall(r"^\| `([\w ]+)` \|", section, re.MULTILINE))
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA application_id").fetchone()[0].to_bytes(4, "big") == b"radh"
        assert db.execute("PRAGMA user_version").fetchone()[0] == 2
        keys = {key for (key,) in db.execute("SELECT key FROM manifest")}
        columns = [row[1] for row in db.execute("PRAGMA table_info(trials)")]
        tables = {
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
    db.close()
    # Those of a staged sampler are added by one.
    command[-1] = "Adaptive(0.4)"
    assert main([*command, "--store", str(tmp_path / "staged.db")]) == 0
    with sqlite3.connect(tmp_path / "staged.db") as db:
        keys |= {key for (key,) in db.execute("SELECT key FROM manifest")}
    db.close()
    assert keys == described
    assert columns[:3] == ["trial", "fault", "faults"]
    assert "Outcome().critical" in columns
    assert tables == {"manifest", "trials", "checksums"}


def test_keys_that_identify_a_run_are_those_that_are_said_to(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "radhard.campaign.identity", lambda *a: seen.append(identity(*a)) or seen[0]
    )
    tiny(Uniform(2))
    section = ARCHITECTURE.partition("These identify a run")[2].partition("These only say")[0]
    assert list(seen[0]) == re.findall(r"^\| `([\w ]+)` \|", section, re.MULTILINE)


def test_trial_of_many_faults_names_none_of_them(tmp_path):
    tiny(ErrorRate(0.5, trials=3), store=tmp_path / "run.db")
    with sqlite3.connect(tmp_path / "run.db") as db:
        rows = db.execute("SELECT fault, faults FROM trials").fetchall()
    db.close()
    assert [fault for fault, _ in rows] == [None] * 3
    assert all(faults > 1 for _, faults in rows)


def test_changelog_names_everything_that_an_option_may_name():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    families = [FAULTS, FORMATS, TARGETS, SAMPLERS, METRICS, ENGINES, ANALYSES]
    rows = [row for family in families for row in family.listed()]
    rows += models.listed() + datasets.listed()
    assert len(rows) > 25
    assert [name for name, _ in rows if f"`{name}`" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_somewhere(document):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    # Pages of the reference are made from the code when the site is built (tests/test_site.py).
    made = ("reference/", "../reference/")
    inside = [t for t in targets if "://" not in t and not t.startswith(made)]
    assert [target for target in inside if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_is_there(document):
    tests = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    named = set(re.findall(r"`(test_\w+)`", document.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_glossary_explains_each_word_once():
    words = re.findall(
        r"^\*\*(.+?)\.\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE
    )
    assert len(words) > 40
    assert len(words) == len(set(words))


def tiny(sampler: Sampler, store: Path | None = None) -> Results:
    model = nn.Linear(4, 3)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    data = torch.rand(5, 4), torch.from_numpy(np.arange(5) % 3)
    return run(model, data, space, sampler, store=store)


def test_every_analysis_has_its_row():
    text = (ROOT / "docs" / "analyses.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text.partition("## Which one")[2], re.MULTILINE)
    assert {name for name, _ in ANALYSES.listed()} <= set(rows)
