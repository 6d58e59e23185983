"""Are weights decoded before each use, and only the time of that measured?"""

import itertools

import pytest
import torch

from radhard.hardenings import HammingInPlace
from radhard.models import sentiment_lstm
from radhard.studies.weight_groups.scrubbing_times import (
    ScrubbingTimes,
    decoders_of,
    scrubbing_times,
    stepwise_logits,
)

four = pytest.mark.parametrize(
    ("layers", "bidirectional"), list(itertools.product([1, 2], [False, True]))
)


def small(layers, bidirectional):
    return sentiment_lstm(
        layers=layers, bidirectional=bidirectional, words=9, embedding=3, hidden=4
    )


def inputs():
    return torch.randint(9, (6, 5), generator=torch.Generator().manual_seed(1))


@four
def test_outputs_step_by_step_are_those_of_torch(layers, bidirectional):
    model = small(layers, bidirectional).double()
    torch.testing.assert_close(stepwise_logits(model, inputs()), model(inputs()))


@four
def test_what_is_wrong_in_any_set_is_corrected_before_its_use(layers, bidirectional):
    model = small(layers, bidirectional)
    names = tuple(name for name, _ in model.named_parameters())
    hard = HammingInPlace()(model, inputs(), progress=False)
    decoders = decoders_of(hard, names)
    assert len(decoders) == 2 + layers * (2 if bidirectional else 1)
    with torch.inference_mode():
        right = stepwise_logits(hard, inputs())
        for name in names:
            hard.get_parameter(name).view(torch.int32).view(-1)[0] ^= 1 << 29
        assert not torch.equal(stepwise_logits(hard, inputs()), right)
        assert torch.equal(stepwise_logits(hard, inputs(), decoders), right)
    assert sum(decoder.corrected for decoder in decoders.values()) == len(names)


def test_a_set_is_decoded_before_every_step():
    model = small(1, False)
    hard = HammingInPlace()(model, inputs(), progress=False)
    decoders = decoders_of(hard, ("lstm.weight_hh_l0", "fc.weight"))
    calls = []
    for use, decoder in decoders.items():
        scrub = decoder.scrub
        decoder.scrub = lambda model, use=use, scrub=scrub: (calls.append(use), scrub(model))
    with torch.inference_mode():
        stepwise_logits(hard, inputs(), decoders)
    assert calls == ["_l0"] * 5 + ["fc"]


def test_four_ways_are_timed_and_the_model_stays():
    model = small(2, True)
    before = {name: x.clone() for name, x in model.state_dict().items()}
    found = scrubbing_times(model, inputs(), ("lstm.weight_ih_l0", "fc.bias"), turns=2, seconds=0)
    assert found.samples == 6
    assert [len(t) for t in (found.plain, found.once, found.stepwise, found.every)] == [2] * 4
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


def test_ratios_are_those_of_the_turns():
    found = ScrubbingTimes(9, (1.0, 2.0, 4.0), (2.0, 6.0, 8.0), (1.0,) * 3, (3.0,) * 3)
    assert found.ratio("once", "plain").value == 2.0
    assert found.ratio("every", "stepwise").value == 3.0
    assert found.time("plain").value == 2000.0
