"""Is a slip in an option found before torch is imported, and nothing refused that is allowed?"""

import importlib
import inspect
import subprocess
import sys
import typing

import pytest

from radhard.accelerators import ACCELERATORS
from radhard.analyses import ANALYSES
from radhard.caps import CAPS
from radhard.cli.early import known_data, known_model, scores_of, spec_of
from radhard.cli.signatures import components, functions
from radhard.engines import ENGINES
from radhard.errors import InputError
from radhard.executors import EXECUTORS
from radhard.faults import FAULTS
from radhard.formats import FORMATS
from radhard.hardenings import HARDENINGS
from radhard.metrics import F1, METRICS, Detected
from radhard.samplers import SAMPLERS, ErrorRate, Given
from radhard.targets import TARGETS, Activations
from tests.conformance import examples

FAMILIES = {
    "accelerators": ACCELERATORS,
    "analyses": ANALYSES,
    "caps": CAPS,
    "engines": ENGINES,
    "executors": EXECUTORS,
    "faults": FAULTS,
    "formats": FORMATS,
    "hardenings": HARDENINGS,
    "metrics": METRICS,
    "samplers": SAMPLERS,
    "targets": TARGETS,
}


def named_kinds(signature):
    return [(p.name, p.kind, p.default is p.empty) for p in signature.parameters.values()]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_read_from_the_source_are_the_components_and_their_arguments(family):
    read = components(family)
    assert sorted(read) == sorted(name for name, _ in FAMILIES[family].listed())
    for name, signature in read.items():
        made = getattr(importlib.import_module(f"radhard.{family}"), name)
        assert named_kinds(signature) == named_kinds(inspect.signature(made))
        hints = typing.get_type_hints(made)
        for argument in signature.parameters.values():
            assert argument.annotation in (argument.empty, hints[argument.name])


@pytest.mark.parametrize("room", ["datasets", "models"])
def test_what_is_read_from_the_source_are_the_functions_and_their_arguments(room):
    contents = importlib.import_module(f"radhard.{room}")
    assert list(functions(room)) == [name for name, _ in contents.listed()]
    for name, signature in functions(room).items():
        assert named_kinds(signature) == named_kinds(inspect.signature(getattr(contents, name)))


SLIPS = [
    (["run", "lenet5", "--data", "mnist", "--sampler", "Unifrom(50)"], "Uniform"),
    (["run", "lenet5", "--data", "mnist", "--engine", "Reply()"], "Replay"),
    (["run", "lenet5", "--data", "mnist", "--format", "Flaot32"], "Float32"),
    (["run", "lenet5", "--data", "mnist", "--sampler", "Uniform(m=20)"], "(n: int)"),
    (["run", "lenet5", "--data", "mnist", "--sampler", "Uniform()"], "argument: 'n'"),
    (["run", "lenet5", "--data", "mnist", "--fault", "BitFlip(bits='x')"], "a whole number"),
    (["run", "nowhere.py:build", "--data", "mnist"], "no file nowhere.py"),
    (["run", "lenet6", "--data", "mnist"], "lenet5"),
    (["run", "lenet5(width=2)", "--data", "mnist"], "pretrained"),
    (["run", "nowhere.pt2", "--data", "mnist"], "no file nowhere.pt2"),
    (["run", "lenet5", "--data", "mnst"], "mnist"),
    (["run", "lenet5", "--data", "mnist(m=3)"], "split"),
    (["run", "lenet5", "--data", "FromFolder('nowhere')"], "nowhere is not a folder"),
    (["run", "lenet5", "--data", "nowhere.py:data"], "no file nowhere.py"),
    (["run", "lenet5", "--data", "mnist", "--weights", "nowhere.pt"], "no file nowhere.pt"),
    (["run", "--from", "nowhere.db"], "nowhere.db"),
    (["analyze", "lenet5", "--data", "mnist", "--with", "MaxVale()"], "MaxValue"),
    (["analyze", "--with", "MaxValue()", "--against", "nowhere.db"], "nowhere.db"),
    (["harden", "lenet5", "--data", "mnist", "--with", "Ranger(kind='x')"], "kinds"),
    (["harden", "lenet5", "--data", "mnist", "--with", "Ranger()", "--scores", "a.json"], "a.json"),
    (["verify", "nowhere.db", "--model", "mlp"], "nowhere.db"),
    (["compare", "nowhere.db", "nowhere.db"], "nowhere.db"),
    (["report", "nowhere.db"], "nowhere.db"),
]

