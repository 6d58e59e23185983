"""How does a component read as text, and which components of a family are there?"""

import dataclasses
import functools
import importlib
import inspect
import re
import types
import typing
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeGuard, TypeVar, cast, dataclass_transform

from radhard.errors import InputError
from radhard.hints import alternatives, fits, in_percent, in_words, spaced
from radhard.spec.call import MAX_DEPTH, Call, read_call, short
from radhard.spec.frozen import FrozenDict

__all__ = ["Component", "Family", "component", "misfit", "named_in", "near"]

_LISTED = 20
"""Names that a message lists; of more, it says which command does."""

_ALSO = {"fp": "float", "f": "float", "bf": "bfloat", "i": "int", "half": "float16"}
"""How number formats are abbreviated elsewhere."""

C = TypeVar("C", bound="Component")
T = TypeVar("T")


class Component(ABC):  # noqa: B024  # its families have the abstract methods
    """A part that an option may name: a frozen dataclass whose repr can be parsed back.

    The same text is written in Python, on the command line and in a file::

        Fixed(1, 15)
        FTClipAct(format=Fixed(15, 16))              # a component in a component
        SentinelNN(share=0.1, analysis=MaxValue())
        mine:Mixed({'fc*': Int(8), '*': Float32()})  # formats by pattern, in a class of one's own
        mine:Checked(mine:Parity(8))

    Subclasses are decorated with `component` and may define `check`. A field with ``init=False``
    is a part's own business: never given, never printed.

    The type hint of a field says which family it takes: with ``Format`` formats only, with
    ``tuple[Format, ...]`` several, with ``Mapping[str, Format]`` formats by name or pattern. Where
    a component is taken, its text is too, and becomes the component. Where a number is taken, a
    percentage is too: ``Adaptive("1%")`` is ``Adaptive(0.01)``. Lists become tuples, mappings a
    `FrozenDict`.
    """

    def __new__(cls, *args: object, **given: object) -> Self:  # noqa: ARG004
        if "__dataclass_fields__" not in vars(cls) and not inspect.isabstract(cls):
            raise InputError(
                f"{_qualified(cls)}: decorate the class with @radhard.spec.component first"
            )
        for name in given:
            if name not in (known := [field.name for field in _arguments(cls)]):
                raise InputError(
                    f"{cls.__name__} has no argument {name!r}: {near(name, known)}it has "
                    + (", ".join(known) or "none")
                )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for field in _arguments(self):
            value = getattr(self, field.name)
            filled = _filled(value, type(self), field.name, foreign=True)
            if filled is not value:
                object.__setattr__(self, field.name, filled)
            if not fits(filled, hints[field.name]):
                raise _not_allowed(type(self), field.name, filled)
        if _nesting(type(self)) and _depth(self) > MAX_DEPTH:
            raise InputError(
                f"{type(self).__name__}: components are nested at most {MAX_DEPTH} deep"
            )
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


