"""Are chunks executed as they come, and trials yielded once?"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from radhard.engines import Serial
from radhard.engines.serial import Passed, SerialSession
from radhard.executors import execute
from radhard.samplers import Uniform
from radhard.targets import Weights
from tests.engines.campaigns import campaign
from tests.zoo import named


def test_chunks_are_made_as_they_are_executed():
    """A list of all of them would fill the memory in a run of many millions of trials."""
    made = []

    class Counted(SerialSession):
        def chunks(self) -> Iterator[Sequence[int]]:
            for chunk in super().chunks():
                made.append(chunk)
                yield chunk

    session = Counted(campaign(named("flat"), Weights("*"), Uniform(200)))
    with closing(execute(session, range(200))) as parts:
        first = list(next(parts).numbers)
        assert len(first) <= len(made) == SerialSession.chunks_together < 200
        rest = sorted(n for part in parts for n in part.numbers)
        assert sorted(first + rest) == list(range(200))


def test_what_is_executed_together_with_a_trial_that_fails_is_kept():
    one = campaign(named("flat"), Weights("*"), Uniform(20))

    class Failing(SerialSession):
        def passed(self, trial: int, *rest: Any) -> Passed:
            if trial == 5:
                raise KeyboardInterrupt
            return super().passed(trial, *rest)

    kept = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        for part in execute(Failing(one), range(20)):
            kept += part.numbers
    assert kept == list(range(5))


def test_nothing_left_to_execute_makes_no_chunk():
    session = Serial().open(campaign(named("flat"), Weights("*"), Uniform(5)))
    assert list(execute(session, [])) == []
