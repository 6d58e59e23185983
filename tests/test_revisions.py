"""Are two revisions timed in turn, and is one found that is slower?"""

import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import revisions
from benchmarks.actions import ACTIONS, Action
from benchmarks.pairs import Ratio
from benchmarks.revisions import ActionError, Line, Turn, main
from benchmarks.rows import EXHAUSTIVE, ROWS, WORKERS

ROOT = Path(__file__).parent.parent


def line(ratio: Ratio, same: bool | None = True) -> Line:
    return Line(Action("row", "words", lambda _: object), 1.0, ratio.median, 9, ratio, same)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(1.06, 1.2, "surely"), (0.9, 1.06, "possibly"), (1.05, 1.2, "possibly"), (0.9, 1.05, "")],
)
def test_a_row_is_surely_slower_if_its_whole_interval_is_above(
    low: float, high: float, verdict: str
) -> None:
    assert line(Ratio((low + high) / 2, low, high)).slower(1.05) == verdict


class Scripted:
    """A process whose calls take the seconds it is given; action ``broken`` raises an error."""

    times: dict[str, float] = {}  # noqa: RUF012
    order: list[str] = []  # noqa: RUF012

    def __init__(self, revision: str, *_: object) -> None:
        self.revision = revision

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def turn(self, action: str, *, quick: bool) -> Turn:
        if action == "lstm":
            raise ActionError(f"in {self.revision}: broken")
        self.order.append(self.revision)
        return Turn(self.times.get(action, 5.0) if self.revision == "HEAD" else 5.0, "digest")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    monkeypatch.setattr(revisions, "Process", Scripted)
    monkeypatch.setattr(revisions, "_checkout", lambda _, tree: nullcontext(tree))
    monkeypatch.setattr(Scripted, "order", [])
    return Scripted


def test_a_row_that_is_surely_slower_ends_in_exit_code_1_only_with_a_limit(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripted, "times", {"lenet5": 4.0})
    rows = ["HEAD", "--rows", "lenet5", "--rows", "resnet20"]
    slower = CliRunner().invoke(main, [*rows, "--limit", "1.2"])
    assert slower.exit_code == 1
    assert "Surely above 1.2: lenet5." in slower.stdout
    assert CliRunner().invoke(main, rows).exit_code == 0
    assert CliRunner().invoke(main, [*rows, "--limit", "1.3"]).exit_code == 0


def test_revisions_take_turns(scripted: type[Scripted]) -> None:
    CliRunner().invoke(main, ["HEAD", "--rows", "lenet5", "--turns", "6"])
    new = "this tree"
    assert scripted.order == ["HEAD", new, *["HEAD", new, new, "HEAD"] * 3]


def test_a_row_that_fails_is_named_and_the_others_are_measured(scripted: type[Scripted]) -> None:
    done = CliRunner().invoke(main, ["HEAD", "--rows", "lstm", "--rows", "lenet5"])
    assert done.exit_code == 1
    assert "lstm: in HEAD: broken" in done.stdout
    assert "| lenet5 " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["no-revision"], "no-revision"), (["HEAD", "--rows", "lenet"], "lenet"), ([], "OLD")],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code in (1, 2)
    assert words in done.stderr


def test_every_row_of_the_table_of_engines_is_an_action() -> None:
    assert {row.name for row in (*ROWS, WORKERS, EXHAUSTIVE)} <= set(ACTIONS)


@pytest.mark.slow
def test_equal_revisions_return_equal_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a worktree and two processes."""
    for package in ("radhard", "benchmarks"):
        shutil.copytree(ROOT / package, tmp_path / package)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "radhard"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(revisions, "ROOT", tmp_path)
    monkeypatch.setattr(revisions, "SECONDS", 0)
    done = CliRunner().invoke(main, ["HEAD", "--turns", "6", "--rows", "analysis-gain"])
    assert done.exit_code == 0, done.output
    cells = next(x for x in done.stdout.splitlines() if x.startswith("| analysis")).split(" | ")
    assert all(float(cell.removesuffix(" ms")) > 0 for cell in cells[1:3])
    assert cells[3] == "6"
    assert cells[-1].strip(" |") == "same"
    listed = subprocess.run([*git, "worktree", "list"], check=True, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1
