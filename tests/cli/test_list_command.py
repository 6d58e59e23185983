"""Does ``radhard list`` say what the components themselves say, without importing them?"""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from radhard.cli import main
from radhard.cli.docstrings import described
from radhard.cli.early import spec_of
from radhard.cli.explanation import explained
from radhard.studies import STUDIES
from tests.cli.test_early import FAMILIES

ROOMS = ["models", "datasets"]


@pytest.mark.parametrize("family", [*FAMILIES, *ROOMS])
def test_names_and_meanings_are_those_of_the_components(family):
    listed = (
        importlib.import_module(f"radhard.{family}").listed()
        if family in ROOMS
        else FAMILIES[family].listed()
    )
    assert {name: part.summary for name, part in described(family).items()} == dict(listed)


@pytest.mark.parametrize("family", [*FAMILIES, *ROOMS])
def test_a_component_is_explained_with_every_argument_its_example_and_its_place(family):
    room = importlib.import_module(f"radhard.{family}")
    for name, part in described(family).items():
        made = getattr(room, name)
        lines = explained(family, part, 80)
        text = "\n".join(lines)
        for argument, parameter in inspect.signature(made).parameters.items():
            (line,) = [x for x in lines if x.startswith(f"  {argument} ")]
            if parameter.default is not parameter.empty and family not in ROOMS:
                shown = re.split(r"\s{2,}", line.strip())[-1]
                module = sys.modules[made.__module__]
                assert eval(shown, dict(vars(module))) == parameter.default
        if (examples := [x for x in lines if x.startswith("example")]) and family in FAMILIES:
            call = examples[0].rpartition(' "')[2].rstrip('"').removeprefix("example  ")
            assert spec_of(family, "component")(None, None, call) == call
        file, number = text.rpartition("code     ")[2].split(", line ")
        source, first = inspect.getsourcelines(made)
        assert file.endswith(f"{made.__module__.rpartition('.')[2]}.py")
        definition = next(i for i, x in enumerate(source) if x.startswith(("class ", "def ")))
        assert int(number) == first + definition


def test_the_paper_that_a_component_comes_from_is_named():
    assert described("samplers")["PerTensor"].sources == ["Leveugle et al., DATE 2009"]
    (source,) = described("formats")["SecDed"].sources
    assert source.startswith("Hsiao, IBM Journal")


def test_a_component_a_family_and_everything_are_listed_without_torch():
    code = (
        "import sys\nfrom radhard.cli import main\n"
        "codes = [main(x) for x in (['list'], ['list', 'samplers'], ['list', 'PerTensor'])]\n"
        "assert codes == [0, 0, 0] and 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "60", "PYTHONPATH": ":".join(sys.path)},
    )
    assert "PerTensor(n=None" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 90


def test_a_misspelled_component_is_told_the_near_ones(capsys):
    assert main(["list", "PerTenser"]) == 2
    told = capsys.readouterr().err
    assert "did you mean PerTensor" in told
    assert told.count("\n") == 1


def test_studies_are_listed_too(capsys):
    assert main(["list", "studies"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told] == list(STUDIES)


@pytest.mark.parametrize(
    ("family", "page"), [("hardenings", "hardenings"), ("analyses", "analyses")]
)
def test_the_cost_of_a_component_is_that_of_its_page(family, page):
    text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text("utf-8")
    told, place = {}, None
    for line in text.splitlines():
        cells = line.strip("| ").split(" | ")
        if "cost" in cells and line.startswith("| "):
            place = cells.index("cost")
        elif line.startswith("| `") and place is not None and place < len(cells):
            told.setdefault(cells[0].strip("`"), cells[place])
    for name, part in described(family).items():
        assert part.cost is not None, name
        assert part.cost.replace("`", "").lower() == told[name].replace("`", "").lower(), name
        assert f"cost     {part.cost.replace('`', '')[:20]}" in "\n".join(
            explained(family, part, 90)
        )
