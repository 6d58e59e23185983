"""Is relevance shared as the rules say, through every way a network may take?"""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.analyses import Relevance
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.models import resnet20
from radhard.scores import Scores

RULES = [Relevance(), Relevance(alpha=2.0), Relevance("epsilon", epsilon=0.0)]


def linear(weight: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def of(analysis: Relevance, model: nn.Module, inputs: Any, labels: Any = None) -> Scores:
    return analysis(model, Data(inputs, labels), progress=False)


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [(Relevance("epsilon", epsilon=0.0), [1.5, 0.5]), (Relevance(alpha=2.0), [2, 1]),
     (Relevance(), [1, 0]), (Relevance("epsilon", epsilon=1.0), [1.0, 1 / 3])],
)  # fmt: skip
def test_three_neurons_by_hand(analysis: Relevance, expected: list[float]) -> None:
    # The hidden values are 1 and 5, so that the first logit is 3 - 1 = 2.
    model = nn.Sequential(
        linear([[1.0, -1.0], [2.0, 1.0]]), nn.ReLU(), linear([[3.0, -0.2], [-1.0, 0.4]])
    )
    scores = of(analysis, model, torch.tensor([[2.0, 1.0]]))
    np.testing.assert_allclose(scores["0"], expected, rtol=1e-6)
    np.testing.assert_allclose(scores["2"], [1.0, 0.0])


def test_a_bias_takes_its_share_with_it() -> None:
    model = nn.Sequential(nn.Identity(), linear([[1.0, 1.0], [0.0, 0.0]]), nn.ReLU(),
                          linear([[1.0, 0.0], [0.0, 0.0]], [3.0, 0.0]))  # fmt: skip
    # 1 of the logit of 4 comes from the neuron, 3 from the bias.
    np.testing.assert_allclose(of(Relevance(), model, torch.tensor([[0.5, 0.5]]))["1"], [0.25, 0.0])


def by_pencil(analysis: Relevance, matrix: Tensor, bias: Tensor, x: Tensor, due: Tensor) -> Tensor:
    """Relevance of the inputs of one sum of products, product by product."""
    total = torch.zeros_like(x)
    for row, offset, share in zip(matrix, bias.tolist(), due.tolist(), strict=True):
        products = row * x
        if analysis.rule == "epsilon":
            whole = float(products.sum()) + offset
            total += products / whole * share if whole else 0.0
            continue
        for factor, sign in ((analysis.alpha, 1), (1 - analysis.alpha, -1)):
            part = (sign * products).clamp(min=0)
            whole = float(part.sum()) + max(sign * offset, 0.0)
            total += factor * part / whole * share if whole else 0.0
    return total


@pytest.mark.parametrize("analysis", RULES, ids=repr)
@pytest.mark.parametrize(
    "conv",
    [{"stride": 2, "padding": 1}, {"groups": 2, "padding": "same"}, {"dilation": 2, "bias": False}],
    ids=repr,
)
def test_a_convolution_shares_as_the_matrix_that_it_is(
    analysis: Relevance, conv: dict[str, Any]
) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.Tanh(), nn.Conv2d(2, 4, 3, **conv), nn.Tanh(), nn.Flatten(),
        nn.LazyLinear(3),
    ).double().eval()  # fmt: skip
    x = torch.randn(3, 1, 5, 5, dtype=torch.float64)
    model(x)
    expected = []
    with torch.no_grad():
        for sample in x:
            first = model[1](model[0](sample[None]))
            second = model[3](model[2](first))
            head = model[5]
            due = torch.eye(3).double()[model(sample[None]).argmax()]
            due = by_pencil(analysis, head.weight, head.bias, second.ravel(), due)
            zero = model[2](torch.zeros_like(first)).ravel()
            basis = torch.eye(first.numel()).double().reshape(-1, *first.shape[1:])
            matrix = (model[2](basis).flatten(1) - zero).T
            due = by_pencil(analysis, matrix, zero, first.ravel(), due)
            expected.append(due.abs().reshape(first.shape[1:]))
    expected_mean = torch.stack(expected).mean(0)
    channels = of(analysis, model, x)
    np.testing.assert_allclose(channels["0"], expected_mean.sum((1, 2)), rtol=1e-9, atol=1e-12)
    elements = of(Relevance(analysis.rule, analysis.alpha, 0.0, level="element"), model, x)
    np.testing.assert_allclose(elements["0"], expected_mean, rtol=1e-9, atol=1e-12)


