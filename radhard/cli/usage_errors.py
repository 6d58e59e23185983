"""How is a mistake in options, which click has found, said in one line?"""

import re

import click
from click.core import ParameterSource

__all__ = ["usage_line"]

_OF_DATA = "; data are named with --data"
_OF_VERIFY = (
    "; the hardened model is named with --model, and two runs are compared with radhard compare"
)


def usage_line(error: click.ClickException) -> str:
    """What click says of a mistake, without its punctuation, and where help on the verb is."""
    text = " ".join(error.format_message().split()).rstrip(".")
    if not isinstance(error, click.UsageError):
        return text
    text = text[:1].lower() + text[1:]
    if isinstance(error, click.NoSuchOption):
        # Two sentences and brackets where a name and what is close to it are enough.
        near = " or ".join(sorted(error.possibilities or ()))
        text = f"there is no option {error.option_name}" + (
            f": did you mean {near}?" if near else ""
        )
    elif match := re.match(
        r"no such command '(.*?)'\.?\s*(?:\(?did you mean (.*?)\??\)?)?$", text, re.I
    ):
        near = re.sub(r"^one of:?\s*|'", "", match[2] or "").replace(", ", " or ")
        text = f"there is no verb {match[1]!r}" + (f": did you mean {near}?" if near else "")
    elif match := re.match(r"got unexpected extra arguments? \((.*)\)$", text):
        text = f"unexpected argument {match[1]!r}"
        if error.ctx is not None and error.ctx.info_name == "verify":
            text += _OF_VERIFY
        elif error.ctx is not None and _takes_data(error.ctx.command):
            text += _OF_DATA
    elif isinstance(error, click.MissingParameter) and error.param is not None:
        kind = "option" if isinstance(error.param, click.Option) else "argument"
        text = f"the {kind} {error.param.get_error_hint(error.ctx or _NO_CONTEXT)} is missing"
        text = text.replace("'", "")
    elif isinstance(error, click.BadParameter) and error.param is not None:
        text = f"{_place(error)}{_name(error.param)} {error.message.rstrip('.')}"
    help_of = "radhard" if error.ctx is None else error.ctx.command_path
    return f"{text}{'' if text.endswith('?') else ';'} see {help_of} --help"


_NO_CONTEXT = click.Context(click.Command("radhard"))


def _takes_data(command: click.Command) -> bool:
    return any("--data" in parameter.opts for parameter in command.params)


def _name(parameter: click.Parameter) -> str:
    # The long name: -o and --output are one option.
    name = parameter.opts[-1]
    return name if isinstance(parameter, click.Option) else name.upper()


def _place(error: click.BadParameter) -> str:
    """Says that a value is in a campaign file, and not on the command line."""
    context, parameter = error.ctx, error.param
    assert parameter is not None
    if context is None or parameter.name is None:
        return ""
    of_file = context.get_parameter_source(parameter.name) is ParameterSource.DEFAULT_MAP
    return "in the campaign file: " if of_file else ""
