"""What do the docstrings of components and functions say, according to their source?"""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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
    definition: ast.ClassDef | ast.FunctionDef
    file: Path
    line: int

    @cached_property
    def fields(self) -> dict[str, str]:
        """Type of each argument, as it is written."""
        if isinstance(self.definition, ast.ClassDef):
            return {
                name: ast.unparse(node.annotation) for name, node, _ in _fields(self.definition)
            }
        arguments = (*self.definition.args.args, *self.definition.args.kwonlyargs)
        return {a.arg: "" if a.annotation is None else ast.unparse(a.annotation) for a in arguments}

    @cached_property
    def meanings(self) -> dict[str, str]:
        """The docstrings of the arguments that have one."""
        if not isinstance(self.definition, ast.ClassDef):
            return {}
        return {
            name: cleandoc(str(after.value.value))
            for name, _, after in _fields(self.definition)
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        }

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.text.partition("\n")[0]

    @property
    def place(self) -> str:
        """File and line of the definition."""
        return f"{self.file.relative_to(_ROOT.parent).as_posix()}, line {self.line}"

    @property
    def paragraphs(self) -> list[str]:
        """The docstring without the paragraphs that `cost` and `sources` return."""
        # Blank lines end a paragraph, as in reStructuredText.
        every = re.split(r"\n\s*\n", self.text)
        return [text for text in every if not re.match(r"(Cost|Sources?): ", text)]

    @property
    def cost(self) -> str | None:
        """What it costs, if the docstring has a paragraph about it."""
        return next(iter(self._about("Cost")), None)

    @property
    def sources(self) -> list[str]:
        """The publications that the docstring cites, such as "Leveugle et al., DATE 2009"."""
        cited = [
            part
            for inside in re.findall(
                r"\(([^()]*\b(?:19|20)\d\d[^()]*)\)", " ".join(" ".join(self.paragraphs).split())
            )
            for part in inside.split("; ")
            if re.search(r"[A-Z][^.]*\b(?:19|20)\d\d\b", part)
        ]
        return [*self._about("Sources?"), *cited]

    def _about(self, word: str) -> list[str]:
        """The paragraphs that begin with a word, on one line each and without it."""
        found = re.findall(
            rf"^{word}: (.*?)\.?(?:\n\s*\n|$(?!\n))", self.text, re.DOTALL | re.MULTILINE
        )
        return [" ".join(text.split()) for text in found]

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
        definition = None if path is None else _definition(path, name)
        if path is not None and definition is not None and is_offered(definition[0], room):
            found[name] = _described(*definition, path)
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


def _definition(path: Path, name: str) -> tuple[ast.ClassDef | ast.FunctionDef, int] | None:
    """The class or function of a name, and its line; to save time, nothing else is parsed."""
    lines = path.read_text(encoding="utf-8").splitlines()
    # A class or function at the top level begins a line, with a bracket or colon behind its name.
    heads = tuple(f"{word} {name}{sign}" for word in ("class", "def") for sign in "(:[")
    at = next((i for i, line in enumerate(lines) if line.startswith(heads)), None)
    if at is None:
        return None
    begin, end = at, at + 1
    while begin and lines[begin - 1].startswith("@"):
        begin -= 1
    # The body is indented; a bracket at the margin ends arguments that take several lines.
    while end < len(lines) and lines[end][:1] in ("", " ", ")"):
        end += 1
    (node,) = ast.parse("\n".join(lines[begin:end])).body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    return node, begin + node.lineno


def _fields(
    definition: ast.ClassDef,
) -> Iterator[tuple[str, ast.AnnAssign, ast.stmt | None]]:
    """Name and definition of each field of a class, and what follows it."""
    # The docstring of a field is the expression behind it.
    for part, after in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id, part, after


def _described(node: ast.ClassDef | ast.FunctionDef, line: int, path: Path) -> Described:
    text = cleandoc(ast.get_docstring(node) or "")
    return Described(node.name, text, node, path, line)
