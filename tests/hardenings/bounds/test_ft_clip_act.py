"""Does the search find the bound under which most accuracy survives?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import FTClipAct, Ranger
from radhard.hardenings.bounds.bound_search import mean_under, searched
from radhard.metrics import Accuracy
from radhard.samplers import ErrorRate
from radhard.space import FaultSpace
from radhard.targets import Weights


@given(st.floats(0.05, 1.0), st.floats(0.5, 100))
def test_a_single_summit_is_found(where, greatest):
    summit = where * greatest
    found = searched(lambda x: -abs(x - summit), greatest, rounds=30, close=0.0)
    assert found == pytest.approx(summit, rel=1e-4, abs=1e-4 * greatest)


def test_equal_bounds_leave_the_largest_and_stop_the_search():
    tried: list[float] = []
    assert searched(lambda x: tried.append(x) or 1.0, 9.0) == 9.0
    # Of the first round 0, 3, 6, 9; then twice two more in the last interval, then nothing differs.
    assert tried == pytest.approx([0, 3, 6, 9, 7, 8, 8 + 1 / 3, 8 + 2 / 3])


def test_nothing_is_tried_twice_and_rounds_are_counted():
    tried: list[float] = []

    def worth(x: float) -> float:
        tried.append(x)
        return -((x - 4.0) ** 2)

    searched(worth, 9.0, rounds=2, close=0.0)
    assert len(tried) == len(set(tried)) == 4 + 2


@given(
    st.lists(st.floats(1e-8, 1e-2), min_size=2, max_size=6, unique=True),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_area_is_that_of_another_library(rates, values):
    rates, values = tuple(rates), tuple(values[: len(rates)])
    order = np.argsort(rates)
    x, y = np.array(rates)[order], np.array(values)[order]
    assert mean_under(rates, values) == pytest.approx(auc(x, y) / (x[-1] - x[0]), abs=1e-9)


def test_the_area_under_one_rate_is_its_value():
    assert mean_under((1e-3,), (0.7,)) == 0.7


def example() -> tuple[nn.Module, Data]:
    """A network with one sample whose activation is by far the largest, and which it gets wrong."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 3)).eval()
    inputs = torch.randn(40, 4)
    inputs[0] *= 30
    labels = model(inputs).argmax(1).detach()
    labels[0] = (labels[0] + 1) % 3
    return model, Data(inputs, labels)


def surviving(model: nn.Module, data: Data, rates: tuple[float, ...]) -> float:
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    results = run(
        model,
        data,
        space,
        ErrorRate(rates, trials=20),
        metrics=[Accuracy()],
        engine=Serial(),
        audit=0,
    )
    by_rate = results.to_frame().groupby("rate", sort=False)["Accuracy().accuracy"].mean()
    return mean_under(rates, tuple(by_rate))


def test_the_bound_found_survives_at_least_what_the_largest_value_does():
    model, data = example()
    rates = (1e-3, 3e-3)
    hardening = FTClipAct(rates=rates, trials=20)
    hard, ranger = hardening(model, data), Ranger()(model, data)
    assert 0 < hard[1].clipped.high < ranger[1].ranger.high
    assert surviving(hard, data, rates) > surviving(ranger, data, rates)


def test_only_so_many_samples_are_looked_at_and_not_the_first_ones():
    model, data = example()
    seen = set()

    def call(m: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        if len(batch) == 7:
            seen.update(batch[:, 0].tolist())
        return m(batch)

    FTClipAct(rates=(1e-3,), trials=1, rounds=1, samples=7)(model, data, call=call)
    assert len(seen) == 7
    assert seen != set(data.inputs[:7, 0].tolist())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FTClipAct(rates=()), "rate"),
        (lambda: FTClipAct(rates=(2.0,)), "from 0 to 1"),
        (lambda: FTClipAct(points=2), "3 points"),
        (lambda: FTClipAct(close=-1.0), "close=-1.0"),
        (lambda: FTClipAct(format="Floaty()"), "Floaty"),
        (lambda: FTClipAct()(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.ones(4, 2)), "label"),
    ],
)
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(InputError, match=message):
        make()
