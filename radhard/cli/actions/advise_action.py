"""How is ``radhard advise`` carried out?"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import warn

import click

from radhard.cli.advice_question import GOALS, MEMORIES, AdviceQuestion, check_choice
from radhard.cli.early import Check, known_data, known_model, spec_of
from radhard.cli.free_place import campaign_name, free_place
from radhard.cli.json_document import json_document
from radhard.errors import InputError, RadhardWarning
from radhard.escaping import printable
from radhard.factory import named

if TYPE_CHECKING:
    from radhard.cli.advised_commands import Advice

__all__ = ["AdviseAction"]

_FORMATS = {
    "Float32()": "as the model is trained",
    "BFloat16()": "16 bits, with the range of Float32",
    "Float16()": "16 bits, as on many GPUs",
    "Int(8)": "8-bit integers with a scale, as on most edge devices",
    "Fixed(1, 15)": "fixed point; radhard list formats shows all",
}

_QUESTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "memory": ("What is hit?", MEMORIES),
    "format": ("Which number format does the device store?", _FORMATS),
    "goal": ("What do you want to know?", GOALS),
}

_EXAMPLE = "radhard advise lenet5 --data mnist --memory dram --goal rate"


@dataclass(kw_only=True)
class AdviseAction:
    """The options of ``radhard advise``, as given; those that are None may be asked for."""

    options: dict[str, Any]
    as_json: bool

    def carry_out(self) -> int:
        """Ask for what is missing, print the commands, and return the exit code."""
        self._complete()
        self._choose_folder()
        # Questions are asked before torch is imported.
        from radhard.cli.advised_commands import advised_commands

        steps = advised_commands(AdviceQuestion(**self.options))
        if self.as_json:
            facts = {"folder": self.options["folder"], "steps": [vars(step) for step in steps]}
            click.echo(json_document(facts))
        else:
            _print(steps)
        return 0

    def _complete(self) -> None:
        """Ask for the options that are missing, on a terminal.

        Raises:
            InputError: there is no terminal.
        """
        given = self.options
        for name in ("memory", "goal"):
            # Before anything else is asked for.
            if given[name] is not None:
                check_choice(name, given[name])
        if sys.stdin.isatty() and not self.as_json:
            for name, example, check in (
                ("model", "lenet5", known_model),
                ("data", "mnist", known_data),
            ):
                if given[name] is None:
                    # Standard error, so that standard output is a script.
                    text = f"{name.capitalize()} (or your own as file.py:function)"
                    given[name] = click.prompt(
                        text, default=example, err=True, value_proc=_checked(check)
                    )
            for name, (text, choices) in _QUESTIONS.items():
                if given[name] is None:
                    given[name] = _asked(text, choices, free=name == "format")
            self._ask_of_own_files()
        given["format"] = given["format"] or "Float32()"
        for name in ("model", "data", "memory", "goal"):
            if given[name] is None:
                known = _QUESTIONS[name][1] if name in _QUESTIONS else {}
                allowed = f": one of {', '.join(known)}" if known else ""
                option = "MODEL" if name == "model" else f"--{name}"
                raise InputError(f"give {option}{allowed}; for example: {_EXAMPLE}")

    def _choose_folder(self) -> None:
        """Choose a folder with nothing in it, or say what happens to what is in the given one."""
        given = self.options
        if given["folder"] is None:
            usual = Path("runs", f"{campaign_name(given['model'])}-{given['goal']}")
            folder = free_place(usual)
            given["folder"] = folder.as_posix()
            if folder != usual:
                warn(
                    f"{usual.as_posix()} has files already, so these commands write to "
                    f"{folder.as_posix()}; --folder {usual.as_posix()} continues what is there",
                    RadhardWarning,
                    stacklevel=2,
                )
        elif (Path(given["folder"]) / "base.db").exists():
            warn(
                f"{given['folder']}/base.db exists: the first campaign is continued if it is the "
                "same, and refused if it is another one; radhard harden replaces a model with "
                "--force only",
                RadhardWarning,
                stacklevel=2,
            )

    def _ask_of_own_files(self) -> None:
        """Ask for weights and training data of a model and data of the user's own."""
        given = self.options
        if given["weights"] is None and named(given["model"])[0] is not None:
            given["weights"] = _asked_for(
                "Checkpoint of its weights (empty if the function loads them; one that draws "
                "random weights gives another model each time)",
            )
        if given["train"] is None and given["goal"] == "harden" and named(given["data"])[0]:
            given["train"] = _asked_for(
                "Training data, on which protections are profiled (file.py:function; empty if "
                "there are none)",
                _checked(known_data),
            )


def _asked_for(text: str, check: Callable[[str], str] = str) -> str | None:
    """An answer, or None if it is empty."""

    def checked(answer: str) -> str:
        return check(answer) if answer else ""

    answer = click.prompt(text, default="", show_default=False, err=True, value_proc=checked)
    return answer or None


def _asked(text: str, choices: dict[str, str], *, free: bool) -> str:
    """One of the choices, or any text if ``free``."""
    click.echo(text, err=True)
    width = max(map(len, choices))
    for name, meaning in choices.items():
        click.echo(f"  {name:<{width}}  {meaning}", err=True)
    kind = None if free else click.Choice(list(choices))
    check = _checked(spec_of("formats", "format")) if free else None
    first = next(iter(choices))
    return str(
        click.prompt("?", default=first, type=kind, value_proc=check, show_choices=False, err=True)
    )


def _checked(check: Check) -> Callable[[str], str]:
    """A check of an option for an answer: what cannot be used is said, and asked for again."""

    def checked(answer: str) -> str:
        try:
            return str(check(click.get_current_context(), click.Argument(["answer"]), answer))
        except InputError as error:
            raise click.BadParameter(str(error)) from None

    return checked


def _print(steps: "list[Advice]") -> None:
    if not sys.stdout.isatty():
        # A script ends at the first command that fails: those after it would use wrong files.
        click.echo("set -e\n")
    for number, step in enumerate(steps, 1):
        click.secho(printable(f"# {number}. {step.why}"), fg="cyan")
        # A file within a command has lines of its own.
        click.echo("\n".join(map(printable, step.command.split("\n"))))
        if number < len(steps):
            click.echo()
