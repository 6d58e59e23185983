"""Does every analysis keep the contract?"""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from radhard import report
from radhard.analyses import ANALYSES as FAMILY
from radhard.analyses import Analysis, Criticality, Statistical
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.manifest import fingerprint
from radhard.report.vulnerability import amount, part_name, part_phrase
from radhard.scores import Scores
from tests.conformance.analysis_examples import EXAMPLES

pytestmark = [
    pytest.mark.parametrize("analysis", EXAMPLES, ids=repr),
    # Within one sample the neurons of linear layers have no range, and so no score.
    pytest.mark.filterwarnings(
        r"ignore:ValueRange\(over='sample'\) analyzed 1 of 3:radhard.errors.RadhardWarning"
    ),
]


def network(order: list[int] | None = None) -> nn.Sequential:
    """A convolution, a hidden layer and a classifier; ``order`` permutes the channels of conv."""
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 3 * 3, 6),
        nn.ReLU(),
        nn.Linear(6, 3),
    )
    if order is not None:
        conv, hidden = model[0], model[4]
        with torch.no_grad():
            conv.weight.copy_(conv.weight[order].clone())
            conv.bias.copy_(conv.bias[order].clone())
            columns = hidden.weight.reshape(6, 4, 9)[:, order].reshape(6, 36).clone()
            hidden.weight.copy_(columns)
    return model


def data() -> Data:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(5, 1, 6, 6, generator=generator)
    return Data(inputs, network()(inputs).argmax(1).detach())


@functools.cache
def scored(analysis: Analysis) -> Scores:
    """What other runs with seed 4 are compared with."""
    return analysis(network(), data(), seed=4)


def test_the_scores_name_tensors_of_the_model_and_fit_their_shapes(analysis: Analysis) -> None:
    model, scores = network(), scored(analysis)
    assert isinstance(scores, Scores)
    assert scores.by == repr(analysis)
    parameters = dict(model.named_parameters())
    modules = dict(model.named_modules())
    for name, value in scores.values.items():
        assert name in parameters or name in modules
        if name in parameters and scores.level == "channel":
            assert value.shape == parameters[name].shape[:1]
        if name in parameters and scores.level == "element":
            assert value.shape == parameters[name].shape
        assert not (value < 0).any()


def test_the_model_comes_back_and_the_same_seed_gives_the_same_scores(analysis: Analysis) -> None:
    """With its gradients and flags, to the last bit; and torch draws on as if nothing had been."""
    model, one = network().train(), scored(analysis)
    model[0].weight.requires_grad_(False)
    model[4].weight.grad = torch.full_like(model[4].weight, 7.0)
    before, gradient = fingerprint(model), model[4].weight.grad
    samples, state = data(), torch.manual_seed(99).get_state()
    two = analysis(model, samples, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert one.values.keys() == two.values.keys()
    for name in one.values:
        np.testing.assert_array_equal(one[name], two[name])
    assert fingerprint(model) == before
    assert model.training
    assert not model[0].weight.requires_grad
    assert model[4].weight.grad is gradient
    assert (gradient == 7).all()
    assert all(p.grad is None for name, p in model.named_parameters() if name != "4.weight")
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_permuted_channels_have_permuted_scores(analysis: Analysis) -> None:
    if looks_at_a_sample(analysis):
        # It draws channels by their numbers, so that other ones are drawn.
        return
    order = [2, 0, 3, 1]
    plain, permuted = scored(analysis), analysis(network(order), data(), seed=4)
    for name in plain.values:
        if name.partition(".")[0] == "0" and plain.level in ("channel", "element"):
            np.testing.assert_allclose(permuted[name], plain[name][order], rtol=1e-3, atol=1e-6)


def looks_at_a_sample(analysis: Analysis) -> bool:
    """Whether the analysis looks at a random part of the channels or weights."""
    return getattr(analysis, "channels", 1.0) != 1.0 or isinstance(
        analysis, Criticality | Statistical
    )


def test_its_repr_parses_back_and_it_is_listed(analysis: Analysis) -> None:
    assert FAMILY.parse(repr(analysis)) == analysis
    assert type(analysis).__name__ in dict(FAMILY.listed())


def test_a_network_that_does_not_classify_is_refused(analysis: Analysis) -> None:
    with pytest.raises(InputError, match="classifier"):
        analysis(nn.Conv2d(1, 2, 3), Data(torch.randn(2, 1, 5, 5), torch.zeros(2)))


def test_its_scores_are_kept_and_reported(analysis: Analysis, tmp_path: Path) -> None:
    found = scored(analysis)
    found.save(tmp_path / "scores.json")
    twin = report.scores_markdown(Scores.load(tmp_path / "scores.json"))
    worst = found.ranking(1)[0]
    assert f": {amount(worst.value, found.unit)}" in twin
    # Bits have no table of their own; the highest one is named in a sentence.
    name = part_phrase if found.level == "bit" else part_name
    assert name(worst, found.level) in twin.replace("\\", "")


def test_in_inference_mode_the_scores_are_the_same(analysis: Analysis) -> None:
    model, inputs, expected = network(), data(), scored(analysis)
    with torch.inference_mode():
        made_here = Data(inputs.inputs.clone(), inputs.labels.clone())
        found = analysis(model, made_here, seed=4)
        assert torch.is_inference_mode_enabled()
    assert fingerprint(model) == fingerprint(network())
    assert found.values.keys() == expected.values.keys()
    for name, values in expected.values.items():
        np.testing.assert_array_equal(found[name], values)
