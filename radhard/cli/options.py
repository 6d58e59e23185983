"""Which options do all commands share for the model, its data and its evaluation?"""

from collections.abc import Callable, Sequence
from typing import Any

import click

from radhard.cli.campaign_file import from_campaign_file
from radhard.cli.completion import names_of
from radhard.cli.early import (
    NO_WEIGHTS,
    file_of,
    formats_of,
    known_data,
    known_function,
    known_model,
    spec_of,
)
from radhard.cli.parameter_types import THREADS, WholeNumber

__all__ = ["names_a_model", "names_a_model_or_a_campaign", "names_faults", "prints_results"]

Verb = Callable[..., Any]


def names_a_model(verb: Verb) -> Verb:
    """Add MODEL and the options of the model and data (`ModelAndData`) to a command."""
    return _with_options(verb, known_model)


def names_a_model_or_a_campaign(verb: Verb) -> Verb:
    """The same for a command whose MODEL may also be a campaign file, with all its options."""
    return _with_options(verb, from_campaign_file)


def _with_options(verb: Verb, callback: Verb) -> Verb:
    options = [
        # Eager, since a campaign file has the defaults of the other options.
        click.argument(
            "model",
            required=False,
            callback=callback,
            is_eager=True,
            shell_complete=names_of("models"),
        ),
        click.option(
            "--data",
            callback=known_data,
            shell_complete=names_of("datasets"),
            help="mnist, digits, FromFolder('path') or file.py:factory.",
        ),
        click.option("--n", "samples", type=WholeNumber(1), help="Use the first N samples only."),
        click.option(
            "--weights",
            callback=file_of(NO_WEIGHTS),
            help="Weights for the model: .safetensors or a torch checkpoint.",
        ),
        click.option(
            "--call",
            callback=known_function,
            help="file.py:function of model and batch that returns the logits.",
        ),
        click.option(
            "--format",
            "format_",
            multiple=True,
            callback=formats_of,
            shell_complete=names_of("formats"),
            help="Number format; by tensor or layer as 'fc*=Int(8)'.  [Float32()]",
        ),
        click.option("--seed", type=WholeNumber(0), help="Random seed.  [0]"),
        click.option("--batch", type=WholeNumber(1), help="Samples per forward pass.  [100]"),
        click.option("--threads", type=THREADS, default=1, show_default=True, help="CPU threads."),
        click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ..."),
        click.option(
            "--allow-nondeterministic", is_flag=True, help="Accept a nondeterministic model."
        ),
        click.option(
            "--trust", is_flag=True, help="Allow code outside radhard named in a run file."
        ),
    ]
    return _with_all(verb, options)


def names_faults(verb: Verb) -> Verb:
    """Add the options that determine a fault space and the metrics."""
    options = [
        click.option(
            "--target",
            multiple=True,
            callback=spec_of("targets", "target"),
            shell_complete=names_of("targets"),
            help="Where faults are injected; may be repeated.  [Weights('*')]",
        ),
        click.option(
            "--fault",
            multiple=True,
            callback=spec_of("faults", "fault model"),
            shell_complete=names_of("faults"),
            help="What happens to a word; may be repeated.  [BitFlip()]",
        ),
        click.option(
            "--plane",
            multiple=True,
            type=click.Choice(["codes", "scale", "check"]),
            help="Which words of a tensor, its codes, its scale or its check bits; may be "
            "repeated.  [codes and check bits]",
        ),
        click.option(
            "--metric",
            multiple=True,
            callback=spec_of("metrics", "metric"),
            shell_complete=names_of("metrics"),
            help="How the effect is measured; may be repeated.",
        ),
    ]
    return _with_all(verb, options)


def prints_results(verb: Verb) -> Verb:
    """Add the options that determine how much a command prints (`terminal.Terminal`)."""
    options = [
        click.option(
            "-v", "--verbose", "detail", flag_value="verbose", callback=_json_first,
            help="Print everything.",
        ),
        click.option(
            "-q", "--quiet", "detail", flag_value="quiet", callback=_json_first,
            help="Print the headline only.",
        ),
        click.option(
            "--json", "json", is_flag=True, is_eager=True, expose_value=False,
            callback=_remember_json, help="Print one JSON object.",
        ),
    ]  # fmt: skip
    return _with_all(verb, options)


_JSON = "radhard.json"


def _remember_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    # Eager and remembered, so that it does not matter which of -v, -q and --json comes first.
    context.meta[_JSON] = value


def _json_first(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """What is printed: JSON wherever it is asked for, as a program reads it."""
    return "json" if context.meta.get(_JSON) else value


def _with_all(verb: Verb, options: Sequence[Callable[[Verb], Verb]]) -> Verb:
    """A command with these options, in their order."""
    # Decorators are applied from the last one upwards, and click lists the uppermost one first.
    for option in reversed(options):
        verb = option(verb)
    return verb
