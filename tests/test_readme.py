"""Does what the README shows happen?"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import radhard as rh
from radhard.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

SMALLER = {
    "--n 100": "--n 12", "--n 500": "--n 80", "trials=50": "trials=2",
    "n=100)": "n=30)", "n=500)": "n=100)", "n=400)": "n=40)", "Uniform(200)": "Uniform(40)",
}  # fmt: skip
"""What is shown with numbers that take long is run with smaller ones, and is the same else."""


def blocks() -> list[tuple[str, str]]:
    """Language and text of every block of code, in order."""
    return re.findall(r"```(\w*)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("size", ["smaller", pytest.param("as it stands", marks=pytest.mark.slow)])
def test_python_in_the_readme_runs(size, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shown: dict[str, object] = {}
    for language, block in blocks():
        if language == "python":
            exec(_smaller(block) if size == "smaller" else block, shown)
    assert (tmp_path / "runs" / "base.html").is_file()
    assert (tmp_path / "runs" / "blame.html").is_file()
    assert (tmp_path / "runs" / "hard.html").is_file()
    assert (tmp_path / "runs" / "hard" / "recipe.json").is_file()
    headline, number, by_layer = capsys.readouterr().out.split("\n", 2)
    assert headline == str(shown["base"].rate())
    assert float(number) == shown["base"].rate("masked").value
    assert by_layer.startswith("Outcome().critical by layer\nconv1")
    fresh = rh.models.load("lenet5").state_dict()
    assert all(fresh[name].equal(tensor) for name, tensor in shown["model"].state_dict().items())


def test_commands_in_the_readme_run_in_order_in_an_empty_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    # Of the clone they need the examples only.
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    commands = [command for _, block in blocks() for command in _commands(block)]
    assert len(commands) > 12
    for command in commands:
        code = main(shlex.split(command)[1:])
        told = capsys.readouterr()
        # A limit may be missed on so few trials; nothing else may go wrong.
        assert code in ((0, 1) if "--max-" in command else (0,)), (command, told.err)
    made = {path.name for path in (tmp_path / "runs").iterdir()}
    assert {"float.db", "float.html", "fixed.db", "scores.json", "hard", "hard.db"} <= made
    assert {"hard.html", "double", "double.db", "ways.html"} <= made


def _commands(block: str) -> list[str]:
    """Every command of radhard in a block, on one line, with smaller numbers."""
    lines = block.replace("\\\n", " ").splitlines()
    commands = [line.partition("  #")[0] for line in lines if line.startswith("radhard ")]
    return [_smaller(command) + _sampler(command) for command in commands]


def _smaller(code: str) -> str:
    for number, less in SMALLER.items():
        code = code.replace(number, less)
    return code


def _sampler(command: str) -> str:
    # By default 400 trials a tensor.
    plain = command.startswith("radhard run") and "--sampler" not in command
    return ' --sampler "PerTensor(n=4)"' if plain and "--help" not in command else ""


def test_the_profile_of_a_hardening_is_no_data_of_the_test():
    text = README.read_text("utf-8")
    assert re.search(r"hardenings\.\w+\(\)\(model, train\)", text)
    assert "(model, data)  # no activation" not in text