@dataclass(frozen=True)
class Family(Generic[C]):
    """The components that have one base class: which there are, and which one a text names.

    There is no register: a plain name is looked up in the table of contents of the base class's
    room, ``package.module:Name`` is imported from anywhere.

    >>> from radhard.formats import FORMATS
    >>> FORMATS
    Family(Format)
    >>> FORMATS.parse("Fixed(1, 15)")
    Fixed(1, 15)
    >>> "Fixed" in FORMATS.names
    True
    """

    base: type[Component]

    def __repr__(self) -> str:
        return f"Family({self.base.__name__})"

    @property
    def words(self) -> str:
        """What a component of it is called: ``"fault model"``."""
        return spaced(self.base.__name__)

    @property
    def room(self) -> str:
        """The package that lists them: ``"radhard.faults"``."""
        return self.base.__module__.rpartition(".")[0] or self.base.__module__

    @property
    def names(self) -> list[str]:
        """The names of the components that its room lists."""
        return [name for name, _ in self.listed()]

    @property
    def allowed(self) -> str:
        """What may be given, for a message: ``"one of BitFlip, Burst, ..."``."""
        own = "your own as 'package.module:Name(...)'"
        return (
            f"{named_in(self.names, self.room.rpartition('.')[2])}, or {own}" if self.names else own
        )

    def listed(self) -> list[tuple[str, str]]:
        """Name and one-line meaning of every component that its room lists."""
        room = importlib.import_module(self.room)
        rows = []
        for name in _contents(room):
            found = getattr(room, name)
            if self._holds(found):
                rows.append((name, (inspect.getdoc(found) or "").splitlines()[0]))
        return rows

    def has(self, value: object) -> TypeGuard[C]:
        """Whether a value is a component of this family."""
        return isinstance(value, self.base)

    def parse(self, text: str, *, foreign: bool = True) -> C:
        """The component that ``text`` names: ``"Fixed(1, 15)"``, ``"Float32"``, ``"mod:Mine()"``.

        Arguments are literals and components; nothing is evaluated. With ``foreign=False`` only
        radhard's own components are allowed, at any depth, so that text from a file never imports
        a module.

        Raises:
            InputError: unknown name (the near ones are listed), or wrong arguments (the signature
                is shown).
        """
        return self.made(read_call(text), text, foreign=foreign)

    def made(self, call: Call, text: str, *, foreign: bool) -> C:
        """The component that a call stands for; messages repeat its ``text``.

        Raises:
            InputError: as of `parse`.
        """
        made = self._looked_up(call, text, foreign=foreign)
        if "__dataclass_fields__" not in vars(made):
            raise InputError(
                f"{short(text)}: decorate the class with @radhard.spec.component first"
            )
        try:
            bound = inspect.signature(made).bind(*call.args, **call.kwargs)
        except TypeError as error:
            signature = re.sub(r" -> .*|\bradhard\.(?:\w+\.)*", "", str(inspect.signature(made)))
            slip = misfit(inspect.signature(made), call.kwargs, error)
            raise InputError(f"{short(text)}: {slip}; it is {call.name}{signature}") from None
        for name, value in bound.arguments.items():
            bound.arguments[name] = _filled(value, made, name, foreign=foreign)
        return cast(C, made(*bound.args, **bound.kwargs))

    def _looked_up(self, call: Call, text: str, *, foreign: bool) -> type[Component]:
        if call.module is None:
            room = importlib.import_module(self.room)
            found = getattr(room, call.name) if call.name in _contents(room) else None
        elif not foreign:
            raise InputError(
                f"{short(text)} names code outside radhard, which is not run on the word of a "
                "file; say that you trust it (--trust on the command line)"
            )
        else:
            found = getattr(_imported(call.module, text), call.name, None)
        if not self._holds(found):
            raise InputError(
                f"unknown {self.words} {short(text)}: {near(call.name, self.names)}{self.allowed}"
            )
        return cast(type[Component], found)

    def _holds(self, found: object) -> bool:
        return (
            isinstance(found, type)
            and issubclass(found, self.base)
            and not inspect.isabstract(found)
        )


def near(name: Any, names: list[str]) -> str:
    """``"did you mean X? "`` for the names most like ``name``, or nothing.

    >>> near("uint8", ["Int", "Float32"]), near("fp32", ["Int", "Float32"]), near("fun", ["Int"])
    ('did you mean Int(8)? ', 'did you mean Float32? ', '')
    """
    if not isinstance(name, str):
        return ""
    lowered = {n.lower(): n for n in names}
    # As formats are called elsewhere: int8 is Int(8), and fp32 Float32.
    kind, size = re.fullmatch(r"(.*?)_?(\d*)", name.lower(), re.DOTALL).groups()  # type: ignore[union-attr]
    sought = f"{_ALSO.get(kind, kind)}{size}"
    if size and sought not in lowered and (whole := kind.removeprefix("u")) in lowered:
        return f"did you mean {lowered[whole]}({size})? "
    import difflib  # only here, as every command imports this module

    close = difflib.get_close_matches(sought, list(lowered), n=3, cutoff=0.5)
    close = [sought] if sought in lowered else close
    return f"did you mean {' or '.join(lowered[c] for c in close)}? " if close else ""


def misfit(signature: inspect.Signature, kwargs: Mapping[str, Any], error: TypeError) -> str:
    """Why arguments do not fit: a name that is not there, before one that is therefore missing.

    >>> def build(width, depth=1): ...
    >>> misfit(inspect.signature(build), {"widht": 3}, TypeError("missing a required argument"))
    "there is no argument 'widht' (did you mean width?)"
    """
    parameters = signature.parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return str(error)
    if not (unknown := [key for key in kwargs if key not in parameters]):
        return str(error)
    close = near(unknown[0], list(parameters)).rstrip()
    return f"there is no argument {unknown[0]!r}" + (f" ({close})" if close else "")


def named_in(names: Sequence[str], room: str) -> str:
    """``"one of X, Y"``; of more names than a line holds, where they are listed.

    >>> named_in(["Ranger", "Ecc"], "hardenings"), named_in(["F"] * 26, "formats")
    ('one of Ranger, Ecc', 'one of the 26 that radhard list formats shows')
    """
    if len(names) <= _LISTED:
        return f"one of {', '.join(names)}"
    return f"one of the {len(names)} that radhard list {room} shows"


def _filled(value: Any, cls: type[Component], name: str, *, foreign: bool) -> Any:
    """The value of a field, with components in place of calls and of texts that name them."""
    hint = _hints(cls).get(name, Any)
    if isinstance(value, str) and float in alternatives(hint) and not fits(value, hint):
        share = in_percent(value)
        return value if share is None else share
    if name not in _nesting(cls):
        # No component is allowed here, so that one is refused like anything else that is wrong.
        return tuple(value) if isinstance(value, list) else _frozen(value)
    try:
        filled = _components_in(value, hint, foreign=foreign)
    except InputError as error:
        raise InputError(f"{cls.__name__}: {name}: {error}") from None
    if _holds_call(filled):
        raise _not_allowed(cls, name, filled)
    return filled


