"""What can be said of the text of an option before torch is imported?"""

import ast
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from radhard.errors import InputError
from radhard.factory import named
from radhard.spec import near, parse_call

__all__ = ["existing", "spec_of"]

_ROOT = Path(__file__).parent.parent

Check = Callable[[click.Context, click.Parameter, Any], Any]


def spec_of(family: str, words: str, *also: str) -> Check:
    """A callback of an option that names components of a family: their names have to be known.

    ``also`` are further words that the option allows. Arguments are checked later, by the
    components themselves.
    """

    def check(_: click.Context, __: click.Parameter, value: Any) -> Any:
        for text in value if isinstance(value, tuple) else (value,):
            if text is None or text in also:
                continue
            module, name = parse_call(text)[:2]
            names = _components(family)
            if module is None and name not in names:
                raise InputError(
                    f"unknown {words} {text!r}: {near(name, list(names))}"
                    f"one of {', '.join(names)}, or your own as 'package.module:Name(...)'"
                )
        return value

    return check


def existing(_: click.Context, __: click.Parameter, value: Any) -> Any:
    """A callback of an option that may name a file of the user's: a Python file has to be there."""
    if isinstance(value, str):
        if value.endswith(".pt2") or Path(value).exists():
            return value
        module = named(value)[0]
        if module is not None and module.endswith(".py") and not Path(module).is_file():
            raise InputError(f"{value!r}: there is no file {module}")
    return value


@functools.cache
def _components(family: str) -> tuple[str, ...]:
    """The components in a family's table of contents, read from the source, not imported."""
    folder = _ROOT / family
    decorated = {
        node.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and "component" in map(_name, node.decorator_list)
        and not _is_abstract(node)
    }
    contents = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    for node in contents.body:
        if isinstance(node, ast.Assign) and _name(node.targets[0]) == "__all__":
            return tuple(name for name in ast.literal_eval(node.value) if name in decorated)
    raise AssertionError(f"{family} has no table of contents")


def _is_abstract(found: ast.ClassDef) -> bool:
    methods = [node for node in found.body if isinstance(node, ast.FunctionDef)]
    return any("abstractmethod" in map(_name, method.decorator_list) for method in methods)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