def test_without_epsilon_relevance_is_activation_times_gradient_in_a_residual_network() -> None:
    torch.manual_seed(0)
    model = resnet20().double().eval()
    norms = {
        "conv1": model.bn1,
        **{
            f"{n}.conv{k}": getattr(b, f"bn{k}")
            for n, b in model.named_modules()
            for k in (1, 2)
            if type(b).__name__ == "Block"
        },
    }
    seen: dict[str, Tensor] = {}
    handles = [
        norm.register_forward_hook(lambda _m, _i, out, n=name: seen.update({n: out}))
        for name, norm in norms.items()
    ]
    x = torch.rand(3, 3, 32, 32, dtype=torch.float64)
    logits = model(x)
    top = logits.amax(1)
    slopes = torch.autograd.grad(top.sum(), list(seen.values()))
    expected = {
        name: (value * slope / top[:, None, None, None]).abs().sum((2, 3)).mean(0).detach()
        for (name, value), slope in zip(seen.items(), slopes, strict=True)
    }
    for handle in handles:
        handle.remove()
    scores = of(Relevance("epsilon", epsilon=0.0), model, x)
    assert scores.values.keys() == {*expected, "fc"}
    for name, value in expected.items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-6, atol=1e-9)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 1000),
    stride=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 4]),
    pool=st.sampled_from([nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2)]),
)
def test_without_biases_every_layer_holds_all_the_relevance(
    seed: int, stride: int, groups: int, pool: nn.Module
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(),
            nn.Conv2d(4, 8, 3, stride, 1, groups=groups, bias=False), nn.ReLU6(), pool,
            nn.Flatten(), nn.LazyLinear(5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False),
        ).double()  # fmt: skip
        x = torch.rand(4, 1, 8, 8, dtype=torch.float64)
        model(x)
    with torch.no_grad():
        # One value of every sample, and one way on for it, so that not all is a sum of nothing.
        model[0].weight[0].abs_()
        for layer in (model[2], model[6], model[8]):
            layer.weight[..., 0].abs_()
            layer.weight.add_(0.3)
    for name, score in of(Relevance(), model, x).values.items():
        assert score.sum() == pytest.approx(1.0), name


class Residual(nn.Module):
    """``head(relu(x1 + 2 (a x1)))`` with ``x1 = first(x)``."""

    def __init__(self) -> None:
        super().__init__()
        self.first = linear([[1.0, 0.0], [0.0, 1.0]])
        self.branch = linear([[0.5, 0.0], [0.0, -0.25]])
        self.head = linear([[1.0, 1.0], [0.0, 0.0]])

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        out: Tensor = self.head(torch.relu(torch.add(x, self.branch(x), alpha=2)))
        return out


def test_a_residual_sum_shares_between_the_branch_and_the_way_around() -> None:
    # Sums: 4 + 2 * 2 = 8, and 4 - 2 * 1 = 2; the logit 10 gives them 0.8 and 0.2.
    scores = of(Relevance("epsilon", epsilon=0.0), Residual(), torch.tensor([[4.0, 4.0]]))
    np.testing.assert_allclose(scores["branch"], [0.4, 0.2], rtol=1e-6)
    np.testing.assert_allclose(scores["first"], [0.8, 0.2], rtol=1e-6)
    scores = of(Relevance(), Residual(), torch.tensor([[4.0, 4.0]]))
    np.testing.assert_allclose(scores["branch"], [0.4, 0.0], rtol=1e-6)


