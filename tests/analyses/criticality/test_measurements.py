"""Is a bit critical exactly if its flip lowers the accuracy by more than the tolerance?"""

import numpy as np
import pytest
import torch

from radhard.analyses.criticality import TOLERANCES, measurements
from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32, Int, stored_as
from radhard.metrics import Accuracy
from radhard.samplers import ErrorRate, Exhaustive, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from tests.analyses.criticality.planted import COLUMNS, RANGES, fault_space, model, planted
from tests.small import prepared


def test_every_bit_of_a_small_network_is_judged_as_by_hand():
    network, inputs = model(3), torch.randn(20, 6, generator=torch.manual_seed(1))
    samples = Data(inputs, network(inputs).argmax(1).detach())
    space = FaultSpace.of(network, Weights("2"), BitFlip(field="exponent"), Float32())
    found = measurements(
        run(network, samples, space, Exhaustive(), metrics=[Accuracy()], progress=False)
    )
    weight = network[2].weight
    with torch.no_grad():
        correct = (network(inputs).argmax(1) == samples.labels).sum()
    for word, bit, drop in zip(found.words, found.bits, found.drops, strict=True):
        codes = weight.detach().clone().view(torch.int32)
        codes.view(-1)[int(word)] ^= 1 << int(bit)
        with torch.no_grad():
            hidden = torch.relu(network[0](inputs))
            logits = torch.nn.functional.linear(hidden, codes.view(torch.float32), network[2].bias)
        after = (logits.argmax(1) == samples.labels).sum()
        assert drop == pytest.approx(float(correct - after) / 20)
    assert sorted(set(found.bits.tolist())) == list(range(23, 31))
    assert found.critical(0.05).sum() == (found.drops > 0.06).sum()
    assert found.critical(0.05).any()
    assert not found.critical(0.99).any()


def test_drop_of_exactly_the_tolerance_is_tolerated():
    found = planted(fault_space(model()), Uniform(256), lambda place, word, bit: bit == 30)
    # The drop is 0.9 - 0.7 as computed in floating point.
    assert not found.critical(0.2).any()
    assert found.critical(0.1999).sum() == (found.bits == 30).sum() > 0


def test_share_weights_all_bits_equally():
    # In the small tensor every bit is critical, in the large one none is.
    space = fault_space(model())
    found = planted(space, PerTensor(100), lambda place, word, bit: place == 1)
    exact = space.words[1] / space.words.sum()
    assert found.share(0.005).value == pytest.approx(exact)
    assert found.weights.sum() == pytest.approx(len(space))
    assert found.weights[found.critical(0.005)].sum() / len(space) == pytest.approx(exact)


def test_larger_tolerance_has_no_more_critical_bits():
    network = model(4)
    samples = Data(torch.randn(30, 6, generator=torch.manual_seed(2)), torch.arange(30) % 3)
    space = fault_space(stored_as(network, Int(8)), Int(8))
    found = measurements(
        run(
            stored_as(network, Int(8)),
            samples,
            space,
            Uniform(150),
            metrics=[Accuracy()],
            progress=False,
        )
    )
    shares = [found.share(tolerance).value for tolerance in TOLERANCES]
    assert len(TOLERANCES) == 20
    assert (TOLERANCES[0], TOLERANCES[-1]) == (0.005, 0.1)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0


def test_what_is_not_a_flip_of_one_stored_bit_is_refused():
    network = model()
    one, many = fault_space(network), FaultSpace.of(network, Weights("*"), StuckAt(1), Float32())

    def nothing(faults):
        return np.zeros((np.size(faults), 2))

    def campaign(space, sampler, figures=nothing):
        return prepared(space, sampler, figures, columns=COLUMNS, ranges=RANGES)

    with pytest.raises(InputError, match="BitFlip"):
        measurements(campaign(many, Uniform(4)))
    with pytest.raises(InputError, match="single bits"):
        measurements(
            campaign(FaultSpace.of(network, Weights("*"), BitFlip(count=2), Float32()), Uniform(4))
        )
    with pytest.raises(InputError, match="one flip per trial"):
        measurements(campaign(one, ErrorRate(0.1, trials=2), lambda faults: (0, 0)))
    with pytest.raises(InputError, match="Accuracy"):
        measurements(prepared(one, Uniform(4), lambda faults: 0.0 * faults))
    flowing = FaultSpace.of(
        network, Activations("*"), BitFlip(), Float32(), data=Data(torch.randn(2, 6))
    )
    with pytest.raises(InputError, match="stored values"):
        measurements(campaign(flowing, Uniform(4)))
    with pytest.raises(InputError, match="below 1"):
        planted(one, Uniform(4), lambda place, word, bit: bit == 30).critical(1.0)
