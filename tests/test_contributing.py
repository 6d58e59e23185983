"""Does CONTRIBUTING.md's way of adding a component work, word for word?"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from radhard.faults import FAULTS
from radhard.formats import Int
from radhard.hardenings import HARDENINGS
from radhard.metrics import METRICS, Panel
from tests.forked import ForkedPython

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SHARED = ("conftest.py", "tests/conftest.py", "tests/exports.py", "tests/slow_tests.py")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
(COMMAND,) = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """The example as a file of somebody else's, where Python finds it."""
    (tmp_path / "bridge.py").write_text(EXAMPLE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("bridge", None)


def test_component_of_somebody_else_is_found_by_name_and_prints_as_its_spec(outside):
    fault = FAULTS.parse("bridge:Bridge(wired='or')")
    assert repr(fault) == "bridge:Bridge(wired='or')"
    assert fault.corrupt(torch.tensor([0b0101]), torch.tensor([2]), Int(4)).tolist() == [0b1101]


def test_command_in_the_text_runs(outside):
    setting, program, *arguments = shlex.split(COMMAND)
    assert (setting, program) == ("PYTHONPATH=.", "radhard")
    code = "import sys; sys.path.insert(0, '.'); from radhard.cli import main; sys.exit(main())"
    with ForkedPython(code, *arguments, folder=outside) as process:
        status, out, err = process.result()
    assert status == 0, err
    assert "50 trials" in out
    assert "bridge:Bridge(wired='or')" in out


def test_component_put_where_the_text_says_passes_the_conformance_tests(tmp_path):
    shutil.copytree(ROOT / "radhard", tmp_path / "radhard", ignore=_caches)
    shutil.copytree(
        ROOT / "tests" / "conformance", tmp_path / "tests" / "conformance", ignore=_caches
    )
    for name in ("pyproject.toml", *SHARED):
        shutil.copy(ROOT / name, tmp_path / name)

    (place,) = _said(r"folder of its family: `(.*?)`")
    (tmp_path / place).write_text(EXAMPLE)
    (contents,) = _said(r"table of contents,\s+`(.*?)`")
    (statement,) = _said(r"once as\s+`(from .*?)`")
    (listed,) = _said(r'once as\s+`("\w+",)` in `__all__`')
    _insert(
        tmp_path / contents,
        after="import FAULTS, FaultModel, faults_in_words\n",
        line=f"{statement}\n",
    )
    _insert(tmp_path / contents, after="__all__ = [", line=listed)
    (examples,) = _said(r"conformance tests examples, in\s+`(.*?)`")
    (lines,) = _said(r"add (`.*?) to\s+`FAULTS`")
    _insert(tmp_path / examples, after="from radhard.faults import ", line="Bridge, ")
    _insert(
        tmp_path / examples,
        after="FAULTS: list[FaultModel] = [",
        line=lines.replace("`", "").replace("and", ""),
    )

    # Of the other components this says nothing new.
    tests = ["tests/conformance/test_faults.py", place, "-k", "bridge or has_an_example"]
    # Without CI hypothesis draws anew; a claim about this text should not depend on luck.
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", "-rA", *tests],
        cwd=tmp_path,
        env={**os.environ, "CI": "true", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    passed = [line for line in run.stdout.splitlines() if line.startswith("PASSED")]
    assert any("[Bridge()]" in line for line in passed)
    assert any("Bridge(wired='or')" in line for line in passed)
    assert any("test_every_fault_model_has_an_example" in line for line in passed)
    assert any(f"{place}::" in line for line in passed)


def test_metric_and_hardening_of_the_text_work_from_a_file_of_somebody_else(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, text in re.findall(r'^```python title="(.*?)"\n(.*?)^```$', TEXT, re.M | re.S):
        (tmp_path / name).write_text(text)
    metric = METRICS.parse("flat:Flat()")
    golden = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    faulty = torch.tensor([[[1.0, 1.0], [0.0, 1.0]], [[torch.nan, 1.0], [0.0, 1.0]]])
    assert Panel([metric], golden).score(faulty).tolist() == [[0.5], [0.0]]
    hardening = HARDENINGS.parse("clamped:ClampedWeights(0.01)")
    model = torch.nn.Linear(4, 3)
    hard = hardening(model, torch.rand(80, 4), progress=False)
    assert float(hard.weight.detach().abs().max()) == pytest.approx(0.01)
    assert float(model.weight.detach().abs().max()) > 0.01
    for name in ("flat", "clamped"):
        sys.modules.pop(name, None)


def _said(pattern: str) -> list[str]:
    return re.findall(pattern, TEXT, re.DOTALL)


def _insert(path: Path, *, after: str, line: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(after) == 1
    path.write_text(text.replace(after, after + line))


def _caches(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or name.startswith(".")]
