"""Does every option that takes a number refuse what is none, or is out of its range?"""

import click
import pytest

from radhard.cli import main, radhard

VERBS = radhard.commands


def numeric():
    """Every option with a number, by verb; the sign that click gives to its type."""
    for verb, command in VERBS.items():
        for option in command.params:
            if isinstance(option.type, click.types.IntRange | click.types.FloatRange):
                yield verb, option


OPTIONS = [pytest.param(verb, o, id=f"{verb} {o.opts[0]}") for verb, o in numeric()]


def code_of(verb, option, value):
    """The exit code where nothing else is wrong with the line that click itself could see."""
    words = {"verify": ["x.db", "--model", "x"], "report": ["x.db"], "compare": ["x.db", "y.db"]}
    # In front, since options are checked in the order in which they are given.
    return main([verb, option.opts[0], value, *words.get(verb, [])])


@pytest.mark.parametrize(("verb", "option"), OPTIONS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "one", ""])
def test_what_is_no_finite_number_is_refused(capsys, verb, option, value):
    assert code_of(verb, option, value) == 2
    said = capsys.readouterr().err
    assert option.opts[0] in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("verb", "option"), OPTIONS)
def test_what_is_below_the_range_is_refused(capsys, verb, option):
    below = option.type.min - 1
    assert code_of(verb, option, str(below)) == 2
    assert option.opts[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "option"),
    [p for p in OPTIONS if p.values[1].opts[0] in ("--threads", "--workers")],
)
@pytest.mark.parametrize("value", ["999999", "9" * 30])
def test_more_threads_or_processes_than_a_machine_can_bear_are_refused(capsys, verb, option, value):
    assert code_of(verb, option, value) == 2
    assert option.opts[0] in capsys.readouterr().err


def test_there_are_options_to_look_at():
    names = {f"{verb} {option.opts[0]}" for verb, option in numeric()}
    assert {"run --max-rate", "verify --max-drop", "report --fit-per-bit", "run --audit"} <= names