def _components_in(value: Any, hint: Any, *, foreign: bool) -> Any:
    families: list[Family[Component]] = list(_families(hint))
    if isinstance(value, str) and families and not fits(value, hint):
        text, value = value, read_call(value)
    else:
        text = ""
    if isinstance(value, Call) and families:
        # Where a hint names several families, the one whose room lists the name.
        best = [one for one in families if value.module is None and value.name in one.names]
        return (best or families)[0].made(value, text or repr(value), foreign=foreign)
    if isinstance(value, list | tuple):
        items = next(_of_origin(hint, tuple), (Any,))[0]
        filled = tuple(_components_in(item, items, foreign=foreign) for item in value)
        # The very object where nothing is filled in, so that it is not set anew.
        same = isinstance(value, tuple) and all(map(_is, filled, value))
        return value if same else filled
    if isinstance(value, Mapping):
        keys_and_items = next(_of_origin(hint, Mapping), None)
        if keys_and_items is None:
            return value
        items = keys_and_items[1]
        filled_items = {k: _components_in(one, items, foreign=foreign) for k, one in value.items()}
        return _frozen(filled_items)
    return value


def _frozen(value: Any) -> Any:
    return FrozenDict(value) if isinstance(value, dict) else value


def _is(one: object, other: object) -> bool:
    return one is other


def _families(hint: Any) -> Iterator[Family[Component]]:
    """The families whose components a hint allows."""
    for one in alternatives(hint):
        if isinstance(one, type) and issubclass(one, Component):
            yield Family(one)


def _of_origin(hint: Any, kind: type) -> Iterator[tuple[Any, ...]]:
    """The arguments of those alternatives of a hint that are generic types of a kind."""
    for one in alternatives(hint):
        origin = typing.get_origin(one)
        if isinstance(origin, type) and issubclass(kind, origin):
            yield typing.get_args(one)


def _not_allowed(cls: type[Component], name: str, value: Any) -> InputError:
    hint = _hints(cls).get(name, Any)
    known = "".join(
        f"; the {one.room.rpartition('.')[2]} are {', '.join(one.names)}"
        for one in _nested_families(hint)
        if one.names
    )
    text = " ".join(repr(value).split())
    return InputError(
        f"{cls.__name__}: {name}={text if len(text) <= 100 else f'{text[:100]}...'} is not "
        f"allowed; {name} is {in_words(hint)}{known}"
    )


def _nested_families(hint: Any) -> Iterator[Family[Component]]:
    yield from _families(hint)
    for kind in (tuple, Mapping):
        for arguments in _of_origin(hint, kind):
            yield from (f for one in arguments for f in _nested_families(one))


@functools.cache
def _nesting(cls: type[Component]) -> frozenset[str]:
    """The names of the fields that may hold components, as far as their hints say."""
    return frozenset(name for name, hint in _hints(cls).items() if _may_nest(hint))


def _may_nest(hint: Any) -> bool:
    generic = [a for kind in (tuple, Mapping) for args in _of_origin(hint, kind) for a in args]
    return Any in alternatives(hint) or any(_families(hint)) or any(map(_may_nest, generic))


def _held(value: Any) -> Iterator[Any]:
    """What a component, a tuple or a mapping holds."""
    if isinstance(value, Component):
        yield from (getattr(value, field.name) for field in _arguments(value))
    elif isinstance(value, tuple):
        yield from value
    elif isinstance(value, Mapping):
        yield from value.values()


def _holds_call(value: Any) -> bool:
    return isinstance(value, Call) or any(map(_holds_call, _held(value)))


def _depth(value: Any) -> int:
    if not isinstance(value, Component | tuple | Mapping):
        return 0
    return 1 + max(map(_depth, _held(value)), default=0)


def _contents(room: types.ModuleType) -> list[str]:
    names = vars(room).get("__all__", ())
    return [name for name in names if isinstance(name, str)]


def _imported(module: str, text: str) -> types.ModuleType:
    if module.endswith(".py"):
        raise InputError(
            f"{short(text)}: components come from modules; without the ending: "
            f"{module.removesuffix('.py').replace('/', '.')}:..."
        )
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever the module of somebody else does while it is loaded
        reason = " ".join(f"{type(error).__name__}: {error}"[:200].split())
        raise InputError(f"{short(text)}: cannot import {short(module)} ({reason})") from error


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _arguments(part: "Component | type[Component]") -> list[dataclasses.Field[Any]]:
    found = [field for field in dataclasses.fields(part) if field.init]  # type: ignore[arg-type]
    return sorted(found, key=lambda field: field.kw_only is True)  # as a call has them


def _qualified(cls: type) -> str:
    if cls.__module__.partition(".")[0] == "radhard":
        return cls.__name__
    return f"{cls.__module__}:{cls.__name__}"
