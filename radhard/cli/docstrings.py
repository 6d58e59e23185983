"""What do the docstrings of components and functions say, according to their source?"""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path

from radhard.cli.signatures import contents, is_offered

__all__ = ["Described", "described"]

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Described:
    """A component or function: its docstring, those of its fields, and where it is defined."""

    name: str
    text: str
    """The docstring, without its indentation."""
    fields: dict[str, str]
    """Type of each argument, as it is written."""
    meanings: dict[str, str]
    """The docstrings of the arguments that have one."""
    file: Path
    line: int

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.text.partition("\n")[0]

    @property
    def place(self) -> str:
        """File and line of the definition."""
        return f"{self.file.relative_to(_ROOT.parent).as_posix()}, line {self.line}"

    @property
    def sources(self) -> list[str]:
        """The publications that the docstring cites, such as "Leveugle et al., DATE 2009"."""
        flat = " ".join(self.text.split())
        own = re.findall(
            r"^Sources?: (.*?)\.?(?:\n\s*\n|$(?!\n))", self.text, re.DOTALL | re.MULTILINE
        )
        return [" ".join(text.split()) for text in own] + [
            part
            for inside in re.findall(r"\(([^()]*\b(?:19|20)\d\d[^()]*)\)", flat)
            for part in inside.split("; ")
            if re.search(r"[A-Z][^.]*\b(?:19|20)\d\d\b", part)
        ]

    @property
    def examples(self) -> list[str]:
        """Calls of the component that its docstring shows in its sentences."""
        found = re.findall(rf"``({re.escape(self.name)}\(.*?\))``", self.text, re.DOTALL)
        return list(dict.fromkeys(" ".join(call.split()) for call in found))


@functools.cache
def described(room: str) -> dict[str, Described]:
    """The components or factories in a room's table of contents, in its order.

    Only the files that define them are read, and nothing is imported.
    """
    places = dict(_places(_ROOT / room / "__init__.py"))
    found = {}
    for name in contents(room):
        path = _file(places[name]) if name in places else None
        node = None if path is None else _definition(path, name)
        if path is not None and node is not None and is_offered(node, room):
            found[name] = _described(node, path)
    return found


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _places(init: Path) -> Iterator[tuple[str, str]]:
    """The module from which a table of contents takes each name."""
    for node in _tree(init).body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}:{alias.name}"


def _file(place: str) -> Path:
    """The file that defines a name, also if a folder's own table of contents passes it on."""
    module, _, name = place.partition(":")
    path = _ROOT.joinpath(*module.split(".")[1:])
    if not path.is_dir():
        return path.with_suffix(".py")
    inner = dict(_places(path / "__init__.py"))
    return _file(inner[name]) if name in inner else path / "__init__.py"


def _definition(path: Path, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    """The class or function of a name; only its own lines are parsed, which takes less time."""
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next((i for i, x in enumerate(lines) if re.match(rf"(?:class|def) {name}\b", x)), None)
    if at is None:
        return None
    begin, end = at, at + 1
    while begin and lines[begin - 1].startswith("@"):
        begin -= 1
    while end < len(lines) and re.match(r"\s|\)|$", lines[end]):
        end += 1
    (node,) = ast.parse("\n".join(lines[begin:end])).body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    ast.increment_lineno(node, begin)
    return node


def _described(node: ast.ClassDef | ast.FunctionDef, path: Path) -> Described:
    fields, meanings = {}, {}
    if isinstance(node, ast.ClassDef):
        for at, part in enumerate(node.body):
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                fields[part.target.id] = ast.unparse(part.annotation)
                after = node.body[at + 1] if at + 1 < len(node.body) else None
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    meanings[part.target.id] = cleandoc(str(after.value.value))
    else:
        for argument in (*node.args.args, *node.args.kwonlyargs):
            hint = argument.annotation
            fields[argument.arg] = "" if hint is None else ast.unparse(hint)
    text = cleandoc(ast.get_docstring(node) or "")
    return Described(node.name, text, fields, meanings, path, node.lineno)
