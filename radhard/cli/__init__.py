"""Which commands are available in a terminal?"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

import click

from radhard.cli.advise_command import advise
from radhard.cli.analyze_command import analyze
from radhard.cli.compare_command import compare
from radhard.cli.demo_command import demo
from radhard.cli.fit_command import fit
from radhard.cli.harden_command import harden
from radhard.cli.list_command import listing
from radhard.cli.plan_command import plan
from radhard.cli.process_end import end_process
from radhard.cli.report_command import report
from radhard.cli.run_command import run
from radhard.cli.study_command import study
from radhard.cli.usage_errors import usage_line
from radhard.cli.verify_command import verify
from radhard.errors import InputError, RadhardWarning
from radhard.escaping import printable

__all__ = ["main", "program"]

_COMPLETE = "_RADHARD_COMPLETE"
"""The variable with which a shell asks click to complete a word."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(package_name="radhard")
@click.pass_context
def radhard(context: click.Context) -> None:
    """What do hardware faults do to my neural network, and how do I protect it?

    \b
    radhard demo                                a campaign and its report in about a minute
    radhard advise                              which commands answer my question?
    radhard run lenet5 --data mnist             how often does a bit flip change a prediction?
    radhard run my.py:build --data my.py:data   the same for your own network
    radhard plan lenet5 --data mnist --margin 0.5%
                                                how many trials does that take, and how long?
    radhard analyze lenet5 --data mnist --with "MaxValue()"
                                                which channels are to blame?
    radhard harden lenet5 --data mnist --with "Ranger()" -o hard/
                                                protect it, and say what that costs
    radhard verify runs/base.db --model hard/   did it work, against the same faults?
    radhard report runs/base.db                 the run as a page to read and to print
    radhard fit --registers runs/pe.db --fit-per-bit 1e-4
                                                failures in time of an accelerator
    radhard study activation-bounds             a paper's table and figure, reproduced
    radhard list                                every component that an option may name

    Exit codes: 0 done, 1 a threshold was missed, 2 the input cannot be used, 130 interrupted.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    *(demo, advise, run, plan, analyze, harden, verify, report, compare, fit, study, listing),
):
    radhard.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit code."""
    # So that package.module:factory finds what lies where the command is given. At the end: a file
    # there never stands in for a package.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        with _warnings_in_one_line():
            outcome = radhard.main(args=arguments, prog_name="radhard", standalone_mode=False)
    except InputError as error:
        return _failed(str(error))
    except click.ClickException as error:
        return _failed(usage_line(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("radhard: interrupted", err=True)
        return 130
    except SystemExit as error:
        # click ends so after completing a word, and where the reader of our output has gone.
        return (
            (error.code if isinstance(error.code, int) else 1) if _COMPLETE in os.environ else 141
        )
    except BrokenPipeError:
        return 141
    except OSError as error:  # a report that cannot be written, a folder that cannot be read
        place = error.filename if error.filename is not None else "the output cannot be written"
        return _failed(f"{place}: {error.strerror or error}")
    return outcome if isinstance(outcome, int) else 0


def program() -> NoReturn:
    """The program ``radhard``: the command line of the process, which ends with its exit code."""
    end_process(main())


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print a `RadhardWarning` as one line, without its place in the code."""
    with warnings.catch_warnings():
        others, shown = warnings.showwarning, set[str]()

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, RadhardWarning):
                text = printable(" ".join(str(message).split()))
                # Once, also where a command runs several campaigns on one model.
                if text not in shown:
                    click.echo(f"radhard: warning: {text}", err=True)
                shown.add(text)
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        warnings.simplefilter("always", RadhardWarning)
        yield


def _failed(message: str) -> int:
    click.echo("radhard: " + printable(" ".join(message.split())), err=True)
    return 2
