"""Does a line fault all of its words, and no others?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, Engine, FirstOrder, Folded, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip, Burst, FaultModel, Line, Noise, Replace, StuckAt
from radhard.formats import Fixed, Float32, Hamming, Int, SecDed, stored_as
from radhard.injection import inject
from radhard.metrics import Corrections, Critical, Distance
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, Uniform
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Biases, Site, Weights
from tests import small


def flowing(shape: tuple[int, ...], samples: int, fault: FaultModel) -> FaultSpace:
    site = Site("a", shape, "activation", "a", "Linear", "float32", samples=samples)
    return FaultSpace.of_sites([site], fault, Float32(), targets=[Activations("*")])


@given(size=st.integers(2, 40), words=st.integers(2, 40), samples=st.integers(1, 4))
def test_every_word_is_in_one_line_of_its_sample_for_each_variant(size, words, samples):
    fault = Line(BitFlip(bits=(3, 7)), words)
    if words > size:
        with pytest.raises(InputError, match="is longer than 'a'"):
            flowing((size,), samples, fault)
        return
    space = flowing((size,), samples, fault)
    assert len(space) == math.ceil(size / words) * samples * 2
    places, found, variants, owners = space.affected(np.arange(len(space)))
    assert not places.any()
    pairs = sorted(zip(found.tolist(), variants.tolist(), strict=True))
    assert pairs == [(word, v) for word in range(size * samples) for v in (0, 1)]
    for number in range(len(space)):
        mine = found[owners == number]
        assert mine.tolist() == list(range(mine[0], mine[0] + len(mine)))
        assert mine[0] % size % words == 0
        assert mine[0] // size == mine[-1] // size
        assert len(mine) == words or mine[-1] % size == size - 1
        assert space[number].word == mine[0]
        assert space.index(space[number]) == number
    assert Fault("a", 1, 0) not in space


@given(data=st.data(), words=st.integers(2, 18))
def test_a_line_is_a_loop_over_its_words(data, words):
    inner = data.draw(st.sampled_from([BitFlip(), Burst(3), StuckAt(1, bits=30), Replace("max")]))
    model = small.network()
    space = FaultSpace.of(model, Weights("0"), Line(inner, words), Float32())
    one = FaultSpace.of(model, Weights("0"), inner, Float32())
    number = data.draw(st.integers(0, len(space) - 1))
    line, variant = divmod(number, inner.variants(Float32()))
    singles = [
        Fault("0.weight", word, variant)
        for word in range(line * words, min((line + 1) * words, 18))
    ]
    before = model[0].weight.detach().clone()
    with inject(model, one, singles):
        expected = model[0].weight.detach().clone()
    with inject(model, space, number):
        assert torch.equal(model[0].weight.view(torch.int32), expected.view(torch.int32))
    assert torch.equal(model[0].weight, before)


def test_a_line_as_long_as_a_channel_is_a_channel():
    model = nn.Sequential(nn.Conv2d(2, 4, 3))
    space = FaultSpace.of(model, Weights("*"), Line(Replace("zero"), 18), Float32())
    assert len(space) == 4
    with inject(model, space, 2):
        zero = (model[0].weight == 0).flatten(1)
        assert zero[2].all()
        assert not zero[[0, 1, 3]].any()
    assert space.describe(2) == "0.weight[2, 0, 0, 0] to [2, 1, 2, 2] Line(Replace('zero'), 18)"
    assert "in every word of a line of 18" in space.faults[0].in_words(3)


@pytest.mark.parametrize("inner", [Noise(1.0), Replace("random")], ids=repr)
def test_words_of_a_line_have_different_draws_spread_evenly(inner):
    space = flowing((256,), 1, Line(inner, 16))
    for number in (0, 7, 255):
        _, _, variants, _ = space.affected(np.array([number]))
        assert variants[0] == number
        assert len(set(variants.tolist())) == 16
        gaps = np.diff(np.sort([*variants.tolist(), variants.min() + 256]))
        assert gaps.max() <= 32
    narrow = FaultSpace.of_sites(
        [Site("w", (4,), "weight", "w", "Linear", "float32")], Line(Replace("random"), 4),
        Fixed(1, 0), targets=[Weights("*")],
    )  # fmt: skip
    _, _, variants, _ = narrow.affected(np.array([1]))
    assert sorted(variants.tolist()) == [0, 1, 2, 3]


FORMATS = {"0": Int(8, per="channel"), "*": Float32()}


def verdicts(model: nn.Module, data: Data, space: FaultSpace, engine: Engine | str, sampler: object,
             **more: object) -> Results:  # fmt: skip
    by_answer = isinstance(engine, Bracket | FirstOrder)
    metrics = [Critical()] if by_answer else [Critical(), Distance()]
    asked = {"metrics": metrics, "seed": 4, "progress": False, "audit": 0, **more}
    return run(model, data, space, sampler, engine=engine, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", [Replay(), Bracket(audit=0), FirstOrder(audit=0), Folded()])
def test_engines_judge_lines_beside_single_words_as_serial_does(engine):
    model = stored_as(small.network(), FORMATS)
    data = small.data(samples=20)
    faults = [Line(BitFlip(bits=(6, 7)), 4), BitFlip()]
    space = FaultSpace.of(model, Weights("*"), faults, FORMATS)
    space |= FaultSpace.of(model, Activations("0"), Line(StuckAt(1), 2), Float32(), data=data)
    expected = verdicts(model, data, space, Serial(), Uniform(150))
    found = verdicts(model, data, space, engine, Uniform(150))
    assert 0 < expected.rate("critical").value < 1
    assert np.array_equal(found.values("critical"), expected.values("critical"))


def test_lines_alone_and_at_error_rates_are_folded():
    model, data = small.network(), small.data(samples=20)
    space = FaultSpace.of(model, Weights("*"), Line(BitFlip(field="exponent"), 4), Float32())
    for sampler in (Exhaustive(), ErrorRate(0.05, trials=20, per="word")):
        expected = verdicts(model, data, space, Serial(), sampler)
        found = verdicts(model, data, space, Folded(), sampler)
        assert np.array_equal(found.values("critical"), expected.values("critical"))


def test_lines_in_check_bits_and_code_words_are_decoded():
    model = stored_as(small.network(), Int(8))
    data = small.data(samples=6)
    for format, planes in ((Hamming(Int(8)), "codes"), (SecDed(Int(8), block=3), "check")):
        space = FaultSpace.of(model, Weights("0"), Line(BitFlip(), 3), format, planes=planes)
        found = verdicts(model, data, space, Serial(), Exhaustive(),
                         metrics=[Corrections(), Critical()])  # fmt: skip
        # One flipped bit in each of several code words, all of which are corrected.
        assert found.values("corrected").tolist() == [1.0] * len(space)
        assert not found.values("critical").any()


def test_what_is_no_line_is_refused():
    model = small.network()
    with pytest.raises(InputError, match="2 or more"):
        Line(BitFlip(), 1)
    with pytest.raises(InputError, match="line of lines"):
        Line(Line(BitFlip(), 2), 2)
    with pytest.raises(InputError, match=r"longer than '2.bias', which has 2 words"):
        FaultSpace.of(model, Biases("*"), Line(BitFlip(), 3), Float32())
    mask = {"0.weight": model[0].weight > 0}
    with pytest.raises(InputError, match="give words=None"):
        FaultSpace.of(model, Weights("0"), Line(BitFlip(), 3), Float32(), words=mask)
