"""Which arguments do components and functions of radhard take, according to their source?"""

import ast
import functools
from collections.abc import Iterator
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Literal

__all__ = ["components", "contents", "functions", "hints", "is_offered"]

_ROOT = Path(__file__).parent.parent

_MADE = {"models": "nn.", "datasets": "Data"}
"""What the factories of a room return."""

_PLAIN = {"bool": bool, "float": float, "int": int, "str": str}


@functools.cache
def components(family: str) -> dict[str, Signature]:
    """The components in a family's table of contents, and what each is made with.

    Read from the source and not imported, because that would import torch. An annotation is the
    type that it names, or left out where it names anything but plain types.
    """
    classes = {node.name: node for node in _nodes(_ROOT / family) if isinstance(node, ast.ClassDef)}
    return {
        name: _made_with(classes[name], classes)
        for name in contents(family)
        if name in classes and is_offered(classes[name], family)
    }


@functools.cache
def functions(room: str) -> dict[str, Signature]:
    """The factories in a room's table of contents, and what each is called with."""
    defined = {
        node.name: node for node in _nodes(_ROOT / room) if isinstance(node, ast.FunctionDef)
    }
    return {
        name: _called_with(defined[name])
        for name in contents(room)
        if name in defined and is_offered(defined[name], room)
    }


def is_offered(node: ast.ClassDef | ast.FunctionDef, room: str) -> bool:
    """Whether an option may name it: a component that is not abstract, or a factory.

    Factories are told from the other functions of a room by what they are annotated to return.
    """
    if isinstance(node, ast.ClassDef):
        return _is_component(node) and not _is_abstract(node)
    kind = _MADE.get(room)
    return kind is not None and node.name != "load" and _returned(node).startswith(kind)


def hints(signature: Signature) -> dict[str, Any]:
    """The types that are known of a signature's parameters."""
    return {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not Parameter.empty
    }


def contents(room: str) -> list[str]:
    """The names in a room's table of contents."""
    contents = ast.parse((_ROOT / room / "__init__.py").read_text(encoding="utf-8"))
    names: list[str] = next(
        ast.literal_eval(node.value)
        for node in contents.body
        if isinstance(node, ast.Assign) and _name(node.targets[0]) == "__all__"
    )
    return names


def _returned(function: ast.FunctionDef) -> str:
    """What a function is annotated to return."""
    return "" if function.returns is None else ast.unparse(function.returns)


def _nodes(folder: Path) -> Iterator[ast.AST]:
    for path in sorted(folder.rglob("*.py")):
        yield from ast.parse(path.read_text(encoding="utf-8")).body


def _made_with(definition: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Signature:
    """What a component is made with, its bases' fields first, as a dataclass has them."""
    fields: dict[str, Parameter] = {}
    # A field that is defined again keeps its place, as in dataclasses.
    for base in reversed(list(_line(definition, classes))):
        if not _is_component(base):
            continue
        for node in base.body:
            if not isinstance(node, ast.AnnAssign) or "ClassVar" in ast.unparse(node.annotation):
                continue
            if (parameter := _field(node)) is not None:
                fields[parameter.name] = parameter
    if any(_defines(base, "__post_init__") for base in _line(definition, classes)):
        # It may take other types than it keeps.
        fields = {k: field.replace(annotation=Parameter.empty) for k, field in fields.items()}
    # A field for keywords only may stand before others, and Python lists it behind them.
    return Signature(sorted(fields.values(), key=lambda field: field.kind))


def _line(definition: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """A class and those that it comes from, as far as they are of the family."""
    yield definition
    for base in map(_name, definition.bases):
        if base in classes:
            yield from _line(classes[base], classes)


def _field(node: ast.AnnAssign) -> Parameter | None:
    default: Any = node.value
    kind: Any = Parameter.POSITIONAL_OR_KEYWORD
    if isinstance(default, ast.Call) and ast.unparse(default.func).endswith("field"):
        options = {option.arg: option.value for option in default.keywords}
        if _constant(options.get("init")) is False:
            return None
        kind = Parameter.KEYWORD_ONLY if _constant(options.get("kw_only")) else kind
        default = options.get("default", options.get("default_factory"))
    return _parameter(_name(node.target), node.annotation, default, kind)


def _called_with(definition: ast.FunctionDef) -> Signature:
    arguments = definition.args
    plain = [*arguments.posonlyargs, *arguments.args]
    # ast lists the defaults of the last arguments only.
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    kind: Any = Parameter.POSITIONAL_OR_KEYWORD
    before = [
        _parameter(a.arg, a.annotation, d, kind) for a, d in zip(plain, defaults, strict=True)
    ]
    kind = Parameter.KEYWORD_ONLY
    after = [
        _parameter(a.arg, a.annotation, d, kind)
        for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return Signature([*before, *after])


def _parameter(
    name: str, annotation: ast.expr | None, default: ast.expr | None, kind: Any
) -> Parameter:
    try:
        hint = Parameter.empty if annotation is None else _hint(annotation)
    except ValueError:
        hint = Parameter.empty
    return Parameter(
        name,
        kind,
        annotation=hint,
        default=Parameter.empty if default is None else _Shown(ast.unparse(default)),
    )


class _Shown:
    """A default value that is shown but not evaluated."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _hint(node: ast.expr) -> Any:
    """The type that an annotation names.

    Raises:
        ValueError: it names anything but plain types, and what is made of them.
    """
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Name) and node.id in _PLAIN:
        return _PLAIN[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _hint(node.left) | _hint(node.right)
    if isinstance(node, ast.Subscript) and _name(node.value) == "Literal":
        return Literal[ast.literal_eval(node.slice)]
    if isinstance(node, ast.Subscript) and _name(node.value) == "tuple":
        items = node.slice
        if isinstance(items, ast.Tuple) and len(items.elts) == 2:
            first, rest = items.elts
            if _constant(rest) is Ellipsis:
                return tuple[_hint(first), ...]  # type: ignore[misc]
    raise ValueError(ast.unparse(node))


def _constant(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _is_component(definition: ast.ClassDef) -> bool:
    return "component" in map(_name, definition.decorator_list)


def _is_abstract(definition: ast.ClassDef) -> bool:
    methods = [node for node in definition.body if isinstance(node, ast.FunctionDef)]
    return any("abstractmethod" in map(_name, method.decorator_list) for method in methods)


def _defines(definition: ast.ClassDef, method: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef) and node.name == method for node in definition.body
    )


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
