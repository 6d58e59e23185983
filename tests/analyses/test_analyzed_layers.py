"""Does every analysis say which of a model's layers it looked at, and which not?"""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from radhard import datasets, models
from radhard.analyses import (
    Analysis,
    DeepVigor,
    DeepVigorPlus,
    Gain,
    Gradient,
    MaxValue,
    ModifiedGain,
    QDeepVigor,
    Statistical,
    VulnerabilityGain,
    WeightSensitivity,
)
from radhard.datasets import Data
from radhard.errors import InputError, RadhardWarning
from radhard.scores import Scores


class Dense(nn.Module):
    """A linear layer of one's own, with its weight the other way round."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


class Chain(nn.Module):
    """Several layers one after the other, with a function before one of them."""

    def __init__(
        self, *layers: nn.Module, before: int = -1, function: Callable[[Tensor], Tensor] = torch.sin
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.before, self.function = before, function

    def forward(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(self.function(x) if number == self.before else x)
        return x


def root(x: Tensor) -> Tensor:
    """The magnitude, in a form that has no gradient at 0."""
    return torch.sqrt(x * x)


def looked(analysis: Analysis, model: nn.Module, inputs: Tensor) -> tuple[Scores, str]:
    """The scores, and the warning that names what was left out; empty where none was given."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        scores = analysis(model.eval(), Data(inputs), batch=4, progress=False)
    assert all(one.category is RadhardWarning for one in heard)
    assert all(one.filename == __file__ for one in heard)
    assert len(heard) <= 1
    return scores, str(heard[0].message) if heard else ""


@pytest.mark.parametrize(
    "analysis", [MaxValue(), Gain(), VulnerabilityGain(), DeepVigorPlus(neurons=1)], ids=repr
)
def test_layers_of_other_classes_are_named(analysis: Analysis, tmp_path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), Dense(6, 5), nn.ReLU(), nn.Linear(5, 3))
    scores, said = looked(analysis, model, torch.randn(5, 4))
    # A norm has a weight of one dimension, which makes it no layer with weights.
    assert "2 of 3" in said
    assert "2 (class Dense)" in said
    assert scores.facts["not analyzed"] == {"2": "class Dense"}
    assert scores.facts["analyzed"] in said
    scores.save(tmp_path / "scores.json")
    kept = Scores.load(tmp_path / "scores.json").facts
    assert kept["analyzed"] == scores.facts["analyzed"]
    assert kept["not analyzed"] == scores.facts["not analyzed"]


def test_an_analysis_of_all_weights_leaves_none_out() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), Dense(6, 5), nn.ReLU(), nn.Linear(5, 3))
    scores, said = looked(WeightSensitivity(), model, torch.randn(5, 4))
    assert not said
    assert scores.facts["analyzed"].startswith("3 of 3")
    assert "not analyzed" not in scores.facts


@pytest.mark.parametrize("analysis", [MaxValue(), VulnerabilityGain()], ids=repr)
def test_nothing_to_look_at_is_refused_by_the_names_of_what_is_there(analysis: Analysis) -> None:
    with pytest.raises(InputError, match="Dense") as refused:
        analysis(nn.Sequential(Dense(4, 3)), Data(torch.randn(5, 4)))
    assert "\n" not in str(refused.value)


class Tied(nn.Module):
    """An embedding whose weight is that of the last layer too, and a layer between."""

    def __init__(self, between: nn.Module, *, memory: bool) -> None:
        super().__init__()
        self.embedding, self.between = nn.Embedding(7, 4), between
        self.head = nn.Linear(4, 7, bias=False)
        tied = self.embedding.weight
        self.head.weight = nn.Parameter(tied.detach()) if memory else tied

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.between(self.embedding(tokens).mean(1)))


@pytest.mark.parametrize("memory", [False, True])
def test_layers_with_one_weight_count_once(memory: bool) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(0, 7, (5, 3))
    scores, said = looked(MaxValue(), Tied(nn.Linear(4, 4), memory=memory), tokens)
    assert scores.facts["analyzed"].startswith("2 of 2")
    assert not said
    scores, said = looked(WeightSensitivity(), Tied(Dense(4, 4), memory=memory), tokens)
    assert scores.facts["analyzed"].startswith("2 of 2")
    assert not said


def test_a_shared_weight_alone_gives_no_empty_ranking() -> None:
    with pytest.raises(InputError, match=r"embedding \(.*shared.*Dense"):
        VulnerabilityGain()(Tied(Dense(4, 4), memory=False), torch.randint(0, 7, (5, 3)))


def test_an_embedding_of_its_own_is_left_out_by_name() -> None:
    model = nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 3))
    _, said = looked(Gain(), model, torch.randint(0, 7, (5, 3)))
    assert "1 of 2" in said
    assert "0 (embedding)" in said


