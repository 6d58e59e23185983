"""Is what every verb prints with --json valid, with intervals and units, and documented?"""

import json
import re
from pathlib import Path

import pytest

from radhard.cli import main
from radhard.cli.json_document import SCHEMA, json_document

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"

OWN = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()

def data():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(30, 4, generator=generator), torch.randint(0, 3, (30,), generator=generator)
"""


def estimates(value):
    """Every estimate within a value of JSON."""
    if isinstance(value, dict):
        if {"value", "low", "high"} <= set(value):
            yield value
        for part in value.values():
            yield from estimates(part)
    elif isinstance(value, list):
        for part in value:
            yield from estimates(part)


@pytest.mark.filterwarnings("ignore::radhard.errors.RadhardWarning")
def test_every_verb_prints_one_documented_object(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)
    own, trust = ["own.py:build", "--data", "own.py:data"], "--trust"
    documented = set(re.findall(r"`([^`\n]+)`", DOCUMENT.read_text()))
    for words in (
        ["run", *own, "--sampler", "Uniform(60)", "--store", "a.db", "--max-rate", "100%"],
        ["run", *own, "--sampler", "Uniform(60)", "--seed", "1", "--store", "b.db"],
        ["run", *own, "--sampler", "ErrorRate((1e-3, 1e-2), trials=5)"],
        ["run", *own, "--sampler", "Uniform(20)", "--metric", "Distance()"],
        ["plan", *own, "--margin", "20%"],
        ["analyze", *own, "--with", "MaxValue()", "--against", "a.db", trust],
        ["harden", *own, "--with", "Ranger()", "--no-time", "-o", "hard"],
        ["verify", "a.db", "--model", "hard", "--no-time", "--fit-per-bit", "1e-4", trust],
        ["compare", "a.db", "b.db", "--by", "layer"],
        ["report", "a.db"],
        ["advise", *own, "--memory", "dram", "--goal", "rate"],
    ):
        assert main([*words, "--json"]) == 0, capsys.readouterr().err
        told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
        assert (told["schema"], told["verb"]) == (SCHEMA, words[0])
        assert set(told) <= documented, (words[0], set(told) - documented)
        found = list(estimates(told))
        # Distances have no mean with an interval.
        assert found or words[0] in ("report", "advise", "harden") or "Distance()" in words
        for each in found:
            assert each["low"] <= each["value"] <= each["high"]
            assert 0 < each["confidence"] < 1
            assert "unit" in each or "tensor" in each


def test_numbers_that_json_lacks_are_null():
    told = json.loads(json_document({"a": float("nan"), "b": [float("inf"), (1.5, "x")], 3: None}))
    assert {key: told[key] for key in ("a", "b", "3")} == {
        "a": None,
        "b": [None, [1.5, "x"]],
        "3": None,
    }