class Dense(nn.Module):
    """What is not folded: a norm of several ways put together, taken apart again, scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("scale", torch.tensor(1.5))
        self.c, self.head = nn.Conv2d(2, 3, 1), nn.Linear(3, 2)
        with torch.no_grad():
            for tensor in (*self.norm.parameters(), *self.norm.buffers()):
                if tensor.is_floating_point():
                    tensor.uniform_(0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        one = torch.relu(self.a(x))
        both = self.norm(torch.cat((one, torch.relu(self.b(one))), 1))
        left, right = both.chunk(2, dim=1)
        mixed = torch.relu(self.c(left - right)) / 2 * self.scale
        out: Tensor = self.head(mixed.mean((2, 3)))
        return out


def test_relevance_goes_through_what_is_joined_split_and_normed() -> None:
    torch.manual_seed(2)
    model = Dense().double().eval()
    seen: dict[str, Tensor] = {}
    for name in ("a", "b", "c"):
        model.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, n=name: seen.update({n: out})
        )
    x = torch.randn(4, 1, 6, 6, dtype=torch.float64)
    top = model(x).amax(1)
    slopes = torch.autograd.grad(top.sum(), list(seen.values()))
    expected = {
        name: (value * slope / top[:, None, None, None]).abs().sum((2, 3)).mean(0).detach()
        for (name, value), slope in zip(seen.items(), slopes, strict=True)
    }
    scores = of(Relevance("epsilon", epsilon=0.0), model, x)
    for name, value in expected.items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-6, atol=1e-12)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = linear([[1.0, 0.0], [0.0, 2.0]]), linear([[1.0, 1.0], [0.0, 0.0]])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.layer(self.layer(x)))
        return out


def test_a_layer_that_is_called_twice_has_the_contributions_of_both_calls() -> None:
    # Second call: 1 and 4 of the logit 5; the first hands the same on.
    scores = of(Relevance(), Twice(), torch.tensor([[1.0, 1.0]]))
    np.testing.assert_allclose(scores["layer"], [0.4, 1.6], rtol=1e-6)


def test_the_answer_may_be_the_label_and_classes_may_be_merged_by_the_largest() -> None:
    model = nn.Sequential(linear([[1.0, 0.0], [0.0, 1.0]]), linear([[3.0, 1.0], [1.0, 3.0]]))
    x = torch.tensor([[1.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    labels = torch.tensor([0, 0, 1])
    # By class 0: 3/4 and 1/4, twice; by class 1 of the last sample: 2/5 and 3/5.
    scores = of(Relevance(of="label"), model, x, labels)
    np.testing.assert_allclose(scores["0"], [(0.75 * 2 + 0.4) / 3, (0.25 * 2 + 0.6) / 3], rtol=1e-6)
    scores = of(Relevance(of="label", merge="max"), model, x, labels)
    np.testing.assert_allclose(scores["0"], [0.75, 0.6], rtol=1e-6)
    assert scores.facts["samples by answer"] == [2, 1]
    with pytest.raises(InputError, match="labels"):
        of(Relevance(of="label"), model, x)


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        out: Tensor = self.head(x * torch.softmax(x, 1))
        return out


def test_an_operation_that_no_rule_speaks_of_is_named() -> None:
    with pytest.raises(InputError, match=r"cannot follow the operation 'mul\.Tensor'"):
        of(Relevance(), Attending(), torch.ones(2, 3))


class Deciding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x if float(x.sum()) > 0 else -x)
        return out


def test_a_model_without_a_graph_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match=r"not available \(torch.export"):
        of(Relevance(), Deciding(), torch.ones(2, 3))


def test_the_size_of_the_batch_and_the_number_of_samples_do_not_matter() -> None:
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    data = Data(torch.randn(7, 4))
    whole = Relevance()(model, data, progress=False)
    parts = Relevance()(model, data, batch=3, progress=False)
    each = [Relevance()(model, Data(data.inputs[i : i + 1]), progress=False) for i in range(7)]
    for name in whole.values:
        np.testing.assert_allclose(whole[name], parts[name], rtol=1e-5)
        mean = np.mean([one[name] for one in each], axis=0)
        np.testing.assert_allclose(whole[name], mean, rtol=1e-5)


@pytest.mark.parametrize("bad", [{"alpha": 0.5}, {"epsilon": -1.0}, {"alpha": float("nan")}])
def test_factors_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match="is not allowed"):
        Relevance(**bad)  # type: ignore[arg-type]
