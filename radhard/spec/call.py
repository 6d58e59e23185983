"""How is the text of a component parsed, before any name is resolved?"""

import ast
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

from radhard.errors import InputError

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Call", "parse_call", "read_call", "short"]

MAX_LENGTH = 10_000
"""Maximum length of a text in characters; longer texts may exhaust the parser."""

MAX_LIST = 10_000_000
"""The maximum if the only argument is a flat list of numbers, or of (name, number, number)."""

_LIST = re.compile(r"[\w.:]++\(\((?:(?:\d++|\('[^'\\]*+', \d++, \d++\))(?:, |,?(?=\))))*+\)\)")

MAX_BITS = 128
"""Maximum width of an integer in bits; Python does not print very large ones, even in a message."""

MAX_DEPTH = 20
"""Maximum nesting depth of components and of the tuples and mappings that contain them."""

_SHOWN = 100
"""Maximum number of characters of a text in a message."""

_NESTED = (ast.Name, ast.Attribute, ast.Call)

_COLON = "__colon__"

# Strings and comments are matched first, so that a colon inside them is not changed.
_NAMED = re.compile(
    r"'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\""
    r"|'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|#[^\n]*+"
    r"|(?<![\w.])([^\W\d]\w*+(?:\.[^\W\d]\w*+)*+):(?=[^\W\d])",
    re.DOTALL,
)


@dataclass(frozen=True)
class Call:
    """A name with its arguments as written in the text: literals and further calls.

    Its repr is the text again.
    """

    module: str | None
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        whole = self.name if self.module is None else f"{self.module}:{self.name}"
        return f"{whole}({', '.join(given)})"


def parse_call(text: str) -> tuple[str | None, str, tuple[Any, ...], dict[str, Any]]:
    """Split ``"pkg.mod:Name(1, k=2)"`` into module, name, arguments, keywords; literals only.

    Raises:
        InputError: something else.

    >>> parse_call("mnist(split='test', n=500)")
    (None, 'mnist', (), {'split': 'test', 'n': 500})
    """
    call = _read(text, nested=False)
    return call.module, call.name, call.args, call.kwargs


def read_call(text: str) -> Call:
    """The call that ``text`` writes; its arguments are literals and further calls.

    Raises:
        InputError: something else, or too much of it.

    >>> read_call("Mixed({'fc*': Int(8), '*': mine:Posit}, per='tensor')").args[0]["*"]
    mine:Posit()
    """
    return _read(text, nested=True)


def short(text: str) -> str:
    """A text for a message; of a long one only the beginning."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text)} characters)"


def _read(text: str, *, nested: bool) -> Call:
    if len(text) > MAX_LENGTH and not (len(text) <= MAX_LIST and _LIST.fullmatch(text)):
        raise InputError(
            f"a name and its arguments have at most {MAX_LENGTH} characters; "
            f"{text[:40]!r}... has {len(text)}"
        )
    module, name, rest = None, text.strip(), ""
    if "(" in name:
        name, _, rest = name.partition("(")
        rest = "(" + rest
    if ":" in name:
        module, _, name = name.rpartition(":")
    malformed = InputError(f"{short(text)} cannot be read; write it as Name or Name(1, key='text')")
    if not name.isidentifier() or not all(p.isidentifier() for p in (module or "_").split(".")):
        raise malformed
    if nested and ":" in rest:
        # Python has no syntax for 'module:Name', so it is parsed as 'module.Name'.
        rest = _NAMED.sub(_without_colon, rest)
    try:
        with warnings.catch_warnings():
            # Syntax warnings about literals such as '\d' are irrelevant here.
            warnings.simplefilter("ignore")
            tree = ast.parse(f"_{rest or '()'}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise malformed from None
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
        raise malformed
    # A single walk, because the list of a long `Given` has a node for each of its faults.
    named = wide = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            wide = wide or _too_wide(node.value)
        elif isinstance(node, _NESTED):
            named = named or node not in (tree, tree.func)
    try:
        args, kwargs = _arguments(tree, 1, nested=nested and named)
    except (ValueError, TypeError, MemoryError, RecursionError):
        what = ", or components such as Float32()" if nested else ""
        raise InputError(
            f"{short(text)}: arguments must be literals such as 1, 0.5, 'text', None or (1, 2)"
            f"{what}"
        ) from None
    if len(kwargs) != len(tree.keywords):
        raise malformed
    if wide:
        raise InputError(f"{text[:40]!r}...: whole numbers have at most {MAX_BITS} bits")
    return Call(module, name, args, kwargs)


def _arguments(
    tree: ast.Call, depth: int, *, nested: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = tuple(_value(node, depth, nested=nested) for node in tree.args)
    kwargs = {
        k.arg: _value(k.value, depth, nested=nested) for k in tree.keywords if k.arg is not None
    }
    return args, kwargs


def _value(node: ast.expr, depth: int, *, nested: bool) -> Any:
    """The value of a node: a literal or, if nesting is allowed, a value that contains calls."""
    if not nested or not any(isinstance(one, _NESTED) for one in ast.walk(node)):
        return ast.literal_eval(node)
    depth += 1
    if depth > MAX_DEPTH:
        raise InputError(f"components are nested at most {MAX_DEPTH} deep, which is exceeded")
    if isinstance(node, ast.Name | ast.Attribute):
        return Call(*_name_of(node))
    if isinstance(node, ast.Call):
        args, kwargs = _arguments(node, depth, nested=True)
        if len(kwargs) != len(node.keywords):
            raise ValueError("** has no name")
        return Call(*_name_of(node.func), args, kwargs)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(item, depth, nested=True) for item in node.elts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {
            ast.literal_eval(key): _value(value, depth, nested=True)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    raise ValueError("neither a literal nor a component")


def _name_of(node: ast.expr) -> tuple[str | None, str]:
    """Module and name of what is called.

    Raises:
        ValueError: it is not written as a name or as ``module:Name``.
    """
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ValueError("not a name")
    names.append(node.id)
    name, *module = names
    if not module:
        return None, name
    if module[0] != _COLON or _COLON in module[1:]:
        raise ValueError("an attribute is no name")
    return ".".join(reversed(module[1:])), name


def _without_colon(match: re.Match[str]) -> str:
    if match[1] in (None, "None", "True", "False"):
        return match[0]
    return f"{match[1]}.{_COLON}."


def _too_wide(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > MAX_BITS
