"""How does a component read as text, and how does text become a component again?"""

import ast
import dataclasses
import difflib
import functools
import importlib
import inspect
import re
import types
import typing
import warnings
from abc import ABC
from typing import Any, Self, TypeVar, dataclass_transform

from radhard.errors import InputError
from radhard.hints import fits, in_words

__all__ = ["Component", "component", "listed", "near", "parse", "parse_call"]

MAX_LENGTH = 10_000
"""Longest text that is read, in characters: what is longer is no spec, and may break the parser."""

MAX_LIST = 10_000_000
"""The same where the one argument is a flat list of numbers, or of (name, number, number)."""

_LIST = re.compile(r"[\w.:]++\(\((?:(?:\d++|\('[^'\\]*+', \d++, \d++\))(?:, |,?(?=\))))*+\)\)")

MAX_BITS = 128
"""Widest whole number that is read: Python refuses to print very large ones, also in a message."""

C = TypeVar("C", bound="Component")
T = TypeVar("T")


class Component(ABC):  # noqa: B024  # its families have the abstract methods
    """A part that an option may name: a frozen dataclass whose repr can be parsed back.

    Subclasses are decorated with `component` and may define `check`. A field with ``init=False``
    is a part's own business: never given, never printed. One that names another component, with a
    hint such as ``str | Format``, takes its text or the component, and keeps the text.
    """

    def __new__(cls, *args: object, **given: object) -> Self:  # noqa: ARG004
        if "__dataclass_fields__" not in vars(cls) and not inspect.isabstract(cls):
            raise InputError(
                f"{_qualified(cls)}: decorate the class with @radhard.spec.component first"
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for field in _arguments(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            if not fits(value, hints[field.name]):
                raise InputError(
                    f"{type(self).__name__}: {field.name}={value!r} is not allowed; "
                    f"{field.name} is {in_words(hints[field.name])}"
                )
            if isinstance(value, Component):
                # Kept as its text, so that the repr of the whole holds literals only.
                object.__setattr__(self, field.name, repr(value))
        self.check()

    def check(self) -> None:  # noqa: B027  # most have nothing to check
        """Raise `InputError` if the arguments do not go together."""

    def __repr__(self) -> str:
        arguments = []
        for field in _arguments(self):
            value = getattr(self, field.name)
            if field.default is dataclasses.MISSING:
                arguments.append(repr(value))
            elif value != field.default:
                arguments.append(f"{field.name}={value!r}")
        return f"{_qualified(type(self))}({', '.join(arguments)})"


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def component(cls: type[T]) -> type[T]:
    """Make a class a component: a frozen dataclass that keeps the repr of `Component`."""
    return dataclasses.dataclass(frozen=True, repr=False)(cls)


def parse(text: str, family: type[C], *, foreign: bool = True) -> C:
    """The component that ``text`` names: ``"Fixed(1, 15)"``, ``"Float32"``, ``"mod:Mine(n=2)"``.

    Arguments are literals; nothing is evaluated. With ``foreign=False`` only radhard's own
    components are allowed, so that text from a file never imports a module.

    Raises:
        InputError: unknown name (the near ones are listed), or wrong arguments (the signature
            is shown).

    >>> from radhard.formats import Format
    >>> parse("Fixed(1, 15)", Format)
    Fixed(1, 15)
    """
    module, name, args, kwargs = parse_call(text)
    package = importlib.import_module(family.__module__.rpartition(".")[0])
    if module is None:
        found = getattr(package, name) if name in package.__all__ else None
    elif not foreign:
        raise InputError(
            f"{text!r} names code outside radhard, which is not run on the word of a file; "
            "say that you trust it (--trust on the command line)"
        )
    else:
        found = getattr(_imported(module, text), name, None)
    if not isinstance(found, type) or not issubclass(found, family) or inspect.isabstract(found):
        names = [name for name, _ in listed(family)]
        raise InputError(
            f"unknown {_in_words(family)} {text!r}: {near(name, names)}"
            f"one of {', '.join(names)}, or your own as 'package.module:Name(...)'"
        )
    if "__dataclass_fields__" not in vars(found):
        raise InputError(f"{text!r}: decorate the class with @radhard.spec.component first")
    try:
        inspect.signature(found).bind(*args, **kwargs)
    except TypeError as error:
        signature = re.sub(r" -> .*", "", str(inspect.signature(found)))
        raise InputError(f"{text!r}: {error}; it is {name}{signature}") from None
    return found(*args, **kwargs)


def parse_call(text: str) -> tuple[str | None, str, tuple[Any, ...], dict[str, Any]]:
    """Split ``"pkg.mod:Name(1, k=2)"`` into module, name, arguments, keywords; literals only.

    >>> parse_call("mnist(split='test', n=500)")
    (None, 'mnist', (), {'split': 'test', 'n': 500})
    """
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
    malformed = InputError(f"{text!r} cannot be read; write it as Name or Name(1, key='text')")
    if not name.isidentifier() or not all(p.isidentifier() for p in (module or "_").split(".")):
        raise malformed
    try:
        with warnings.catch_warnings():
            # What Python thinks of the style of a literal, as in '\d', is nobody's concern here.
            warnings.simplefilter("ignore")
            call = ast.parse(f"_{rest or '()'}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise malformed from None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        raise malformed
    try:
        args = tuple(ast.literal_eval(node) for node in call.args)
        kwargs = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
    except (ValueError, TypeError, MemoryError, RecursionError):
        raise InputError(
            f"{text!r}: arguments must be literals such as 1, 0.5, 'text', None or (1, 2)"
        ) from None
    if len(kwargs) != len(call.keywords):
        raise malformed
    if any(_too_wide(node) for node in ast.walk(call)):
        raise InputError(f"{text[:40]!r}...: whole numbers have at most {MAX_BITS} bits")
    return module, name, args, kwargs


def listed(family: type[C]) -> list[tuple[str, str]]:
    """Name and one-line meaning of every component of a family that radhard ships."""
    package = importlib.import_module(family.__module__.rpartition(".")[0])
    rows = []
    for name in package.__all__:
        found = getattr(package, name)
        if isinstance(found, type) and issubclass(found, family) and not inspect.isabstract(found):
            rows.append((name, (inspect.getdoc(found) or "").splitlines()[0]))
    return rows


def near(name: Any, names: list[str]) -> str:
    """``"did you mean X? "`` for the names most like ``name``, or nothing."""
    if not isinstance(name, str):
        return ""
    lowered = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(lowered[c] for c in close)}? " if close else ""


def _in_words(family: type) -> str:
    """``FaultModel`` as people say it: fault model."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", family.__name__).lower()


def _imported(module: str, text: str) -> types.ModuleType:
    if module.endswith(".py"):
        raise InputError(
            f"{text!r}: components come from modules; without the ending: "
            f"{module.removesuffix('.py').replace('/', '.')}:..."
        )
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever the module of somebody else does while it is loaded
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{text!r}: cannot import {module!r} ({reason})") from error


def _too_wide(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, int) and value.bit_length() > MAX_BITS


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _arguments(part: "Component") -> list[dataclasses.Field[Any]]:
    found = [field for field in dataclasses.fields(part) if field.init]  # type: ignore[arg-type]
    return sorted(found, key=lambda field: field.kw_only is True)  # as a call has them


def _qualified(cls: type) -> str:
    if cls.__module__.partition(".")[0] == "radhard":
        return cls.__name__
    return f"{cls.__module__}:{cls.__name__}"
