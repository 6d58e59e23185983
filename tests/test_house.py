"""Is the code measured right, and are its figures as they should be?"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent

SOURCE = '''\
"""A module."""
from radhard import other  # a comment

LIMIT = 3
"""What no more than this many are."""


class Base:
    """A contract."""

    def described(self):
        """What to return."""

    def bare(self): ...


class Derived(Base):
    # Said once.
    def described(self):
        return 1

    def bare(self):
        return {}  # type: ignore[return-value, misc]  # fmt: skip

    def _private(self): ...


def long():
    """A docstring

    of three lines.
    """
    return (
        1,
        2,
    )
'''


def script(name: str) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


component_lists = script("component_lists")
house = script("house")


@pytest.fixture(scope="module")
def package():
    """All modules of the package, each parsed once."""
    return house.modules(ROOT)


@pytest.fixture
def known(tmp_path):
    """Two modules that import each other."""
    package = tmp_path / "radhard"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(SOURCE)
    (package / "other.py").write_text("def f():\n    import radhard.one\n")
    return house.modules(tmp_path)


def test_every_public_name_of_the_package_is_documented(package):
    documented = house.public(package)
    assert len(documented) > 1000
    assert [name for name, has in documented.items() if not has] == []


def test_no_imports_of_the_package_have_a_cycle(package):
    graph = {name: house.imported(module, package) for name, module in package.items()}
    assert house.cycles(graph) == []


def test_cycle_through_an_import_inside_a_function_is_found(known):
    graph = {name: house.imported(module, known) for name, module in known.items()}
    assert house.cycles(graph) == [["radhard.one", "radhard.other"]]


def test_cycles_are_the_strongly_connected_components():
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d", "f"}, "f": set()}
    assert sorted(house.cycles(graph)) == [["a", "b", "c"], ["d", "e"]]


def test_method_is_documented_by_the_contract_that_it_overrides(known):
    assert [name for name, has in house.public(known).items() if not has] == [
        "radhard",
        "radhard.one.Base.bare",
        "radhard.one.Derived",
        "radhard.one.Derived.bare",
        "radhard.other",
        "radhard.other.f",
    ]


def test_comments_to_checkers_and_docstrings_do_not_count_as_comments(known):
    one = {"one": known["radhard.one"]}
    assert house.comments(one) == (2, 16)


def test_errors_that_a_type_checker_shall_ignore_are_counted_by_their_code(known):
    assert house.ignored(known) == {"return-value": 1, "misc": 1}


def test_lines_of_a_function_are_counted_with_and_without_its_docstring(known):
    assert house.lengths(known)["one.long"] == (9, 4)
    assert house.lengths(known)["one.Derived.described"] == (2, 0)


@pytest.fixture
def tree(tmp_path):
    """A family of two components, one in a folder of its own, and what names them."""
    for path, text in {
        "radhard/faults/__init__.py": "__all__ = ['Bridge', 'Flip']\n",
        "radhard/faults/flips/__init__.py": "from radhard.faults.flips.flip import Flip\n",
        "radhard/faults/flips/flip.py": 'class Flip:\n    """Unlike a Bridge."""\n',
        "radhard/examples.py": 'def demo():\n    """Flip() and Bridge()"""\n    return Flip()\n',
        "radhard/wording.py": "NOUNS = {Flip: 'flip', Bridge: 'bridge'}\n",
        "tests/conformance/examples.py": "FAULTS = [Flip(), Bridge()]\n",
        "tests/conformance/test_faults.py": "def test():\n    assert Flip() != Bridge()\n",
        "tests/test_flip.py": "FAULTS = [Flip(), Bridge()]\n",
        "README.md": "<!-- make house: x -->\n`Flip` `Bridge`\n<!-- end of make house: x -->\n",
        "docs/faults.md": "| `Flip` |\n| `Bridge` |\n",
        "docs/notes.md": "`Flip`\n\n`Bridge`\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_lists_to_extend_for_one_more_component_are_found(tree):
    assert component_lists.lists(tree, "faults", ["Flip", "Bridge"]) == [
        "radhard/faults/__init__.py",
        "radhard/faults/flips/__init__.py",
        "radhard/wording.py",
        "tests/conformance/examples.py",
        "docs/faults.md",
    ]


def test_readme_lists_every_component():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- make house: components -->\n{component_lists.overview()}" in text, (
        "run make house"
    )


def test_what_a_command_puts_into_a_page_replaces_what_was_there(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n")
    house.put(page, "a", "new\n")
    assert page.read_text() == "before\n<!-- a -->\nnew\n<!-- end of a -->\nafter\n"
    with pytest.raises(ValueError, match="has no marks"):
        house.put(page, "b", "new\n")
