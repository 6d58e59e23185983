"""Do the intervals of a campaign hold the true rate as often as they promise?"""

from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from radhard.engines import Replay
from radhard.faults import BitFlip
from radhard.formats import Float16, Int, stored_as
from radhard.metrics import Outcome
from radhard.results import Results
from radhard.samplers import Exhaustive, PerBit, PerTensor, Sampler, Uniform, Words
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.small import campaign, prepared

SEEDS = 100
LEAST = 0.95
"""Of 100 intervals that hold the truth nine times in ten, 95 hold it with probability 6 %; and so
do 58 of 60."""
FORMATS = {
    "int8": (Int(8), BitFlip()),
    "float16": (Float16(), BitFlip(field=("sign", "exponent"))),
}
SAMPLERS = [Uniform(150), PerTensor(60), PerBit(8), Words(40)]


@cache
def exhausted(name: str) -> Results:
    """Every fault of a small trained network: 4 x 18 + 18 x 12 + 12 x 3 = 324 weights."""
    format, fault = FORMATS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inputs = torch.randn(240, 4)
        labels = (inputs[:, 0] > inputs[:, 1]).long() + (inputs[:, 2] > 0.5).long()
        model = nn.Sequential(
            nn.Linear(4, 18), nn.ReLU(), nn.Linear(18, 12), nn.ReLU(), nn.Linear(12, 3)
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(80):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    model = stored_as(model.eval(), format)
    with torch.no_grad():
        best = model(inputs).topk(2, dim=1).values
    # The samples that are nearest to another answer, so that faults do something.
    near = (best[:, 0] - best[:, 1]).argsort()[:12]
    space = FaultSpace.of(model, Weights("*"), fault, format)
    return campaign(
        model=model,
        data=(inputs[near], labels[near]),
        space=space,
        sampler=Exhaustive(),
        metrics=[Outcome()],
        engine=Replay(),
    )


@cache
def drawn(name: str, sampler: Sampler, seed: int) -> Results:
    """A campaign whose outcomes are looked up instead of computed."""
    table = exhausted(name).values()
    return prepared(exhausted(name).space, sampler, lambda faults: table[faults], seed=seed)


def covered(estimate, truth):
    return estimate.low - 1e-12 <= truth.value <= estimate.high + 1e-12


def test_the_exhausted_network_is_worth_the_trouble():
    """Harm is unequal between layers and bits, and neither none nor all: else nothing is shown."""
    for name in FORMATS:
        truth = exhausted(name)
        assert truth.complete
        rates = [rate.value for rate in truth.rate(by="tensor").values()]
        assert max(rates) > 1.5 * min(rates)
        bits = [rate.value for rate in truth.rate(by="bit").values()]
        assert max(bits) > 5 * min(bits)
        assert 0.005 < truth.rate().value < 0.5


@pytest.mark.parametrize(
    ("name", "sampler"),
    # What bits do depends on the format, which matters to samplers of bits.
    [*product(["int8"], SAMPLERS), *product(["float16"], SAMPLERS[2:])],
    ids=repr,
)
def test_95_percent_intervals_hold_the_true_rate_in_58_of_60_campaigns(name, sampler):
    truth = exhausted(name)
    rate = truth.rate()
    held = [covered(drawn(name, sampler, seed).rate(), rate) for seed in range(60)]
    assert sum(held) >= 58


@pytest.mark.parametrize(
    ("sampler", "by"),
    list(zip(SAMPLERS, ["bit", "tensor", "tensor", "bit"], strict=True)),
    ids=repr,
)
def test_intervals_of_groups_hold_their_true_rates_as_often(sampler, by):
    truth = exhausted("int8").rate(by=by)
    held = []
    for seed in range(SEEDS // len(truth)):  # a campaign has as many intervals as groups
        rates = drawn("int8", sampler, seed).rate(by=by)
        held += [covered(rate, truth[group]) for group, rate in rates.items()]
    assert np.mean(held) >= LEAST


@pytest.mark.parametrize(
    ("name", "sampler"), [("int8", Words(120)), ("float16", PerBit(25))], ids=repr
)
def test_no_sampler_of_bits_is_much_wider_than_its_estimate_varies(name, sampler):
    found = [drawn(name, sampler, seed).rate() for seed in range(60)]
    ideal = 3.92 * np.std([rate.value for rate in found], ddof=1)
    assert np.mean([rate.high - rate.low for rate in found]) <= 1.5 * ideal


def test_unweighted_mean_over_unequal_layers_is_wrong_and_ours_is_right():
    truth = exhausted("int8").rate().value
    naive, ours = [], []
    for seed in range(SEEDS):
        results = drawn("int8", PerTensor(280), seed)
        values = results.values()
        half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
        naive.append(abs(values.mean() - truth) <= half)
        ours.append(results.rate().low <= truth <= results.rate().high)
    assert np.mean(naive) < 0.5
    assert np.mean(ours) >= LEAST
