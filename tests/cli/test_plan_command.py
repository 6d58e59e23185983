"""Does `radhard plan` say what a margin costs, and how to go on?"""

import json
import shlex

import pytest

from radhard.cli import main

MODEL = ["plan", "mlp", "--data", "mnist", "--n", "8"]


def test_the_last_line_is_a_command_that_runs_and_keeps_its_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*MODEL, "--margin", "5%", "--seed", "3"]) == 0
    *_, command = capsys.readouterr().out.strip().splitlines()
    words = shlex.split(command)
    assert words[:2] == ["radhard", "run"]
    assert main(words[1:]) == 0
    assert (tmp_path / "runs" / "mlp.db").is_file()


def test_the_command_writes_to_a_run_file_that_is_not_there_yet(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlp.db").touch()
    assert main([*MODEL, "--margin", "20%"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("--store runs/mlp-2.db")


def test_json_has_the_rows_of_the_table(capsys):
    assert main([*MODEL, "--max-fit", "20", "--fit-per-bit", "1e-4", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"margin", "floor", "samplers", "pilot"} <= set(facts)
    assert all(row["trials"] > 0 for row in facts["samplers"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "give one of --margin"),
        (["--margin", "1%", "--max-rate", "2%"], "give one of --margin"),
        (["--max-fit", "10"], "--fit-per-bit"),
        (["--max-fit", "1e9", "--fit-per-bit", "1e-4"], "no trials are needed"),
    ],
)
def test_what_is_missing_is_one_line(options, told, capsys):
    assert main([*MODEL, *options]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error
    assert len(error.splitlines()) == 1


def test_a_narrow_terminal_gets_every_sampler_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main([*MODEL, "--margin", "20%"]) == 0
    *lines, _ = capsys.readouterr().out.splitlines()  # the command is one line to copy
    assert max(map(len, lines)) <= 40
    assert "Adaptive(0.2, caps=Certified())" in lines
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines)
