"""Does the agreement of scores with a campaign say what is so?"""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32
from radhard.samplers import ErrorRate, Exhaustive, PerBit
from radhard.scores import Scores, neighbours, rank_correlation
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Weights
from tests.small import prepared, space


def campaign(target=None, sampler=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    data = Data(torch.randn(6, 3))
    space = FaultSpace.of(model, target or Weights("*"), BitFlip(), Float32(), data=data)
    return run(model, data, space, sampler or Exhaustive(), engine="auto", audit=0)


def exhausted(results, level):
    """Mean rates of an exhaustive campaign by hand, by tensor."""
    space = results.space
    places, words, variants = space.locate(results.trials.at(results.numbers))
    values = results.values()
    found = {}
    for place, site in enumerate(space.sites):
        cube = np.zeros((site.words, 32))
        here = places == place
        cube[words[here], variants[here]] = values[here]
        found[site.name] = {
            "channel": cube.reshape(site.shape[0], -1).mean(1),
            "bit": cube.mean(0),
            "element": cube.mean(1).reshape(site.shape),
        }[level]
    return found


@pytest.mark.parametrize("level", ["channel", "bit", "element"])
def test_true_rates_as_scores_agree_wholly(level):
    results = campaign()
    truth = exhausted(results, level)
    found = Scores("Truth()", level, truth, "share").agreement(results)
    assert found.rank.value == pytest.approx(1)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.overlap == 1
    assert found.matched == "tensor"
    assert found.parts == sum(value.size for value in truth.values())


class Conv1D(nn.Module):
    """A linear layer with weights ``(inputs, outputs)``."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, size))
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x):
        return x @ self.weight + self.bias


@pytest.mark.parametrize("by", ["weight", "output"])
def test_channels_are_those_of_the_output_also_where_the_weight_is_transposed(by):
    torch.manual_seed(1)
    model = nn.Sequential(Conv1D(5), nn.ReLU(), nn.Linear(5, 3))
    data = Data(torch.randn(6, 5))
    space = FaultSpace.of(model, Weights("0"), BitFlip(), Float32(), data=data)
    results = run(model, data, space, Exhaustive(), engine="auto", audit=0)
    by_element = exhausted(results, "element")["0.weight"]
    by_output = by_element.mean(0)
    assert np.abs(by_output - by_element.mean(1)).max() > 0.02
    found = Scores("Truth()", "element", {"0.weight": by_element}, "share")
    facts = {"channel axis": {"0.weight": 1}}
    ours = Scores("Truth()", "element", {"0.weight": by_element}, "share", facts=facts)
    np.testing.assert_allclose(ours.at("channel")["0.weight"], by_output)
    np.testing.assert_allclose(found.at("channel")["0.weight"], by_element.mean(1))
    name = {"weight": "0.weight", "output": "0"}[by]
    truth = Scores("Truth()", "channel", {name: by_output}, "share", facts=facts)
    assert truth.agreement(results).error == pytest.approx(0, abs=1e-12)
    groups = neighbours("channel", truth.values, results, groups=5, axes=truth.channel_axes)
    assert [group.rate.value for group in groups] == pytest.approx(sorted(by_output))
    assert truth.agreement(results).rank.value == pytest.approx(1)


def test_an_axis_among_the_facts_that_is_none_is_refused():
    facts = {"channel axis": {"a": "last"}}
    with pytest.raises(InputError, match="channel axis"):
        Scores("Truth()", "element", {"a": np.ones((2, 2))}, facts=facts).at("channel")


def test_wrong_scores_are_off_by_as_much_as_they_are():
    results = campaign()
    truth = exhausted(results, "channel")
    off = {name: value + 0.01 for name, value in truth.items()}
    assert Scores("Off()", "channel", off, "share").agreement(results).error == pytest.approx(0.01)


def test_unequal_strata_are_weighed_by_their_size():
    whole, part = campaign(), campaign(sampler=PerBit(8))
    truth = Scores("Truth()", "channel", exhausted(whole, "channel"), "share")
    assert truth.agreement(part).error < 0.02


def test_scores_of_activations_are_compared_with_faults_in_the_layers_weights():
    results = campaign()
    scores = {"0": np.arange(4.0), "2": np.arange(2.0)}
    found = Scores("Mine()", "channel", scores).agreement(results)
    assert found.matched == "layer"
    assert found.parts == 6
    assert found.error is None


def test_activation_faults_of_all_samples_count_for_their_channel():
    results = campaign(Activations("0|2"))
    scores = {"0": np.arange(4.0), "2": np.arange(2.0)}
    found = Scores("Mine()", "channel", scores).agreement(results)
    assert found.trials == len(results) == 6 * (4 + 2) * 32


def test_too_few_parts_error_rates_and_wrong_shapes_are_refused():
    results = campaign()
    with pytest.raises(InputError, match="at least 4"):
        Scores("Mine()", "tensor", {"0.weight": np.array(1.0)}).agreement(results)
    with pytest.raises(InputError, match="error rates"):
        Scores("Mine()", "channel", {"0.weight": np.ones(4)}).agreement(
            campaign(sampler=ErrorRate((0.01,), 3))
        )
    with pytest.raises(InputError, match="7 channels"):
        Scores("Mine()", "channel", {"0.weight": np.arange(7.0)}).agreement(results)
    with pytest.raises(InputError, match="equal"):
        Scores("Mine()", "channel", {"0.weight": np.ones(4)}).agreement(results)


def test_rank_correlation_is_that_of_scipy_and_its_interval_covers():
    generator = np.random.default_rng(1)
    true, n, inside = 0.6, 40, 0
    # Spearman's correlation of a bivariate normal with Pearson's correlation r.
    spearman = 6 / np.pi * np.arcsin(true / 2)
    for _ in range(400):
        x, y = generator.multivariate_normal([0, 0], [[1, true], [true, 1]], n).T
        found = rank_correlation(x, y, 0.95)
        assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
        inside += found.low <= spearman <= found.high
    assert inside / 400 > 0.92


def test_a_part_with_several_fault_models_is_one_part_and_its_rate_that_of_all():
    faults = space((3, 5), BitFlip(field="sign")) | space((3, 5), StuckAt(1))
    results = prepared(faults, Exhaustive(), lambda numbers: numbers % 7 / 6)
    places, words, _ = faults.locate(np.arange(len(faults)))
    names = np.array([site.name for site in faults.sites])[places]
    truth = {
        name: np.array([results.values()[(names == name) & (words == w)].mean() for w in range(n)])
        for name, n in (("a.weight", 3), ("b.weight", 5))
    }
    found = Scores("Truth()", "element", truth, "share").agreement(results)
    assert (found.parts, found.trials) == (8, len(faults))
    assert found.error == pytest.approx(0, abs=1e-12)
    # The limits are those of eight pairs, whatever the number of fault models.
    x = np.arange(8.0)
    assert found.rank.high - found.rank.low == pytest.approx(
        rank_correlation(x, x, 0.95).high - rank_correlation(x, x, 0.95).low
    )


def test_weights_and_bias_of_a_layer_are_one_part_by_channel_of_its_output():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    faults = FaultSpace.of(model, (Weights("*"), Biases("*")), BitFlip(), Float32())
    results = prepared(faults, Exhaustive(), lambda numbers: numbers % 5 / 4)
    scores = {"0": np.arange(4.0), "2": np.arange(2.0)}
    found = Scores("Mine()", "channel", scores).agreement(results)
    assert (found.matched, found.parts, found.trials) == ("layer", 6, len(faults))
