"""Does a shell complete verbs, options and components, without importing torch?"""

import os
import subprocess
import sys

import pytest

from radhard.cli import main

CODE = (
    "import sys\nfrom radhard.cli import main\ncode = main([])\n"
    "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\nsys.exit(code)"
)


def completed(words):
    given = {"_RADHARD_COMPLETE": "bash_complete", "COMP_WORDS": words}
    place = {"COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, **given, **place},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("radhard ver", {"verify"}),
        ("radhard run --sam", {"--sampler"}),
        ("radhard run --sampler Per", {"PerBit", "PerTensor"}),
        ("radhard harden lenet5 --with range", {"Ranger"}),
        ("radhard run leNet", {"lenet5"}),
        ("radhard list outc", {"Outcome"}),
    ],
)
def test_what_was_begun_is_completed(words, expected):
    found = completed(words)
    assert expected <= set(found)
    begun = words.split()[-1].lower()
    assert all(name.lower().startswith(begun) for name in found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_printed(monkeypatch, capsys, shell):
    if shell == "bash":
        # click asks the installed bash for its version, which may not be there.
        monkeypatch.setattr("click.shell_completion.BashComplete._check_version", lambda _: None)
    monkeypatch.setenv("_RADHARD_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert "_RADHARD_COMPLETE" in capsys.readouterr().out
