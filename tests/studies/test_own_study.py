"""Is a study of one's own one short file, whether its kind is known or new?"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from radhard.cli import main
from radhard.errors import InputError
from radhard.studies import NETWORKS, Claim, NetworkSection, Plan, Study, conduct, study_named
from radhard.studies.claim import exactly
from radhard.studies.correct_answers import correct_answers
from tests.studies.tiny import tiny_network

DOCS = Path(__file__).parents[2] / "docs" / "studies.md"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())


@dataclass(frozen=True, kw_only=True)
class AccuracyStudy(Study[float]):
    """Counts correct answers, and injects nothing."""

    def measure(self, network, plan):
        return float(correct_answers(network.model, network.test).mean())

    def section(self, network, findings):
        return NetworkSection("A sentence.", ["More of it."], {}, {"accuracy": findings})

    def intervals(self):
        return "Every image is counted."

    def settings(self, plan):
        return {}


ACCURACY = AccuracyStudy(
    name="accuracy",
    title="Accuracy",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda found: [Claim("accurate", exactly(found, "share", 20), "at least", 0.5)],
)


def test_new_kind_of_study_goes_through_the_same_pipeline(tmp_path):
    page, numbers = conduct(ACCURACY, Plan(seed=4), tmp_path)
    facts = json.loads(numbers.read_text("utf-8"))
    network = tiny_network()
    expected = float(correct_answers(network.model, network.test).mean())
    assert facts["networks"][0]["accuracy"] == expected > 0.5
    assert facts["networks"][0]["claims"][0]["verdict"] == "holds"
    text = page.read_text("utf-8")
    assert all(part in text for part in ("# Accuracy", "Seed 4", "## tiny", "More of it."))


def test_setting_that_a_kind_of_study_does_not_use_is_refused(tmp_path):
    with pytest.raises(InputError, match="workers"):
        conduct(ACCURACY, Plan(workers=2), tmp_path)
    assert not any(tmp_path.iterdir())


def test_study_of_the_documentation_runs_from_a_terminal(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(# mine\.py.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert len(code.splitlines()) < 150
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(code)
    line = ["study", "mine.py:bounds_or_nothing", "--network", "tiny", "--runs", "2", "--no-time"]
    assert main([*line, "-o", "pages"]) == 0
    facts = json.loads(Path("pages/bounds-or-nothing.json").read_text("utf-8"))
    names = [variant["name"] for variant in facts["networks"][0]["variants"]]
    assert names == ["unprotected", "bounded"]


def test_function_that_returns_no_study_is_refused(tmp_path):
    file = tmp_path / "other.py"
    file.write_text("def number():\n    return 3\n")
    with pytest.raises(InputError, match="int"):
        study_named(f"{file}:number")