@pytest.mark.parametrize("computed", [parametrizations.weight_norm, parametrizations.spectral_norm])
@pytest.mark.parametrize("analysis", [MaxValue(), Gain(), VulnerabilityGain()], ids=repr)
def test_a_weight_that_is_computed_belongs_to_its_layer(analysis: Analysis, computed) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(computed(nn.Linear(4, 6)), nn.ReLU(), nn.Linear(6, 3))
    scores, said = looked(analysis, model, torch.randn(5, 4))
    assert not said
    assert scores.facts["analyzed"].startswith("2 of 2")


GRADIENTS: list[Analysis] = [
    Gradient(), Gain(), ModifiedGain(), VulnerabilityGain(), WeightSensitivity()
]  # fmt: skip


@pytest.mark.parametrize("analysis", GRADIENTS, ids=repr)
def test_an_infinite_gradient_leaves_out_the_layers_before_it_alone(analysis: Analysis) -> None:
    torch.manual_seed(0)
    model = Chain(nn.Linear(4, 4, bias=False), nn.Linear(4, 3), before=1, function=root)
    inputs = torch.randn(6, 4)
    # Only of the last sample, in the last of several batches, a root of 0 is taken.
    inputs[-1] = 0
    rooted = root(model.layers[0](inputs)).detach()
    assert (rooted == 0).all(1).tolist() == [False] * 5 + [True]
    scores, said = looked(analysis, model, inputs)
    assert "1 of 2" in said
    assert "layers.0" in said
    assert "not finite" in said
    name = next(name for name in scores.values if name.startswith("layers.0"))
    assert np.isnan(scores[name]).all()
    # What stands behind the root is as in a model that begins there.
    behind, _ = looked(analysis, Chain(model.layers[1]), rooted)
    for own, value in behind.values.items():
        np.testing.assert_allclose(scores[own.replace("0", "1", 1)], value, rtol=1e-5)


def test_an_infinite_gradient_leaves_a_layer_out_of_what_is_learnt() -> None:
    torch.manual_seed(0)
    model = Chain(
        nn.Linear(8, 8, bias=False),
        nn.Linear(8, 8),
        nn.Linear(8, 3),
        before=1,
        function=root,
    )
    inputs = torch.randn(20, 8)
    inputs[-1] = 0
    scores, said = looked(Statistical(640, trees=5, leaf=2), model, inputs)
    assert "2 of 3" in said
    assert "layers.0" in said
    assert np.isnan(scores["layers.0.weight"]).all()
    assert np.isfinite(scores["layers.1.weight"]).all()


@pytest.mark.parametrize("analysis", [DeepVigor(layers="0"), QDeepVigor("0")], ids=repr)
def test_layers_that_the_user_did_not_name_are_no_reason_to_warn(analysis: Analysis) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    scores, said = looked(analysis, model, torch.randn(5, 3))
    assert not said
    assert scores.facts["analyzed"].startswith("1 of 2")


@pytest.mark.parametrize(("model", "data"), [("lenet5", "mnist"), ("resnet20", "photo_patches")])
@pytest.mark.parametrize("analysis", [MaxValue(), Gain(rivals=1)], ids=repr)
def test_shipped_networks_are_looked_at_whole(analysis: Analysis, model: str, data: str) -> None:
    scores = analysis(models.load(model), datasets.load(data, n=2), progress=False)
    counted = sum(
        isinstance(module, nn.Conv2d | nn.Linear) for module in models.load(model).modules()
    )
    assert scores.facts["analyzed"] == f"{counted} of {counted} layers with weights"


@pytest.mark.parametrize("analysis", [MaxValue(), VulnerabilityGain()], ids=repr)
def test_weights_of_norms_without_a_score_are_named(analysis: Analysis) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    scores = analysis(model.eval(), torch.randn(5, 1, 4, 4), progress=False)
    assert scores.facts["analyzed"] == "2 of 2 layers with weights"
    assert scores.facts["without a score"] == "weights with one number per channel (1)"
    whole = WeightSensitivity()(model, torch.randn(5, 1, 4, 4), progress=False)
    assert ("without a score" in whole.facts) == ("1.weight" not in whole.values)


def test_a_recurrent_layer_is_named_and_a_classifier_behind_it_classifier_workload() -> None:
    model, data = models.load("lstm_classifier"), datasets.load("vowels", n=2)
    with pytest.warns(RadhardWarning, match=r"1 of 2 .*lstm"):
        Gain()(model, data, progress=False)


@pytest.mark.parametrize("kind", [Gain, ModifiedGain, VulnerabilityGain])
def test_many_backward_passes_are_announced_with_the_way_to_fewer(kind) -> None:
    torch.manual_seed(0)
    many, inputs = nn.Linear(2, 201), torch.randn(3, 2)
    with pytest.warns(RadhardWarning, match=r"400 .*200 .*rivals="):
        kind()(many, Data(inputs), batch=2, progress=False)
    kind(rivals=5)(many, Data(inputs), progress=False)
    kind()(nn.Linear(2, 200), Data(inputs), progress=False)
