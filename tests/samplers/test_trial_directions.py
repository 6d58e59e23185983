"""Is the direction of every fault that of the value that it leaves?"""

import json

import numpy as np
import pytest
import torch
from torch import nn

from radhard.faults import BitFlip, Line, Replace, StuckAt
from radhard.formats import (
    BFloat16,
    Float8E4M3,
    Float8E5M2,
    Float16,
    Float32,
    Int,
    SecDed,
    stored_as,
)
from radhard.injection import DIRECTIONS, Directions, inject
from radhard.samplers import TrialDirections
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Weights
from radhard.word_sections import FaultKinds


def network(format):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        # An exponent of which a flip makes an infinity, or NaN, and a zero.
        model[0].weight[0] = torch.tensor([1.0, 1.5, 0.0])
    return stored_as(model.eval(), format)


def by_injection(model, space, number):
    """The direction of a fault, from the values before and during its injection."""
    stored = model.get_parameter(space[number].tensor)
    before = stored.detach().clone().reshape(-1)[space[number].word]
    with inject(model, space, number):
        after = stored.detach().reshape(-1)[space[number].word]
        if after.isnan():
            return "NaN"
        sign = float(torch.sign(after - before))
    return {1.0: "up", -1.0: "down", 0.0: "unchanged"}[sign]


@pytest.mark.parametrize(
    "format",
    [Float32(), Float16(), BFloat16(), Float8E4M3(), Float8E5M2(), Int(8), SecDed(Int(4))],
    ids=repr,
)
@pytest.mark.parametrize(
    "fault", [BitFlip(), StuckAt(1), BitFlip((1, 3), count=2), Replace(0.25)], ids=repr
)
def test_directions_are_those_of_injected_values(format, fault):
    model = network(format)
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], fault, format)
    faults = np.arange(len(space))
    found = TrialDirections.of(model, space, faults)
    assert found is not None
    assert [DIRECTIONS[code] for code in found.codes] == [
        by_injection(model, space, number) for number in faults.tolist()
    ]
    places, _, variants = space.locate(faults)
    for place, counts in enumerate(found.counts):
        for variant in range(int(space.variants[place])):
            own = found.codes[(places == place) & (variants == variant)]
            expected = np.bincount(own, minlength=len(DIRECTIONS))
            assert counts.sum(axis=0)[variant].tolist() == expected.tolist()


def test_a_fault_of_several_values_or_of_a_computed_one_has_none():
    model = network(Int(8))
    scales = FaultSpace.of(model, Weights("*"), BitFlip(), Int(8), planes="scale")
    lines = FaultSpace.of(model, Weights("0.*"), Line(BitFlip(), words=3), Int(8))
    flowing = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=torch.zeros(2, 3))
    for space in (scales, lines, flowing):
        assert TrialDirections.of(model, space, np.arange(5)) is None
        assert set(Directions(model, space).of(np.arange(5)).tolist()) == {0}
    mixed = scales | FaultSpace.of(model, Weights("*"), BitFlip(), Int(8))
    found = TrialDirections.of(model, mixed, np.arange(len(mixed)))
    assert [counts is None for counts in found.counts] == [True, True, False, False]
    assert set(found.codes[: len(scales)].tolist()) == {0}
    assert 0 not in found.codes[len(scales) :]


def test_gates_of_recurrent_weights_are_counted_apart():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = nn.LSTM(3, 2)
    space = FaultSpace.of(model, Weights("*"), BitFlip((9, 31)), Float32())
    faults = np.arange(len(space))
    found = TrialDirections.of(model, space, faults)
    kinds = FaultKinds.of(space, ("gate",))
    own = found.numbered(kinds.kinds(*space.locate(faults)), faults)
    sizes = [
        pair
        for place in range(len(space.regions))
        for variant in range(2)
        for pair in found.sizes(kinds, place, variant, 0, int(space.words[place]) - 1)
    ]
    expected = dict(
        zip(*(part.tolist() for part in np.unique(own, return_counts=True)), strict=True)
    )
    assert dict(sizes) == expected


def test_what_is_recorded_is_read_and_what_cannot_be_is_refused():
    model = network(Float16())
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float16())
    found = TrialDirections.of(model, space, np.arange(0, 200, 3))
    plain = json.loads(json.dumps(found.to_dict()))
    again = TrialDirections.from_dict(plain, space, 67)
    assert again.codes.tolist() == found.codes.tolist()
    assert all((a == b).all() for a, b in zip(again.counts, found.counts, strict=True))
    with pytest.raises(ValueError, match="instead of 68"):
        TrialDirections.from_dict(plain, space, 68)
    fewer = FaultSpace.of(model, Weights("0.*"), BitFlip(), Float16())
    with pytest.raises(ValueError, match=r"zip\(\)"):
        TrialDirections.from_dict(plain, fewer, 67)
    wrong = TrialDirections(tuple(c + 1 for c in found.counts), found.codes)
    with pytest.raises(ValueError, match="cannot be"):
        TrialDirections.from_dict(wrong.to_dict(), space, 67)
    with pytest.raises(ValueError, match="unpacked"):
        TrialDirections.from_dict({**plain, "codes": "AAAA"}, space, 67)
