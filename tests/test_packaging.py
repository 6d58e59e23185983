"""Is what gets installed complete, and does it say the truth about itself?"""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from radhard import datasets
from radhard.analyses import Criticality, Statistical
from radhard.errors import InputError
from tests import small
from tests.syntax import syntax_nodes

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Where the name to install is not the name to import.
IMPORTED_AS = {
    "imbalanced-learn": "imblearn",
    "mlflow-skinny": "mlflow",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}


def names(requirements: list[str]) -> set[str]:
    """The packages asked for, without versions and without radhard's own extras."""
    found = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in requirements}
    return found - {"radhard"}


def imported() -> set[str]:
    """Packages of others that radhard imports, anywhere in its files."""
    found = set()
    for path in (ROOT / "radhard").rglob("*.py"):
        for node in syntax_nodes(path):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"radhard"}


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported():
    needed = {IMPORTED_AS.get(name, name) for name in names(PROJECT["dependencies"])}
    extras = set().union(*(names(asked) for extra, asked in EXTRAS.items() if extra != "dev"))
    optional = {IMPORTED_AS.get(name, name) for name in extras}
    assert needed <= imported() <= needed | optional


def test_every_dependency_has_its_reason_written_down():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## Dependencies")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| ([\w-]+) \| \S", section, re.MULTILINE)) - {"package"}
    asked = names(PROJECT["dependencies"]).union(*map(names, EXTRAS.values()))
    assert explained == asked


def test_torch_has_no_upper_bound():
    (torch,) = [r for r in PROJECT["dependencies"] if r.startswith("torch")]
    assert re.fullmatch(r"torch>=[\d.]+", torch)


def test_version_is_the_same_everywhere():
    newest = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == PROJECT["version"] == importlib.metadata.version("radhard")


def test_command_is_installed_and_says_its_version():
    program = Path(sys.executable).with_name("radhard")
    run = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert PROJECT["version"] in run.stdout


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a checkout of git is needed to ask it")
def test_nothing_in_the_package_is_ignored_and_so_left_out_of_the_wheel():
    shipped = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "radhard").rglob("*")
        if path.is_file() and not any(part == "__pycache__" for part in path.parts)
    ]
    assert any(path.endswith(".safetensors") for path in shipped)
    run = subprocess.run(
        ["git", "check-ignore", "--no-index", *shipped], cwd=ROOT, capture_output=True, text=True
    )
    assert run.stdout == ""


def make(*arguments: str) -> list[str]:
    """The commands that make would run."""
    run = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=ROOT,
        # Without what the make that may have started the tests was given.
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.splitlines()


@pytest.mark.parametrize("target", ["demo", "test", "lint", "check"])
def test_every_target_sets_up_first_and_only_once(target, tmp_path):
    fresh = make(target, f"VENV={tmp_path}")
    extras = " data" if target == "demo" else ""
    assert fresh[0] == f"scripts/set_up {tmp_path} torch==2.13.0{extras}"
    stamp = tmp_path / (".installed" if target == "demo" else ".ready")
    stamp.touch()
    assert make(target, f"VENV={tmp_path}") == fresh[2:]
    os.utime(stamp, (0, 0))  # older than pyproject.toml
    assert make(target, f"VENV={tmp_path}") == fresh


def test_the_demo_installs_nothing_where_more_is_installed_already(tmp_path):
    (tmp_path / ".ready").touch()
    assert not any("set_up" in line for line in make("demo", f"VENV={tmp_path}"))


def test_torch_is_installed_by_itself_before_anything_that_needs_it(tmp_path):
    run = set_up(tmp_path, python="3.12", torch="torch==2.13.0")
    lines = [line for line in run.stdout.splitlines() if " install " in line]
    first, second, *_ = [line.split(" install ")[1] for line in lines]
    assert first == "--progress-bar off --no-compile torch==2.13.0"
    assert second == "--progress-bar off --no-compile --editable .[dev]"
    assert run.returncode == 0, run.stderr


def test_too_old_a_python_is_refused_in_one_line(tmp_path):
    run = set_up(tmp_path, python="3.10", torch="torch==2.13.0")
    assert run.returncode == 1
    assert run.stderr.startswith("set-up: ")
    assert "Python 3.11 or newer" in run.stderr
    assert run.stderr.count("\n") == 1


def set_up(folder: Path, *, python: str, torch: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up with an interpreter that only says what it was told to do."""
    stand_in, made = folder / "python", folder / "venv" / "bin"
    new_enough = "0" if python >= "3.11" else "1"
    stand_in.write_text(
        "#!/usr/bin/env bash\n"
        f'[[ "$*" == *version_info* ]] && exit {new_enough}\n'
        f'[[ "$*" == *" venv "* ]] && mkdir -p "{made}" && cp "$0" "{made}/"\n'
        'echo "$@"\n'
    )
    stand_in.chmod(0o755)
    return subprocess.run(
        [ROOT / "scripts" / "set_up", folder / "venv", torch],
        env={**os.environ, "PYTHON": str(stand_in)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("script", [".ci/run", "scripts/set_up", "scripts/system_package"])
def test_script_can_be_started_and_read_by_bash(script):
    assert os.access(ROOT / script, os.X_OK)
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", ROOT / script], check=True)


@pytest.mark.parametrize(
    ("needing", "extra"),
    [
        (lambda: datasets.load("digits"), "data"),
        (lambda: Statistical(injections=20)(small.network(), small.data()), "learning"),
        (lambda: Criticality(0.005)(small.network(), small.data()), "learning"),
    ],
    ids=["digits", "statistical", "criticality"],
)
def test_what_a_plain_install_lacks_is_one_line_that_names_the_extra(monkeypatch, needing, extra):
    # As find_spec says it of a package that is not there.
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=rf"requires scikit-learn: pip install 'radhard\[{extra}"):
        needing()
