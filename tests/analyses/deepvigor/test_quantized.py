"""Does QDeepVigor find what flips of every bit of every neuron do?"""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from radhard.analyses import QDeepVigor, nvf_table
from radhard.analyses.deepvigor.upward_flips import bit_at, bit_reaching, first_harmful, upward
from radhard.campaign import run
from radhard.datasets import Data, mnist
from radhard.engines import Replay
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import BFloat16, Fixed, Format, Int
from radhard.models import lenet5, mlp
from radhard.quantization import quantized
from radhard.samplers import Exhaustive, Words
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Activations

NEURONS = "Conv2d|Linear"


def network() -> tuple[nn.Module, Data]:
    """A small ReLU network with a convolution, and samples of which it is not too sure."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(12, 6),
            nn.ReLU(),
            nn.Linear(6, 3),
        )
        return model.eval(), Data(torch.randn(12, 1, 6, 6))


def exhausted(model: nn.Module, data: Data, format: Format) -> dict[str, np.ndarray]:
    """The share of flips of every neuron, over all bits and samples, that change the answer."""
    target = Activations("*", layers=NEURONS)
    space = FaultSpace.of(model, target, BitFlip(), format, data=data)
    results = run(model, data, space, Exhaustive(), engine=Replay(), audit=0)
    critical = results.to_frame().sort_values("fault")["Outcome().critical"].to_numpy(float)
    found, at = {}, 0
    for site in space.sites:
        size = site.words * space.variants[0]
        harm = critical[at : at + size].reshape(len(data), -1, space.variants[0])
        found[site.name] = harm.mean(axis=(0, 2)).reshape(site.shape)
        at += size
    return found


@pytest.mark.parametrize("format", [Int(8), Fixed(3, 4)], ids=repr)
def test_neurons_have_the_vulnerability_that_exhausted_faults_have(format):
    model, data = network()
    made = quantized(model, data, format)
    truth, scores = exhausted(made, data, format), QDeepVigor()(made, data)
    assert scores.values.keys() == truth.keys()
    mine = np.concatenate([scores[name].ravel() for name in truth])
    injected = np.concatenate([truth[name].ravel() for name in truth])
    # Not exactly, for the model is not quite monotonic: a larger deviation may do less harm.
    assert np.abs(mine - injected).max() < 0.06
    assert np.abs(mine - injected).mean() < 0.005
    assert spearmanr(mine, injected).statistic > 0.9
    # Behind the last layer nothing bends: there it is exact.
    np.testing.assert_array_equal(scores["6"], truth["6"])
    printed = QDeepVigor(mode="paper")(made, data)
    closed = np.concatenate([printed[name].ravel() for name in truth])
    # Which bits are set tells more than that half of them are; most so where words are small.
    least = 0.9 if format == Int(8) else 0.8
    assert least < spearmanr(closed, injected).statistic < spearmanr(mine, injected).statistic


def test_int16_words_have_bits_of_their_own():
    model, data = network()
    data = data.first(5)
    made = quantized(model, data, Int(16))
    scores = QDeepVigor()(made, data)
    truth = exhausted(made, data, Int(16))
    np.testing.assert_array_equal(scores["6"], truth["6"])
    assert [len(bits) for bits in scores.facts["bits"].values()] == [16, 16, 16]
    # What the lower byte of a word does is less than a step of int8.
    assert QDeepVigor(bits=8)(model, data)["4"].mean() > scores["4"].mean()


class Head(nn.Module):
    """Logits as they come: scores of a linear head can be had by hand."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1.0


def test_a_head_by_hand():
    # Words of 4 bits with steps of 1/4: logits of 3 and 1 steps; class 0 answers, also in a tie.
    data = Data(torch.tensor([[0.75, 0.25]]))
    made = quantized(nn.Sequential(Head()), data, Fixed(1, 2))
    scores = QDeepVigor(layers="Head")(made, data)
    # 3 is 0011: flips give 2, 1 (a tie), 7, -5: one of four is harmful, the sign.
    # 1 is 0001: flips give 0, 3 (a tie), 5, -7: one of four, bit 2.
    assert scores["0"].tolist() == [0.25, 0.25]
    assert scores.facts["bits"]["0"] == [0.0, 0.0, 0.5, 0.5]
    assert (scores.level, scores.unit) == ("element", "share")
    # Down from 3 it takes 3 steps, bit 2 or above: (4 - 2) / 8. Up from 1 also 3: the same.
    printed = QDeepVigor(layers="Head", mode="paper")(made, data)
    assert printed["0"].tolist() == [0.25, 0.25]
    assert printed.facts["bits"]["0"] == [0.0, 0.0, 0.5, 0.5]


