"""Does what the README shows happen?"""

import re
import shutil
from pathlib import Path

import pytest

import radhard as rh
from radhard.cli import main
from tests.snippets import blocks, commands, smaller

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


@pytest.mark.parametrize("size", ["smaller", pytest.param("as it stands", marks=pytest.mark.slow)])
def test_python_in_the_readme_runs(size, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shown: dict[str, object] = {}
    for language, block in blocks(README):
        if language == "python":
            exec(smaller(block) if size == "smaller" else block, shown)
    assert (tmp_path / "runs" / "base.html").is_file()
    assert (tmp_path / "runs" / "hard.html").is_file()
    assert (tmp_path / "runs" / "hard" / "recipe.json").is_file()
    headline, number, by_layer = capsys.readouterr().out.split("\n", 2)
    assert headline == str(shown["base"].rate())
    assert float(number) == shown["base"].rate("masked").value
    assert by_layer.startswith("Outcome().critical by layer\nconv1")
    fresh = rh.models.load("lenet5").state_dict()
    assert all(fresh[name].equal(tensor) for name, tensor in shown["model"].state_dict().items())


def test_commands_in_the_readme_are_among_those_that_other_tests_run():
    # Those of the page in tests/test_guides.py, that on the example in tests/test_examples.py.
    page = [
        command
        for _, block in blocks(README.parent / "docs" / "command-line.md")
        for command in commands(block)
    ]
    shown = [command for _, block in blocks(README) for command in commands(block)]
    assert [c for c in shown if c not in page and "examples/own_network.py:build" not in c] == []


@pytest.mark.slow
def test_commands_in_the_readme_run_in_order_in_an_empty_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    # Of the clone they need the examples only.
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shown = [command for _, block in blocks(README) for command in commands(block)]
    assert len(shown) > 3
    for command in shown:
        code = main(command)
        told = capsys.readouterr()
        # A limit may be missed on so few trials; nothing else may go wrong.
        assert code in ((0, 1) if _has_limit(command) else (0,)), (command, told.err)
    made = {path.name for path in (tmp_path / "runs").iterdir()}
    assert {"float.db", "float.html", "hard", "hard.db", "hard.html"} <= made


def _has_limit(command: list[str]) -> bool:
    return any(word.startswith("--max-") for word in command)


def test_the_profile_of_a_hardening_is_no_data_of_the_test():
    text = README.read_text("utf-8")
    assert re.search(r"hardenings\.\w+\(\)\(model, train\)", text)
    assert "(model, data)  # no activation" not in text


def test_lines_of_the_readme_are_short_enough_to_read_as_text():
    assert [line for line in README.read_text("utf-8").splitlines() if len(line) > 120] == []
