"""How is ``file.py:name`` or ``package.module:name`` resolved and called?"""

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_type_hints

from radhard.errors import InputError
from radhard.spec import misfit, near, parse_call

__all__ = ["bound", "factories", "function", "made", "named"]

T = TypeVar("T")

# The path extends to the first ".py:name" and may contain any characters before it.
FILE = re.compile(r"(.+?\.py):\s*([^\W\d]\w*\s*(?:\(.*\))?)\s*", re.DOTALL)
PATH = re.compile(r"([^()'\"]*[/\\][^()'\":]*?)(?:\.py)?(?::(\w+).*)?", re.DOTALL)


def named(text: str) -> tuple[str | None, str, tuple[Any, ...], dict[str, Any]]:
    """Split the text of a factory into file or module (or None), name, arguments, keywords.

    Raises:
        InputError: the text cannot be parsed.

    >>> named("my models/net (2).py:build(width=8)")
    ('my models/net (2).py', 'build', (), {'width': 8})
    """
    text = text.strip()
    if match := FILE.fullmatch(text):
        _, name, args, kwargs = parse_call(match[2])
        return match[1], name, args, kwargs
    if text.endswith(".py"):
        raise InputError(f"{text!r} does not name a function; use {text}:function")
    if match := PATH.fullmatch(text):
        hint = f"{match[1]}.py:{match[2] or 'function'}"
        raise InputError(f"{text!r} cannot be read; a function in a file is written {hint}")
    return parse_call(text)


def factories(room: str, kind: type[T]) -> Mapping[str, Callable[..., T]]:
    """The factories of a kind that a package includes, by name.

    There is no register: these are the functions in the table of contents of ``room`` that are
    annotated to return a ``kind``, but for ``load``, which calls them.

    >>> from radhard.datasets import Data
    >>> list(factories("radhard.datasets", Data))[-2:]
    ['vowels', 'watch']
    """
    contents = importlib.import_module(room)
    functions = {name: vars(contents)[name] for name in contents.__all__ if name != "load"}
    return {
        name: function
        for name, function in functions.items()
        if inspect.isfunction(function) and _returns(function, kind)
    }


def _returns(function: Callable[..., Any], kind: type) -> bool:
    returned = get_type_hints(function).get("return")
    return isinstance(returned, type) and issubclass(returned, kind)


def made(text: str, options: Mapping[str, Any] | None = None) -> Any:
    """Call the factory ``text`` with the arguments in the text, and return its result.

    ``"my_model.py:build(width=8)"`` loads the file, afresh each time; the files beside it can be
    imported while it loads and while the factory runs. ``"package.module:build"`` imports the
    module. This runs the code that is named: give it only the user's own words.

    Args:
        options: further keyword arguments for the factory.

    Raises:
        InputError: no such file, module or name; not callable; wrong arguments; or the user's code
            raised, whose message is then passed on.
    """
    with _found(text) as (factory, args, kwargs):
        arguments = bound(factory, args, kwargs, options, text)
        with _reported(text, "failed"):
            return factory(*args, **arguments)


def function(text: str) -> Callable[..., Any]:
    """The function named by ``text``: ``"file.py:logits"``, ``"package.module:logits"``.

    It is found as by `made`, and not called. The files beside its own can be imported while that
    loads, not while the function runs: what it needs of them is imported at the top of its file.

    Raises:
        InputError: no such file, module or name; not a function; or arguments in the text.

    >>> function("math:hypot")(3, 4)
    5.0
    """
    with _found(text) as (found, args, kwargs):
        if args or kwargs:
            raise InputError(
                f"{text!r}: the function is called later, with arguments of its own; name it "
                "without any"
            )
        return found


def bound(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any] | None,
    text: str,
) -> dict[str, Any]:
    """Keyword arguments of a call that match the signature of ``function``.

    Raises:
        InputError: an argument given twice, unknown or missing; the signature is shown.
    """
    options = dict(options or {})
    twice = sorted(kwargs.keys() & options.keys())
    if twice:
        raise InputError(f"{text!r} gives {', '.join(twice)} already; give it only once")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in callables have no signature and check arguments themselves
        return {**kwargs, **options}
    try:
        signature.bind(*args, **kwargs, **options)
    except TypeError as error:
        shown = re.sub(r" -> .*", "", str(signature))
        slip = misfit(signature, {**kwargs, **options}, error)
        raise InputError(f"{text!r}: {slip}; it takes {shown}") from None
    return {**kwargs, **options}


@contextmanager
def _found(text: str) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """The function named by ``text`` and its arguments, with the folder of its file importable."""
    module, name, args, kwargs = named(text)
    if module is None:
        raise InputError(f"{text!r} names no file or module; write file.py:{name}")
    if not module.endswith(".py"):
        yield _function(_from_package(module, text), name, text), args, kwargs
        return
    path = Path(module).expanduser()
    if not path.is_file():
        raise InputError(f"{text!r}: there is no file {module} in {path.absolute().parent}")
    with _importable(path.resolve().parent):
        yield _function(_from_file(path.resolve(), text), name, text), args, kwargs


def _function(module: ModuleType, name: str, text: str) -> Callable[..., Any]:
    if name not in vars(module):
        # What the file itself defines: what it imports builds no model and loads no data.
        own = (n for n, value in vars(module).items() if _made_in(module, value))
        names = [n for n in own if not n.startswith("_")]
        meant = near(name, names) or near(name, list(vars(module)))
        raise InputError(
            f"{text!r}: there is no {name!r} in it; {meant}"
            f"it has {', '.join(names) or 'no functions and classes of its own'}"
        )
    found: Callable[..., Any] = vars(module)[name]
    # A model is callable too, but it is not a factory.
    if not callable(found) or not (inspect.isroutine(found) or isinstance(found, type)):
        raise InputError(
            f"{text!r} is {type(found).__name__}, not a function; "
            "name a function or class that returns the object"
        )
    return found


def _made_in(module: ModuleType, value: Any) -> bool:
    """Whether a function or class is defined in a module, and not imported there."""
    made = inspect.isroutine(value) or isinstance(value, type)
    return made and getattr(value, "__module__", None) == module.__name__


def _from_file(path: Path, text: str) -> ModuleType:
    import hashlib  # only here, as every command imports this module

    # A unique module name, so that a user's ``statistics.py`` never replaces the standard module.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    name = f"_radhard_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{text!r}: {path.name} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look up modules by name
    with _reported(text, "cannot be loaded"):
        spec.loader.exec_module(module)
    return module


def _from_package(module: str, text: str) -> ModuleType:
    with _reported(text, f"cannot import {module!r}"):
        return importlib.import_module(module)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Make ``folder`` importable; unload its modules afterwards to avoid name conflicts."""
    if str(folder) in sys.path:
        yield
        return
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            inside = file is not None and folder in Path(file).parents
            if inside and not name.startswith("_radhard_"):
                del sys.modules[name]


@contextmanager
def _reported(text: str, what: str) -> Iterator[None]:
    """Convert an exception in user code into an `InputError` of one line."""
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        lines = str(error).strip().splitlines()
        said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        raise InputError(f"{text!r} {what}: {said}") from error
