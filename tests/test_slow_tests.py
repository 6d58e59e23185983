"""Does a run without its slow tests say so, and does it run them where it is asked to?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

TESTS = """\
import pytest

def test_quick():
    pass

@pytest.mark.slow
@pytest.mark.parametrize("n", range(3))
def test_slow(n):
    assert n < 2
"""


def printed(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of pytest on those tests, with the options of this project."""
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (folder / "test_them.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "tests.slow_tests", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, *arguments, "test_them.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize("workers", ["0", "2"])
def test_slow_tests_are_left_out_and_counted(tmp_path: Path, workers: str) -> None:
    code, output = printed(tmp_path, "-n", workers)
    assert code == 0
    assert "1 passed" in output
    assert output.count("3 slow tests were not run; make test-all runs them too") == 1


def test_an_empty_selection_runs_them(tmp_path: Path) -> None:
    code, output = printed(tmp_path, "-m", "")
    assert code == 1
    assert "1 failed, 3 passed" in output
    assert "were not run" not in output
