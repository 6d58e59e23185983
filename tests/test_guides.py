"""Do the guides do what they show, in an empty folder and in order?"""

import re
import sys
from pathlib import Path

import pytest

from radhard.cli import main, radhard
from tests.snippets import blocks, commands, smaller

DOCS = Path(__file__).parents[1] / "docs"

GUIDES = {
    "getting-started.md": {"base.db", "hard.html", "own.db", "own-hard.html"},
    "command-line.md": {"float.html", "scores.json", "double.db", "ways.html"},
    "python.md": {"base.db", "blame.html", "hard.db"},
    "guides/paper.md": {"twos.db", "sign.db", "twos.html"},
    "guides/evidence.md": {"base.db", "base.xml", "fit.html", "hard", "hard.html", "again.db"},
    "guides/edge.md": set(),
}
"""Every guide, and the files that it leaves behind."""


@pytest.mark.parametrize(
    "guide",
    [
        # Its commands are those of the README, with other numbers.
        pytest.param(name, marks=pytest.mark.slow) if name == "guides/evidence.md" else name
        for name in GUIDES
    ],
)
def test_a_guide_runs_as_it_stands(guide, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "runs").mkdir()
    shown: dict[str, object] = {}
    for language, block in blocks(DOCS / guide):
        if "title=" in language:
            name = language.partition('title="')[2].rstrip('"')
            (tmp_path / name).write_text(block, "utf-8")
        elif language == "python":
            exec(smaller(block), shown)
        for command in commands(block):
            code = main(command)
            told = capsys.readouterr()
            # A limit may be missed on so few trials; nothing else may go wrong.
            limited = any(word.startswith("--max-") for word in command)
            assert code in ((0, 1) if limited else (0,)), (command, told.err)
    made = {path.name for path in (tmp_path / "runs").iterdir()}
    assert made >= GUIDES[guide]
    sys.modules.pop("net", None)


@pytest.mark.parametrize("page", ["questions.md", "choose.md"])
def test_every_option_that_a_page_names_is_one_of_its_command(page):
    shown = re.findall(r"radhard (\w+)([^`]*)", (DOCS / page).read_text("utf-8"))
    named = [(verb, re.findall(r"--[\w-]+", rest)) for verb, rest in shown]
    assert len(named) > 1
    for verb, options in named:
        if verb in radhard.commands:
            known = {name for option in radhard.commands[verb].params for name in option.opts}
            assert set(options) <= {*known, "--help"}, verb


def test_every_guide_is_run():
    there = {path.relative_to(DOCS).as_posix() for path in (DOCS / "guides").glob("*.md")}
    assert there == {name for name in GUIDES if "/" in name}


def test_the_table_of_trials_and_limits_is_right():
    from radhard.stats import clopper_pearson

    text = (DOCS / "choose.md").read_text("utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| 3")]
    assert len(rows) == 4
    for trials, limit in rows:
        n, told = int(trials.replace(",", "")), float(limit.replace("%", "")) / 100
        assert clopper_pearson(0, n)[1] == pytest.approx(told, rel=0.06)
