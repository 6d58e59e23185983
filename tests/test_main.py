"""Does ``python -m radhard`` do what the command does?"""

import subprocess
import sys

import pytest

from radhard.cli import main


@pytest.mark.parametrize("line", [["--version"], ["study", "--runs", "0"]])
def test_module_runs_as_the_command(line, capfd):
    run = subprocess.run(
        [sys.executable, "-m", "radhard", *line], capture_output=True, text=True, check=False
    )
    code = main(line)
    said = capfd.readouterr()
    assert (run.returncode, run.stdout, run.stderr) == (code, said.out, said.err)
    assert run.returncode == (0 if line == ["--version"] else 2)
