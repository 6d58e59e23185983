"""Is one bit flipped in every word of a tensor, and does nothing else change?"""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import BitWise
from radhard.analyses.constant_bits import constant_bits
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Fixed, Float32, Int, SecDed, stored_as
from radhard.manifest import fingerprint
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Biases, Weights
from tests.small import campaign, data, network


def flipped(model, samples, names, bit):
    """Changed predictions, outputs with NaN, and accuracy, with a bit flipped by hand."""
    before = {name: model.get_parameter(name).detach().clone() for name in names}
    golden = model(samples.inputs).argmax(1)
    with torch.no_grad():
        for name in names:
            codes = model.get_parameter(name).view(torch.int32)
            codes ^= (1 << bit) - (1 << 32 if bit == 31 else 0)
        outputs = model(samples.inputs)
        for name in names:
            model.get_parameter(name).copy_(before[name])
    due = outputs.isnan().any(1)
    critical = ~due & (outputs.argmax(1) != golden)
    correct = ~due & (outputs.argmax(1) == samples.labels)
    return [float(x.double().mean()) for x in (critical, due, correct)]


def test_every_bit_of_every_tensor_and_of_all_is_flipped_as_by_hand():
    model, samples = network(), data()
    before = fingerprint(model)
    scores = BitWise()(model, samples, progress=False)
    assert fingerprint(model) == before
    names = ["0.weight", "2.weight"]
    assert list(scores.values) == names
    assert scores.level == "bit"
    cases = [([name], scores.facts["by tensor"][name]) for name in names]
    for tensors, found in [*cases, (names, scores.facts["all tensors"])]:
        for bit in range(32):
            expected = flipped(model, samples, tensors, bit)
            assert [found[key][bit] for key in ("critical", "due", "accuracy")] == expected, bit
    for name in names:
        found = scores.facts["by tensor"][name]
        np.testing.assert_allclose(scores[name], np.add(found["critical"], found["due"]))
    assert scores["0.weight"].max() > 0
    assert scores["0.weight"][:10].max() == 0


def test_without_labels_there_is_no_accuracy():
    samples = data()
    scores = BitWise()(network(), Data(samples.inputs), progress=False)
    assert set(scores.facts["all tensors"]) == {"critical", "due"}


def test_words_of_a_narrow_format_have_as_many_scores_as_bits():
    format = Fixed(2, 5)
    chosen = BitWise(format, (Weights("*"), Biases("*")))
    scores = chosen(stored_as(network(), format), data(), progress=False)
    assert {value.shape for value in scores.values.values()} == {(8,)}
    assert len(scores.values) == 4


@given(st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=6))
def test_bits_that_all_words_share_are_constant(values):
    model = nn.Linear(len(values), 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([values]))
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    codes = np.array(values, np.float32).view(np.uint32)
    ones, zeros = np.bitwise_and.reduce(codes), ~np.bitwise_or.reduce(codes)
    expected = {bit: 1 for bit in range(32) if ones >> bit & 1}
    expected |= {bit: 0 for bit in range(32) if zeros >> bit & 1}
    assert constant_bits(space, model)["weight"] == dict(sorted(expected.items()))
    if max(map(abs, values)) < 2:
        assert expected[30] == 0


def test_constant_bits_are_in_the_facts_and_those_of_codes():
    model = stored_as(network(), Int(8))
    with torch.no_grad():
        model[0].weight.copy_(model[0].weight.abs())
    model = stored_as(model, Int(8))
    scores = BitWise(Int(8))(model, data(), progress=False)
    constant = scores.facts["constant bits"]
    assert constant["0.weight"]["7"] == 0
    assert "7" not in constant["2.weight"]


def test_ranking_of_bits_agrees_with_a_campaign_of_single_flips():
    scores = BitWise()(network(), data(), progress=False)
    found = scores.agreement(campaign(sampler=Uniform(500)))
    assert (found.level, found.parts) == ("bit", 64)
    assert found.rank.low > 0


def test_check_bits_that_are_stored_apart_do_not_replace_the_values():
    format = SecDed(Int(8), block=8)
    scores = BitWise(format)(stored_as(network(), format), data(), progress=False)
    checks = {f"{name} check" for name in ("0.weight", "2.weight")}
    assert set(scores.values) == {"0.weight", "2.weight"} | checks
    assert set(scores.facts["by tensor"]) == set(scores.values)
    # A flip in all words is far more than can be corrected; in the check bits alone, none is.
    assert any(scores[name].max() > 0 for name in ("0.weight", "2.weight"))
    assert all(scores[name].max() == 0 for name in checks)
    assert len(scores.facts["all tensors"]["critical"]) == 8
