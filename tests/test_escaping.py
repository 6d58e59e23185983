"""Is text of somebody else shown, and never obeyed, by a terminal?"""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard import FaultSpace
from radhard.cli import main
from radhard.comparison import compare
from radhard.escaping import printable, visible
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.targets import Weights
from tests.small import campaign, data

NAMES = ("a\x1b]0;owned\x07", "b\x1b[31m\t", "c\u202e\u200f")
CODES = [chr(n) for n in (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x200F, 0x61C)]
CODE = f"""
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    net = nn.Sequential()
    for name, layer in zip({NAMES!r}, (nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2))):
        net.add_module(name, layer)
    return net.eval()

def samples():
    torch.manual_seed(1)
    return torch.randn(6, 3), torch.arange(6) % 2
"""


def codes_in(text):
    return {c for c in CODES if c in text} - {"\n"}


def hostile():
    net = nn.Sequential()
    for name, layer in zip(NAMES, (nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)), strict=True):
        net.add_module(name, layer)
    return net.eval()


@given(st.text())
def test_printable_text_is_one_line_without_controls_and_of_the_same_length(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert not codes_in(shown)
    assert not [c for c in shown if unicodedata.category(c) == "Cc"]
    assert all(a in (b, "�") for a, b in zip(shown, text, strict=True))
    assert printable(shown) == shown == visible(shown)


def test_reprs_of_results_hold_no_codes():
    model = hostile()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    results = campaign(model=model, space=space)
    for by in ("tensor", "layer"):
        assert not codes_in(repr(results.rate(by=by)))
        assert not codes_in(repr(compare(results, results, by=by)))
        assert "�" in repr(results.rate(by=by))
    assert not codes_in(repr(results))
    assert data() is not None


@pytest.mark.parametrize(
    "line",
    [
        ["run", "own_net.py:build", "--data", "own_net.py:samples", "--sampler", "Uniform(40)"],
        ["run", "own_net.py:build", "--data", "own_net.py:samples", "--target", "Weights('\x1b')"],
        ["analyze", "own_net.py:build", "--data", "own_net.py:samples", "--with", "MaxValue()"],
        ["report", "none\x1b[31m.db"],
        ["verify", "own\u202e.db", "--model", "x"],
    ],
)
def test_no_verb_hands_codes_of_a_name_to_the_terminal(tmp_path, monkeypatch, capsys, line):
    (tmp_path / "own_net.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    main(line)
    told = capsys.readouterr()
    assert told.out + told.err
    assert not codes_in(told.out + told.err)
