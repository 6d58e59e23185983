"""Does the command line say what there is, with an example for everything?"""

import importlib
import inspect
import subprocess
import sys

import pytest

from radhard.cli import main
from tests.small import campaign

VERBS = [
    "advise",
    "run",
    "plan",
    "analyze",
    "harden",
    "verify",
    "report",
    "compare",
    "fit",
    "list",
    "demo",
]


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_has_an_example_that_names_it(verb, capsys):
    assert main([verb, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Example" in told
    assert f"  radhard {verb}" in told.partition("Example")[2]


def test_help_names_every_verb_and_the_exit_codes(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {verb} " in told for verb in VERBS)
    assert "130 interrupted" in told


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from radhard.cli import main\n"
        f"assert not any(main([*v, '--help']) for v in [[], *([v] for v in {VERBS})])\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    "family",
    [
        "accelerators",
        "targets",
        "faults",
        "formats",
        "samplers",
        "engines",
        "executors",
        "metrics",
        "analyses",
        "hardenings",
    ],
)
def test_list_shows_every_component_with_its_meaning(family, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list", family]) == 0
    told = capsys.readouterr().out
    package = importlib.import_module(f"radhard.{family}")
    components = [
        found
        for name in package.__all__
        if inspect.isclass(found := getattr(package, name))
        and "__dataclass_fields__" in vars(found)
        and any(base.__name__ == "Component" for base in found.__mro__)
        and not inspect.isabstract(found)
    ]
    assert len(components) >= 1
    for found in components:
        assert f"\n{found.__name__} " in told or told.startswith(f"{found.__name__} ")
        # Without the marks of code, which a terminal does not draw.
        assert (inspect.getdoc(found) or "").splitlines()[0].replace("`", "") in told


def test_list_shows_every_family(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    for name in ("lenet5", "mnist", "Weights", "BitFlip", "Float32", "PerTensor", "Outcome"):
        assert name in told


def test_version_is_said(capsys):
    assert main(["--version"]) == 0
    assert "radhard" in capsys.readouterr().out


def test_compare_says_both_rates_and_the_difference(capsys, tmp_path):
    campaign(tmp_path / "a.db")
    campaign(tmp_path / "b.db")
    assert main(["compare", str(tmp_path / "a.db"), str(tmp_path / "b.db"), "--by", "layer"]) == 0
    told = capsys.readouterr().out
    assert "the same faults" in told
    for part in ("critical SDC", "before", "after", "difference", "higher; p = 1"):
        assert part in told


def test_report_writes_a_page_and_its_twin(capsys, tmp_path):
    campaign(tmp_path / "a.db")
    assert main(["report", str(tmp_path / "a.db")]) == 0
    told = capsys.readouterr().out.split()
    assert str(tmp_path / "a.html") in told
    assert {path.suffix for path in tmp_path.iterdir()} == {".db", ".html", ".md"}


def test_demo_ends_with_a_report_and_continues(capsys, tmp_path):
    folder = str(tmp_path / "runs")
    assert main(["demo", "--folder", folder, "--n", "1"]) == 0
    told = capsys.readouterr().out
    assert "demo.html" in told
    assert (tmp_path / "runs" / "demo.html").stat().st_size > 1000
