"""Is a slip in an option found before torch is imported, and nothing refused that is allowed?"""

import subprocess
import sys

import pytest

from radhard.cli.early import _components, spec_of
from radhard.engines import Engine
from radhard.faults import FaultModel
from radhard.formats import Format
from radhard.metrics import Metric
from radhard.samplers import Sampler
from radhard.spec import listed
from radhard.targets import Target

FAMILIES = {
    "engines": Engine,
    "faults": FaultModel,
    "formats": Format,
    "metrics": Metric,
    "samplers": Sampler,
    "targets": Target,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_names_read_from_the_source_are_those_of_the_components(family):
    assert sorted(_components(family)) == sorted(name for name, _ in listed(FAMILIES[family]))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["run", "lenet5", "--data", "mnist", "--sampler", "Unifrom(50)"], "Uniform"),
        (["run", "lenet5", "--data", "mnist", "--engine", "Reply()"], "Replay"),
        (["run", "lenet5", "--data", "mnist", "--format", "Flaot32"], "Float32"),
        (["run", "nowhere.py:build", "--data", "mnist"], "no file nowhere.py"),
    ],
)
def test_a_slip_is_found_without_torch(arguments, word):
    code = (
        "import sys; from radhard.cli import main; code = main(sys.argv[1:]);"
        "print('torch' in sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (2, "False")
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_allowed_passes():
    check = spec_of("engines", "engine", "auto")
    for text in (None, "auto", "Serial", "Replay(rows=10)", "somebodys.module:Engine(n=2)"):
        assert check(None, None, text) == text  # type: ignore[arg-type]
