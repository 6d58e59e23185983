"""How is a campaign read from a TOML file, and written as one?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from radhard.cli.early import known_model
from radhard.errors import InputError
from radhard.spec import near

__all__ = ["as_toml", "from_campaign_file", "names_from_file"]

_NOT_IN_A_FILE = ("from", "trust", "repair", "print-config", "verbose", "quiet", "json", "force")
"""Options that only the command line may give: trust above all."""


def from_campaign_file(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """A callback of MODEL: of a campaign file, the model, and its other options as defaults.

    The argument has to be eager, so that the other options are read after it. What is given on the
    command line takes precedence.
    """
    if not isinstance(value, str) or not value.strip().endswith(".toml"):
        return known_model(context, parameter, value)
    options = _read(Path(value.strip()))
    names = _names(context.command)
    for key in options:
        if key not in names:
            raise InputError(
                f"{value}: there is no key {key!r}: {near(key, list(names))}one of "
                f"{', '.join(names)}"
            )
    defaults = {names[key]: _plain(names[key], option, value) for key, option in options.items()}
    model = defaults.pop("model", None)
    context.default_map = {**(context.default_map or {}), **defaults}
    context.meta[__name__] = True
    return known_model(context, parameter, model)


def names_from_file(context: click.Context) -> set[str]:
    """The parameters whose values are those of a campaign file."""
    source = context.get_parameter_source
    names = {name for name in context.params if source(name) is ParameterSource.DEFAULT_MAP}
    return {*names, "model"} if context.meta.get(__name__) else names


def as_toml(command: click.Command, values: Mapping[str, Any]) -> str:
    """The options of a command that have a value, as a file that `from_campaign_file` reads."""
    lines = []
    for key, name in _names(command).items():
        value = values.get(name)
        if value is not None and value is not False and value not in ((), []):
            lines.append(f"{key} = {_value(value)}")
    return "\n".join([*lines, ""])


def _read(path: Path) -> dict[str, Any]:
    import tomllib  # only where it is used, as all commands are imported for any of them

    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split()) or "it is nested too deeply"
        raise InputError(f"{path} is not a TOML file: {reason}") from None


def _names(command: click.Command) -> dict[str, str]:
    """The parameter of each key of a campaign file: a key is the long name of an option."""
    names = {}
    for parameter in command.params:
        key = parameter.name if isinstance(parameter, click.Argument) else parameter.opts[-1]
        key = (key or "").removeprefix("--")
        # An option that only switches something off has a name that says so, such as no-time.
        if parameter.name and key not in _NOT_IN_A_FILE and parameter.name != "detail":
            names[key] = parameter.name
    return names


def _plain(name: str, option: Any, path: str) -> Any:
    """The value as click takes it; a table of formats by pattern becomes ``pattern=format``."""
    if isinstance(option, dict) and name == "format_":
        return [f"{pattern}={text}" for pattern, text in option.items()]
    if isinstance(option, dict) or (isinstance(option, list) and any(map(_is_nested, option))):
        raise InputError(f"{path}: {name.rstrip('_')} is a table; give a value or a list of them")
    return option


def _is_nested(value: object) -> bool:
    return isinstance(value, list | dict)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    import json  # as above

    # The escapes of JSON are those of TOML, which also demands one for the character DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
