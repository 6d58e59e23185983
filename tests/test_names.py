"""Does one name stand for one thing?"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.syntax import syntax, syntax_nodes

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "radhard"
FILES = sorted(PACKAGE.rglob("*.py"))

# A contract of a family, a table of contents, and what `python -m radhard` runs.
IN_MANY_ROOMS = {"base.py", "__init__.py", "__main__.py"}

# Their files are on the move.
NOT_YET: set[str] = set()


@cache
def trees() -> dict[Path, ast.Module]:
    """What is in every file; parsed when a test asks, not while tests are collected."""
    return {path: syntax(path) for path in FILES}


def defined(path: Path) -> Iterator[str]:
    """Every name that a module gives to something, wherever in it."""
    for node in syntax_nodes(path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@cache
def names() -> set[str]:
    return {name for path in FILES for name in (path.stem, *defined(path))}


def parts(name: str) -> list[str]:
    """The words of a name, in lower case."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]", name)
    return [word.lower() for word in words]


def test_words_of_a_name_are_told_apart():
    assert parts("_max_logit") == ["max", "logit"]
    assert parts("FTClipAct") == ["ft", "clip", "act"]


def test_no_two_files_have_one_name():
    places = defaultdict(list)
    for path in FILES:
        if path.name not in IN_MANY_ROOMS and path.relative_to(PACKAGE).parts[0] not in NOT_YET:
            places[path.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_no_two_public_classes_have_one_name():
    places = defaultdict(list)
    for path, tree in trees().items():
        if path.relative_to(PACKAGE).parts[0] in NOT_YET:
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def code_words() -> list[str]:
    """What the glossary names in code: ``Burst`` of ``Burst(length)``, ``sample`` of an option."""
    spans = re.findall(r"`([^`\n]+)`", GLOSSARY)
    return sorted({re.split(r"[^\w]", span)[0] for span in spans})


@pytest.mark.parametrize("word", code_words())
def test_code_word_of_the_glossary_is_a_name_in_the_package(word):
    assert word in names()


def not_used() -> list[str]:
    """The words in the last column of the table of names."""
    table = GLOSSARY.partition("## Names in code")[2]
    rows = re.findall(r"^\| `.*\| (.+?) \|$", table, re.MULTILINE)
    return [word for row in rows for word in row.split(", ")]


@pytest.mark.parametrize("word", not_used())
def test_word_that_is_not_used_is_part_of_no_name(word):
    assert [name for name in sorted(names()) if word in parts(name)] == []
