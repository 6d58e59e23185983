"""Does text find the user's own code, and are its failures told in one line?"""

import dataclasses
import sys

import pytest

from radhard.errors import InputError
from radhard.factory import function, made


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "neighbour.py").write_text("VALUE = 'first'\n")
    (tmp_path / "code.py").write_text(
        "from dataclasses import dataclass\n"
        "import neighbour\n"
        "@dataclass\n"
        "class Thing:\n"
        "    value: str = neighbour.VALUE\n"
        "def late():\n"
        "    import neighbour as again\n"
        "    return again.VALUE\n"
        "def stops():\n"
        "    raise SystemExit(3)\n"
        "number = 3\n"
    )
    return tmp_path


def test_a_file_may_import_its_neighbours_while_it_loads_and_runs(folder):
    path = list(sys.path)
    assert made(f"{folder}/code.py:Thing").value == "first"
    assert made(f"{folder}/code.py:late") == "first"
    assert sys.path == path
    assert "neighbour" not in sys.modules


def test_neighbours_of_one_file_do_not_stand_in_for_those_of_another(folder, tmp_path_factory):
    made(f"{folder}/code.py:late")
    other = tmp_path_factory.mktemp("other")
    (other / "neighbour.py").write_text("VALUE = 'second'\n")
    (other / "code.py").write_text((folder / "code.py").read_text())
    assert made(f"{other}/code.py:late") == "second"


def test_a_file_never_stands_in_for_a_module_of_the_same_name(tmp_path):
    (tmp_path / "json.py").write_text("def build():\n    return 'mine'\n")
    assert made(f"{tmp_path}/json.py:build") == "mine"
    import json

    assert json.loads("1") == 1


def test_a_misspelled_function_is_answered_with_those_of_the_file_and_not_its_imports(folder):
    with pytest.raises(InputError) as refused:
        made(f"{folder}/code.py:lat")
    assert "did you mean late?" in str(refused.value)
    assert "it has Thing, late, stops" in str(refused.value)
    with pytest.raises(InputError, match="did you mean dataclass"):
        made(f"{folder}/code.py:dataclas")


def test_a_class_from_a_file_knows_its_module(folder):
    thing = made(f"{folder}/code.py:Thing(value='x')")
    assert dataclasses.replace(thing, value="y").value == "y"
    assert sys.modules[type(thing).__module__].number == 3


def test_a_module_is_imported_and_its_factory_called():
    assert made("collections:Counter('aab')")["a"] == 2
    assert made("json:dumps((1,))", {"indent": None}) == "[1]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{folder}/none.py:build", "no file"),
        ("{folder}/code.py:nubmer", "did you mean number"),
        ("{folder}/code.py:number", "is int, not a function"),
        ("{folder}/code.py:late(1)", "too many positional arguments"),
        ("{folder}/code.py:Thing(size=1)", r"'size'.*value"),
        ("{folder}/code.py:stops", "failed: SystemExit: 3"),
        ("{folder}/broken.py:build", "cannot be loaded: SyntaxError"),
        ("{folder}/raising.py:build", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("no_such_package.mod:build", "cannot import.*No module named"),
        ("models/net:build(1)", r"written models/net\.py:build"),
        ("models/net.py", r"use models/net\.py:function"),
        ("models/net", r"written models/net\.py:function"),
        ("{folder}/code.py:late(1+1)", "literals"),
        ("build", "names no file"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(folder, text, said):
    (folder / "broken.py").write_text("def build(:\n")
    (folder / "raising.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match=said) as raised:
        made(text.format(folder=folder))
    assert "\n" not in str(raised.value)


def test_a_function_is_found_and_not_called(folder):
    late = function(f"{folder}/code.py:late")
    assert late.__name__ == "late"
    assert function("json:dumps")((1,)) == "[1]"
    assert function(f"{folder}/code.py:stops").__name__ == "stops"  # it raises when called


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{folder}/code.py:late(1)", "without any"),
        ("{folder}/code.py:late(n=1)", "without any"),
        ("{folder}/code.py:number", "is int, not a function"),
        ("{folder}/code.py:lat", "did you mean late"),
        ("{folder}/none.py:late", "no file"),
        ("no_such_package.mod:late", "cannot import"),
        ("late", "names no file"),
    ],
)
def test_what_is_no_function_is_told_in_one_line(folder, text, said):
    with pytest.raises(InputError, match=said) as raised:
        function(text.format(folder=folder))
    assert "\n" not in str(raised.value)
