"""Is a campaign in a TOML file the same as on the command line, and no way around --trust?"""

import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.cli import main, radhard
from radhard.cli.campaign_file import as_toml
from radhard.results import Results
from tests.cli.test_run_command import CODE
from tests.small import digest

RUN = ["run", "mlp(hidden=(4,), inputs=64)", "--data", "digits", "--n", "12"]
RUN += ["--sampler", "Uniform(9)", "--format", "fc1=Int(8)", "--format", "Float32()"]
RUN += ["--metric", "Sdc()", "--seed", "0", "--max-rate", "100%"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def refused(capsys, *arguments):
    capsys.readouterr()
    assert main(list(arguments)) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    return told.err


def test_printed_options_are_the_same_campaign(folder, capsys):
    assert main([*RUN, "--print-config"]) == 0
    text = capsys.readouterr().out
    (folder / "c.toml").write_text(text)
    assert tomllib.loads(text)["seed"] == 0
    assert main([*RUN, "--store", "a.db"]) == 0
    assert main(["run", "c.toml", "--store", "b.db"]) == 0
    assert digest("a.db") == digest("b.db")
    # The options of a file that was read are printed as that file.
    capsys.readouterr()
    assert main(["run", "c.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == text
    assert main(["run", "--from", "a.db", "--print-config"]) == 0
    again = tomllib.loads(capsys.readouterr().out)
    # A run file says what it used: no more samples in a batch than there are, and the planes.
    used = {"max-rate": 1.0, "batch": 100}
    assert again.pop("plane") == ["codes"]
    assert {**again, **used} == tomllib.loads(text)


def test_the_command_line_takes_precedence(folder):
    (folder / "c.toml").write_text(
        'model = "mlp(hidden=(4,), inputs=64)"\ndata = "digits"\nn = 12\nsampler = "Uniform(9)"\n'
        'seed = 3\n[format]\n"fc1" = "Int(8)"\n"*" = "Float32()"\n'
    )
    assert main(["run", "c.toml", "--sampler", "Uniform(7)", "--store", "a.db"]) == 0
    results = Results.open("a.db")
    assert (repr(results.sampler), results.seed) == ("Uniform(7)", 3)
    assert "Int(8)" in repr(results.space)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('samplr = "Uniform(9)"', "did you mean sampler"),
        ("trust = true", "no key 'trust'"),
        ('sampler = "Unifrom(9)"', "Uniform"),
        ('n = "many"', "--n"),
        ("n = 5.7", "--n 5.7 is not allowed; give a whole number from 1"),
        ("sampler = {n = 1}", "sampler is a table"),
        ("max-rate = 7", "--max-rate"),
        ("model = ", "not a TOML file"),
        ("\ufffe\x00", "not a TOML file"),
        ("", "no model was given"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(folder, capsys, text, said):
    (folder / "c.toml").write_text(text)
    assert said in refused(capsys, "run", "c.toml")


def test_a_file_that_is_not_there_is_told(folder, capsys):
    assert "cannot be read" in refused(capsys, "run", "none.toml")


def test_code_that_a_campaign_file_names_is_run_only_if_it_is_trusted(folder, capsys):
    (folder / "own_code.py").write_text("open('ran', 'w').close()\n" + CODE)
    own = 'model = "own_code.py:build"\ndata = "own_code.py:samples"\nsampler = "Uniform(5)"\n'
    (folder / "c.toml").write_text(own)
    assert "--trust" in refused(capsys, "run", "c.toml")
    (folder / "d.toml").write_text(
        'model = "mlp"\ndata = "mnist"\nn = 5\nsampler = "own_code:Mine(5)"\n'
    )
    assert "--trust" in refused(capsys, "run", "d.toml")
    assert not (folder / "ran").exists()
    assert main(["run", "c.toml", "--trust"]) == 0
    assert (folder / "ran").exists()
    sys.modules.pop("own_code", None)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, st.lists(TEXTS, min_size=1), st.integers(0, 2**31), st.floats(0, 1))
def test_any_value_is_read_back_as_it_was(model, targets, seed, audit):
    command = radhard.commands["run"]
    values = {"model": model, "target": tuple(targets), "seed": seed, "audit": audit}
    text = as_toml(command, values)
    assert tomllib.loads(text) == {**values, "target": targets}
