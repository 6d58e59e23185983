"""How does a warning read in a terminal?"""

import warnings

import click
import pytest

from radhard.cli import main, radhard
from radhard.errors import RadhardWarning


@click.command("warn-for-a-test")
def warn() -> None:
    warnings.warn("3 of 9 layers,\nnot: fc1", RadhardWarning, stacklevel=2)


def test_a_warning_is_one_line_on_the_error_stream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(radhard.commands, "warn-for-a-test", warn)
    assert main(["warn-for-a-test"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "radhard: warning: 3 of 9 layers, not: fc1\n"
