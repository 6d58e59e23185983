"""Are the data-aware sample sizes those of the published rule?"""

import math

import pytest
import torch
from torch import nn

from radhard import models
from radhard.errors import InputError
from radhard.faults import BitFlip, Burst
from radhard.formats import Float16, Float32, Int, stored_as
from radhard.results import Results
from radhard.samplers import SAMPLERS, PerBit
from radhard.samplers.expected_rates import expected_rates
from radhard.space import FaultSpace
from radhard.stats import sample_size
from radhard.targets import Activations, Biases, Weights
from tests.small import campaign, network


def test_sizes_are_those_of_the_published_rule():
    model = models.load("lenet5")
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], BitFlip(), Float32())
    aware = PerBit(margin=0.01, confidence=0.99, p="data").informed(model, space)
    drawn, unaware = aware.draw(space, 0), PerBit(margin=0.01, confidence=0.99).draw(space, 0)
    assert len(unaware) == 700_224
    assert len(drawn) == 21_882 == len(unaware) // 32
    assert {s.name.rpartition(" ")[2] for s in drawn.strata if s.trials} == {"30"}
    assert str(drawn.notes[-1]).startswith("310 of 320 strata have no trial")


def test_rates_are_in_proportion_to_the_mean_distance():
    model = stored_as(network(), Int(8))
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Int(8))
    rates = expected_rates(model, space)
    # Every flip of a bit of a two's complement word moves its value by the same distance.
    assert rates == pytest.approx([2.0**bit / 256 for bit in range(8)], rel=1e-3)
    sampler = PerBit(margin=0.2, p="data").informed(model, space)
    for stratum in sampler.draw(space, 1).strata:
        rate = rates[int(stratum.name.rpartition(" ")[2])]
        wanted = sample_size(stratum.population, 0.2, 0.95, rate)
        assert stratum.trials == (math.ceil(wanted) if wanted >= 0.5 else 0)


def test_distances_to_infinity_are_those_to_the_largest_number():
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.5, 0.25]])
    space = FaultSpace.of(layer, Weights("*"), BitFlip(), Float32())
    rates = expected_rates(layer, space)
    assert max(rates) == rates[30] == 0.5
    # A flip of the sign moves the values by 3 and 0.5.
    largest = torch.finfo(torch.float32).max
    faulty = 0.25 * 2.0**126 * 4
    assert rates[31] == pytest.approx(0.5 * 3.5 / (largest + faulty), rel=1e-3)


def test_a_run_records_the_rates_and_opens_without_the_model(tmp_path):
    text = "PerBit(margin=0.3, p='data')"
    path = tmp_path / "run.db"
    first = campaign(path, sampler=text)
    opened = Results.open(path)
    assert opened.sampler == SAMPLERS.parse(repr(first.sampler))
    assert len(opened.sampler.p) == 32
    assert opened.rate(by="bit").keys() == {"30"}
    assert opened.rate().high - opened.rate().low > 0.9
    # The same text continues the run.
    assert campaign(path, sampler=text).values().tolist() == first.values().tolist()


def test_what_has_no_values_is_refused_in_one_line():
    model = network()
    weights = FaultSpace.of(model, Weights("0.*"), BitFlip(), Float32())
    sampler = PerBit(margin=0.1, p="data")
    with pytest.raises(InputError, match="needs the values of the model"):
        sampler.draw(weights, 0)
    flowing = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=torch.zeros(2, 3))
    with pytest.raises(InputError, match="stored value"):
        sampler.informed(model, flowing)
    mixed = weights | FaultSpace.of(model, Weights("2.*"), Burst(2), Float32())
    with pytest.raises(InputError, match="one format with one fault"):
        sampler.informed(model, mixed)
    with pytest.raises(InputError, match="give margin"):
        PerBit(20, p="data")
    with pytest.raises(InputError, match="rates from 0"):
        PerBit(margin=0.1, p=(0.2, 1.5))
    half = FaultSpace.of(stored_as(model, Float16()), Weights("*"), BitFlip(), Float16())
    with pytest.raises(InputError, match="2 bit positions"):
        PerBit(margin=0.1, p=(0.2, 0.5)).draw(half, 0)
