"""Does what a model corrects while a fault is there come back as it was?"""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import inject, injecting, overwrite
from radhard.manifest import fingerprint
from radhard.space import FaultSpace
from radhard.targets import Weights

WRITES = st.lists(st.tuples(st.integers(0, 255), st.floats(width=32)), max_size=5)


def model() -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Linear(4, 2)


def write(linear: nn.Linear, mask: int, value: float) -> None:
    at = torch.tensor([bool(mask >> n & 1) for n in range(8)]).reshape(2, 4)
    overwrite(linear.weight, at, torch.full((int(at.sum()),), value))


@given(st.lists(st.integers(0, 255), max_size=4), WRITES, st.integers(0, 255), WRITES)
@settings(max_examples=25, deadline=None)
def test_whatever_is_written_under_faults_comes_back(outer, writes, inner, more) -> None:
    linear = model()
    space = FaultSpace.of(linear, Weights("*"), BitFlip(), Float32())
    before = fingerprint(linear)
    with inject(linear, space, outer):
        for mask, value in writes:
            write(linear, mask, value)
        between = fingerprint(linear)
        with inject(linear, space, inner):
            for mask, value in more:
                write(linear, mask, value)
        assert fingerprint(linear) == between
    assert fingerprint(linear) == before


def test_what_is_written_without_faults_stays() -> None:
    linear = model()
    write(linear, 0b101, 7.0)
    assert linear.weight[0].tolist()[0] == linear.weight[0].tolist()[2] == 7
    assert not injecting()


def test_it_comes_back_after_an_exception_too() -> None:
    linear = model()
    space = FaultSpace.of(linear, Weights("*"), BitFlip(), Float32())
    before = fingerprint(linear)
    try:
        with inject(linear, space, 3):
            assert injecting()
            write(linear, 255, 0.0)
            raise RuntimeError
    except RuntimeError:
        pass
    assert fingerprint(linear) == before
    assert not injecting()
