"""Which errors in options are detected before torch is imported?"""

import re
from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import click

from radhard.cli.given_files import check_model_file
from radhard.cli.signatures import components, functions
from radhard.errors import InputError
from radhard.factory import named
from radhard.hints import fits, in_words
from radhard.spec import Call, misfit, named_in, near, read_call, short

__all__ = [
    "NO_WEIGHTS",
    "RUN_FILE",
    "file_of",
    "formats_of",
    "known_data",
    "known_function",
    "known_model",
    "pattern_of",
    "scores_of",
    "spec_of",
]

FAMILIES = (
    "accelerators",
    "formats",
    "faults",
    "targets",
    "samplers",
    "caps",
    "metrics",
    "engines",
    "executors",
    "analyses",
    "hardenings",
)

RUN_FILE = "there is no run file '{}'"

NO_WEIGHTS = "there is no file {} to take weights from"

Check = Callable[[click.Context, click.Parameter, Any], Any]


def spec_of(family: str, words: str, *also: str) -> Check:
    """The callback of an option that takes components of a family.

    Their names have to be known, and so have those of their arguments, which have to be of the
    right types. Whether they go together is checked later, by the components themselves.

    Args:
        family: the folder of the family.
        words: what a component of it is called.
        also: further words that the option allows.
    """

    def check(_: click.Context, __: click.Parameter, value: Any) -> Any:
        for text in value if isinstance(value, tuple) else (value,):
            # None where the option was not given, which is the case of most.
            if text is not None and text not in also:
                _check_component(text, family, words)
        return value

    return check


def formats_of(_: click.Context, __: click.Parameter, value: Any) -> Any:
    """A callback of an option that names formats, maybe each with a pattern: ``fc*=Int(8)``."""
    for text in value:
        _check_component(pattern_of(text)[1], "formats", "format")
    return value


def pattern_of(text: str) -> tuple[str, str]:
    """The pattern and the component of ``pattern=component``; ``*`` where there is no pattern.

    >>> pattern_of("fc*=Int(8)"), pattern_of("Fixed(1, fraction=15)")
    (('fc*', 'Int(8)'), ('*', 'Fixed(1, fraction=15)'))
    """
    pattern, equals, spec = text.partition("=")
    # An equals sign behind a bracket belongs to an argument, as in Fixed(1, fraction=15).
    return (pattern.strip(), spec.strip()) if equals and "(" not in pattern else ("*", text)


def scores_of(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """A callback of an option that names a file of scores or an analysis."""
    if value is None or _is_there(value):
        return value
    if value.endswith(".json"):
        raise InputError(f"there is no file of scores {value!r}")
    return spec_of("analyses", "analysis")(context, parameter, value)


def known_model(context: click.Context | None, _: click.Parameter, value: Any) -> Any:
    """A callback of an option that names a model: shipped, a factory, or a file that is there."""
    if isinstance(value, str):
        text = value.strip()
        if text.endswith(".pt2") and not _is_there(text):
            raise InputError(f"there is no file {text}")
        if text not in functions("models"):
            check_model_file(text, (context.info_name if context else None) or "")
        # Other paths and other kinds of files are checked when they are read.
        if not _is_there(text) and not re.search(r"\.(?!py$)\w+$", text):
            alternative = (
                "or your own as 'file.py:factory', 'package.module:factory' or a torch.export file"
            )
            _check_function(value, "models", "model", f"{alternative} 'path/to/model.pt2'")
    return value


def known_data(_: click.Context, __: click.Parameter, value: Any) -> Any:
    """A callback of an option that names data: shipped, or a factory of the user's."""
    if isinstance(value, str):
        alternative = "or your own as 'file.py:factory' or 'package.module:factory'"
        _check_function(value, "datasets", "data", alternative)
        name, args, kwargs = named(value)[1:]
        path = kwargs.get("path", args[0] if args else None)
        # Reading it is left to the data set, which says what is wrong inside; that there is a
        # folder costs nothing to see.
        if name == "FromFolder" and isinstance(path, str) and not _is_there(path):
            raise InputError(f"{path} is not a folder; give the one that holds the idx files")
    return value


def known_function(_: click.Context, __: click.Parameter, value: Any) -> Any:
    """A callback of an option that names a function of the user's: its file has to be there."""
    if isinstance(value, str):
        module = named(value)[0]
        _check_file(module, value)
    return value


def file_of(lacking: str) -> Check:
    """A callback of an option that names files that are there already.

    Args:
        lacking: what to say of a file that is not there, with ``{}`` for its path.
    """

    def check(_: click.Context, __: click.Parameter, value: Any) -> Any:
        for path in value if isinstance(value, tuple) else (value,):
            if path is not None and not _is_there(str(path)):
                raise InputError(lacking.format(path))
        return value

    return check


def _check_component(text: str, family: str, words: str) -> None:
    _check_call(read_call(text), text, family, words)


def _check_call(call: Call, text: str, family: str, words: str) -> None:
    # A component of the user is imported only where it is needed, and checks itself.
    if call.module is not None:
        return
    name, signatures = call.name, components(family)
    if name not in signatures:
        raise InputError(
            f"unknown {words} {short(text)}: {near(name, list(signatures))}"
            f"{named_in(list(signatures), family)}, or your own as 'package.module:Name(...)'"
        )
    arguments = _bound(text, name, signatures[name], call.args, call.kwargs, "it is")
    for argument, value in arguments.items():
        hint = signatures[name].parameters[argument].annotation
        # Components take both, and keep tuples.
        value = tuple(value) if isinstance(value, list) else value
        if hint is not Parameter.empty and not fits(value, hint):
            raise InputError(
                f"{name}: {argument}={value!r} is not allowed; {argument} is {in_words(hint)}"
            )
        _check_nested(value)


def _check_nested(value: Any) -> None:
    """Check the components within an argument; which family it takes is checked later."""
    if isinstance(value, Call):
        families = {name: family for family in FAMILIES for name in components(family)}
        if value.module is None and value.name not in families:
            raise InputError(
                f"unknown component {short(repr(value))}: {near(value.name, list(families))}"
                "see radhard list, or give your own as 'package.module:Name(...)'"
            )
        _check_call(value, repr(value), families.get(value.name, ""), "component")
    elif isinstance(value, tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            _check_nested(part)


def _check_function(text: str, room: str, words: str, alternative: str) -> None:
    module, name, args, kwargs = named(text)
    _check_file(module, text)
    if module is not None:
        return
    signatures = functions(room)
    if name not in signatures:
        raise InputError(
            f"unknown {words} {text!r}: {near(name, list(signatures))}"
            f"one of {', '.join(signatures)}, {alternative}"
        )
    _bound(text, name, signatures[name], args, kwargs, "it takes")


def _check_file(module: str | None, text: str) -> None:
    if module is not None and module.endswith(".py") and not _is_there(module):
        raise InputError(f"{text!r}: there is no file {module}")


def _is_there(path: str) -> bool:
    """Whether a path exists; invalid paths are reported when they are read."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError):
        return True


def _bound(
    text: str,
    name: str,
    signature: Signature,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    verb: str,
) -> dict[str, Any]:
    """The arguments by name."""
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        shown = f"{name if verb == 'it is' else ''}{signature}"
        raise InputError(f"{text!r}: {misfit(signature, kwargs, error)}; {verb} {shown}") from None