MANY = """
import contextlib, io, sys
from radhard.cli import main
for line in sys.stdin.read().splitlines():
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = main(line.split("\\t"))
    print(code, "torch" in sys.modules, said.getvalue().rstrip("\\n"), sep="\\t")
"""


def test_slips_are_found_without_torch():
    # All in one process: torch would stay imported if one of them needed it.
    given = "\n".join("\t".join(arguments) for arguments, _ in SLIPS)
    done = subprocess.run(
        [sys.executable, "-c", MANY], input=given, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(SLIPS)
    for line, (arguments, word) in zip(lines, SLIPS, strict=True):
        code, torch_is_there, said = line.split("\t")
        assert (code, torch_is_there) == ("2", "False"), arguments
        assert word in said, arguments


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("samplers", "Uniform(m=20)"),
        ("samplers", "Uniform()"),
        ("samplers", "Uniform(1, 2)"),
        ("samplers", "Uniform(1, n=2)"),
        ("samplers", "Uniform(1.5)"),
        ("faults", "BitFlip(bits='x')"),
        ("faults", "BitFlip(bits=[1, 'x'])"),
        ("faults", "StuckAt(2)"),
        ("targets", "Weights('*', nothing=1)"),
        ("hardenings", "Ranger(kinds='ReLU')"),
    ],
)
def test_a_slip_in_arguments_is_told_as_the_component_itself_would_tell_it(family, text):
    with pytest.raises(InputError) as late:
        FAMILIES[family].parse(text)
    with pytest.raises(InputError) as early:
        spec_of(family, "component")(None, None, text)  # type: ignore[arg-type]
    assert str(early.value).partition(";")[0] == str(late.value).partition(";")[0]


@pytest.mark.parametrize(
    ("family", "part"),
    [
        *(("faults", part) for part in examples.FAULTS),
        *(("formats", part) for part in examples.FORMATS),
        ("metrics", Detected("energy", 0.5)),
        ("metrics", F1(outputs="logits")),
        ("samplers", ErrorRate((1e-5, 1e-4), trials=3)),
        ("samplers", Given((1, 2))),
        ("targets", Activations("*", layers="Conv2d", sample="every")),
    ],
    ids=repr,
)
def test_components_as_they_read_pass(family, part):
    assert spec_of(family, "component")(None, None, repr(part)) == repr(part)  # type: ignore[arg-type]


def test_files_and_folders_that_are_there_pass(tmp_path):
    (tmp_path / "net.py").touch()
    (tmp_path / "hard").mkdir()
    (tmp_path / "hard" / "recipe.json").touch()
    (tmp_path / "scores").touch()
    for text in (f"{tmp_path}/net.py:build(width=3)", f"{tmp_path}/hard", "os.path:join", "mlp"):
        assert known_model(None, None, text) == text  # type: ignore[arg-type]
    for text in ("mnist(n=3)", f"FromFolder({str(tmp_path)!r})", f"{tmp_path}/net.py:data"):
        assert known_data(None, None, text) == text  # type: ignore[arg-type]
    for text in (f"{tmp_path}/scores", "MaxValue()", None):
        assert scores_of(None, None, text) == text  # type: ignore[arg-type]


def test_what_is_allowed_passes():
    check = spec_of("engines", "engine", "auto")
    for text in (None, "auto", "Serial", "Replay(rows=10)", "somebodys.module:Engine(n=2)"):
        assert check(None, None, text) == text  # type: ignore[arg-type]