def test_relu_networks_of_int8_have_no_neuron_of_one_half_and_take_few_passes():
    for build, n in ((mlp, 8), (lenet5, 1)):
        data = mnist(split="test", n=n)
        made = quantized(build(), mnist(split="train", n=200), Int(8))
        for analysis in (QDeepVigor(), QDeepVigor("relu*", None)):
            scores = analysis(made, data)
            table = nvf_table(scores)
            assert table["neurons"].iloc[0] == len(scores)
            assert table["share"].iloc[0] == 1
            assert table["neurons"].iloc[-1] == 0
            assert table["neurons"].is_monotonic_decreasing
            # Flips of eight bits would take eight.
            assert scores.cost["samples"] < 3 * len(scores) * n


@pytest.mark.slow
def test_lenet5_agrees_with_every_flip_in_sampled_neurons():
    data = mnist(split="test", n=8)
    made = quantized(lenet5(), mnist(split="train", n=200), Int(8))
    # The same neuron in every sample: each has a word of its own.
    target = Activations("conv2|fc*", sample="every")
    space = FaultSpace.of(made, target, BitFlip(), Int(8), data=data)
    results = run(made, data, space, Words(100), seed=1, engine=Replay(), audit=0)
    found = QDeepVigor("conv2|fc*")(made, data).agreement(results)
    assert found.parts == 100
    assert found.rank.value > 0.9
    assert found.error < 0.003


def test_a_float_model_is_looked_at_as_words_and_stays_as_it_was():
    model, data = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    scores = QDeepVigor()(model, data)
    own = QDeepVigor()(quantized(model, data, Int(8)), data)
    for name in own.values:
        np.testing.assert_array_equal(scores[name], own[name])
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_networks_of_other_words_are_refused():
    model, data = network()
    with pytest.raises(InputError, match="of 16 bits, but '0' outputs Int"):
        QDeepVigor(bits=16)(quantized(model, data, Int(8)), data)
    with pytest.raises(InputError, match="outputs BFloat16"):
        QDeepVigor()(quantized(model, data, BFloat16()), data)
    with pytest.raises(InputError, match="bits must be from 2 to 24"):
        QDeepVigor(bits=1)
    with pytest.raises(InputError, match="scores of channels, but the table counts neurons"):
        nvf_table(Scores("Mine()", "channel", {"fc": np.zeros(2)}))


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_words_move_as_their_flips_say(bits):
    words = torch.arange(2**bits)
    half = 2 ** (bits - 1)
    signed = (words + half) % 2**bits - half
    up = upward(words, bits)
    for bit in range(bits):
        flipped = words ^ (1 << bit)
        moved = (flipped + half) % 2**bits - half - signed
        assert torch.equal(moved, torch.where(up[:, bit], 1, -1) << bit)
    for rank in range(bits):
        rows = (up.sum(1) > rank).nonzero().squeeze(1)
        found = bit_at(up[rows], torch.full_like(rows, rank))
        expected = [[b for b in range(bits) if up[row, b]][rank] for row in rows.tolist()]
        assert found.tolist() == expected


def test_the_lowest_bit_that_reaches_far_enough():
    steps = torch.arange(1, 2**12)
    bits = bit_reaching(steps)
    assert (2**bits >= steps).all()
    assert ((2 ** (bits - 1) < steps) | (bits == 0)).all()


def test_the_first_harmful_rank_is_found_with_few_looks():
    sizes = torch.tensor([n for n in range(12) for _ in range(n + 1)])
    truth = torch.tensor([first for n in range(12) for first in range(n + 1)])
    looks = torch.zeros_like(sizes)

    def harmful(rows, ranks):
        assert ((ranks >= 0) & (ranks < sizes[rows])).all()
        looks[rows] += 1
        return ranks >= truth[rows]

    assert torch.equal(first_harmful(harmful, sizes), truth)
    assert (looks[truth == sizes] <= 1).all()
    assert (looks <= 1 + sizes.double().log2().clamp(min=0).ceil()).all()
