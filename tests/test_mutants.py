"""Are mutations planted one at a time, and are those listed that no near test notices?"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "mutants.py"

SOURCE = '''\
"""Clamps: 1 < 2, max or min; none of this is an expression."""
from dataclasses import dataclass
MOST = 8
FEW: int = 0


def clamped(x: "int | float", *, strict: bool = False) -> "int | float":
    """Between 0 and 8."""
    é = "–" + f"{x + 1}"
    x += 1
    if strict and x > (
        MOST  # far
        * 2
    ):
        raise ValueError(é)
    return max(FEW, min(x - 1, MOST))


@dataclass(frozen=True)
class Ends:
    low: float
'''

PLANTED = {
    (3, "8", "16"),
    (4, "0", "1"),
    (7, "False", "True"),
    (9, "'–' + f'{x + 1}'", "('–' - f'{x + 1}')"),
    (10, "x += 1", "x -= 1"),
    (10, "1", "2"),
    (11, "strict and x > MOST * 2", "(strict or x > MOST * 2)"),
    (11, "x > MOST * 2", "(x >= MOST * 2)"),
    (11, "x > MOST * 2", "(x <= MOST * 2)"),
    (12, "MOST * 2", "(MOST / 2)"),
    (13, "2", "4"),
    (16, "max", "min"),
    (16, "min", "max"),
    (16, "x - 1", "(x + 1)"),
    (16, "1", "2"),
}

TESTS = """\
from radhard.clamps import clamped

def test_clamped():
    assert [clamped(x) for x in (-1, 0, 3, 8, 9)] == [0, 0, 3, 8, 8]
"""

SURVIVORS = {entry for entry in PLANTED if entry[0] in (7, 11, 12, 13)}
"""What only strict clamping would show, which those tests never ask for."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "radhard").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "radhard" / "__init__.py").touch()
    # Where radhard is installed, pytest loads its plugin from whatever package has the name.
    (tmp_path / "radhard" / "pytest_plugin.py").touch()
    (tmp_path / "radhard" / "clamps.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "tests" / "test_clamps.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-q'\n")
    return tmp_path


def mutants(root: Path, *arguments: str) -> list[str]:
    command = [sys.executable, str(SCRIPT), "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def listed(lines: list[str]) -> list[tuple[int, str, str]]:
    entries = [line.split("  ", 1) for line in lines]
    found = [(int(at.rpartition(":")[2]), *change.split(" -> ")) for at, change in entries]
    return [(line, old, new) for line, old, new in found]


def test_every_operator_constant_and_bound_of_a_file_is_found(checkout: Path) -> None:
    found = listed(mutants(checkout, "--list", "--number", "99", "radhard/clamps.py"))
    assert len(found) == len(PLANTED)
    assert set(found) == PLANTED


def test_a_seed_draws_as_many_as_asked_and_the_same_again(checkout: Path) -> None:
    asked = ["--list", "--number", "5", "radhard"]
    first, again = mutants(checkout, *asked), mutants(checkout, *asked)
    assert len(first) == 5
    assert first == again
    assert set(listed(first)) < PLANTED
    assert mutants(checkout, *asked, "--seed", "1") != first


@pytest.mark.slow
def test_survivors_are_those_that_the_nearest_tests_pass_with(checkout: Path) -> None:
    asked = ["--number", "5", "radhard/clamps.py"]
    planted = set(listed(mutants(checkout, "--list", *asked)))
    lines = mutants(checkout, *asked)
    found = planted & SURVIVORS
    assert 1 <= len(found) <= 4
    assert lines[0] == f"radhard/clamps.py: {5 - len(found)} of 5 killed"
    assert set(listed(lines[1:-1])) == found
    assert lines[-1].startswith("5 mutants planted")
    assert (checkout / "radhard" / "clamps.py").read_text(encoding="utf-8") == SOURCE


def test_tests_that_fail_without_a_mutation_are_an_error(checkout: Path) -> None:
    (checkout / "tests" / "test_clamps.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(subprocess.CalledProcessError) as error:
        mutants(checkout, "radhard/clamps.py")
    assert "without a mutation" in error.value.stderr
    assert "assert False" in error.value.stderr


def test_module_without_a_near_test_is_named_and_no_survivor_is_claimed(checkout: Path) -> None:
    (checkout / "tests" / "test_clamps.py").unlink()
    lines = mutants(checkout, "radhard/clamps.py")
    assert lines[0].startswith("radhard/clamps.py: no mutant planted")
    assert "NEAREST" in lines[0]
    assert lines[1].startswith("0 mutants planted")
    assert lines[2] == "1 modules without a near test: radhard/clamps.py"


def test_module_named_like_its_function_leaves_the_function_in_the_package(checkout: Path) -> None:
    package, conftest = checkout / "radhard" / "clamped", SCRIPT.parents[1] / "conftest.py"
    package.mkdir()
    (package / "__init__.py").write_text("from radhard.clamped.clamped import clamped\n")
    (package / "clamped.py").write_text("def clamped(x):\n    return min(x, 8)\n")
    named = "from radhard.clamped import clamped\n\ndef test_it():\n    assert clamped(9) == 8\n"
    (checkout / "tests" / "test_clamps.py").write_text(named)
    (checkout / "conftest.py").write_text(conftest.read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--doctest-modules"]
    collected = ["--import-mode=importlib", "radhard/clamped/clamped.py", "tests/test_clamps.py"]
    env = {**os.environ, "PYTHONPATH": str(checkout)}
    subprocess.run([*command, *collected], cwd=checkout, env=env, check=True, capture_output=True)


@pytest.mark.parametrize("wrong", [["tests"], ["radhard/none.py"], ["--number", "0"]], ids=str)
def test_what_cannot_be_mutated_is_refused_in_one_line(checkout: Path, wrong: list[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        mutants(checkout, *wrong)
    assert wrong[-1] in error.value.stderr
    assert "Traceback" not in error.value.stderr


def test_nearest_tests_and_modules_exist() -> None:
    """Of the tables in the script, whatever is renamed."""
    tables = {
        node.target.id if isinstance(node, ast.AnnAssign) else node.targets[0].id: node.value
        for node in ast.parse(SCRIPT.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign | ast.Assign)
    }
    modules = ast.literal_eval(tables["MODULES"])
    near = ast.literal_eval(tables["NEAREST"])
    names = [*modules, *near, *(test for tests in near.values() for test in tests)]
    root = SCRIPT.parent.parent
    assert [name for name in names if not (root / name).exists()] == []
