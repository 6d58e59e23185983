"""Is a file of another kind, given as a model, answered with the command that takes it?"""

import pytest

from radhard.cli import main
from radhard.cli.given_files import check_model_file
from radhard.errors import InputError


@pytest.fixture
def run_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.db").write_bytes(b"SQLite format 3\0" + bytes(84))
    (tmp_path / "copy").write_bytes(b"SQLite format 3\0" + bytes(84))
    return "base.db"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["run", "base.db"], "radhard run --from base.db --store base.db"),
        (["run", "base.db", "--data", "mnist"], "radhard report base.db"),
        (["run", "copy"], "radhard run --from copy"),
        (["analyze", "base.db", "--with", "MaxValue()"], "--against base.db"),
        (["verify", "base.db"], "radhard verify base.db --model"),
        (["verify", "base.db", "--model", "base.db"], "radhard verify RUN --model"),
        (["verify", ".", "--model", "base.db"], "radhard verify RUN --model"),
        (["verify", ".", "--model", "lenet5"], "the run comes first"),
        (["harden", "base.db", "--data", "mnist"], "lenet5"),
    ],
)
def test_a_run_file_in_place_of_a_model_is_answered_with_the_right_command(
    words, command, run_file, capsys
):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert command in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("name", ["page.html", "scores.json", "folder"])
def test_other_files_and_folders_are_no_models(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "." in name:
        (tmp_path / name).write_text("{}")
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"file\.py:function"):
        check_model_file(name, "run")


def test_the_folder_of_a_hardened_model_and_texts_that_name_no_file_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hard").mkdir()
    (tmp_path / "hard" / "recipe.json").write_text("{}")
    for text in ("hard", "lenet5", "net.py:build", "a/b.pt2", "x" * 5000):
        check_model_file(text, "run")
