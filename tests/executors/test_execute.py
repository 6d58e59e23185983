"""Are chunks executed as they come, and trials yielded once?"""

from collections.abc import Iterator, Sequence
from contextlib import closing

from radhard.engines import Serial
from radhard.engines.serial import SerialSession
from radhard.executors import execute
from radhard.samplers import Uniform
from radhard.targets import Weights
from tests.engines.campaigns import campaign
from tests.zoo import named


def test_chunks_are_made_one_by_one():
    """A list of all of them would fill the memory in a run of many millions of trials."""
    made = []

    class Counted(SerialSession):
        def chunks(self) -> Iterator[Sequence[int]]:
            for chunk in super().chunks():
                made.append(chunk)
                yield chunk

    session = Counted(campaign(named("flat"), Weights("*"), Uniform(20)))
    with closing(execute(session, range(20))) as parts:
        assert list(next(parts).numbers) == [0]
        assert len(made) == 1
        assert sorted(n for part in parts for n in part.numbers) == list(range(1, 20))


def test_nothing_left_to_execute_makes_no_chunk():
    session = Serial().open(campaign(named("flat"), Weights("*"), Uniform(5)))
    assert list(execute(session, [])) == []
