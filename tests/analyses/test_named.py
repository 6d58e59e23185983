"""Are layers of other classes than torch's looked at, along the right axis of their weight?"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.analyses import (
    ANALYSES,
    Analysis,
    AverageL2,
    Gain,
    Gradient,
    MaxValue,
    ModifiedGain,
    ValueRange,
    VulnerabilityGain,
    WeightSensitivity,
)
from radhard.datasets import Data
from radhard.errors import InputError, RadhardWarning


class Conv1D(nn.Module):
    """A linear layer as transformers has it, with weights ``(inputs, outputs)``."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(torch.randn(nx, nf))
        self.bias = nn.Parameter(torch.randn(nf))

    def forward(self, x: Tensor) -> Tensor:
        shape = (*x.shape[:-1], self.nf)
        return torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight).view(shape)


class Dense(nn.Module):
    """A linear layer of one's own, which calls its tensors otherwise."""

    def __init__(self, inputs: int, outputs: int, *, transposed: bool = True) -> None:
        super().__init__()
        self.transposed = transposed
        shape = (inputs, outputs) if transposed else (outputs, inputs)
        self.kernel = nn.Parameter(torch.randn(shape))
        self.shift = nn.Parameter(torch.randn(outputs))

    def forward(self, values: Tensor) -> Tensor:
        kernel = self.kernel if self.transposed else self.kernel.T
        return values @ kernel + self.shift


class Curved(Dense):
    """No product of its inputs and its weight."""

    def forward(self, values: Tensor) -> Tensor:
        return super().forward(values).tanh()


class Block(nn.Module):
    """Attention and a perceptron behind it, of linear layers that ``make`` makes, and a head."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.attention, self.projection = make(4, 12), make(4, 4)
        self.wide, self.narrow = make(4, 6), make(6, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.attention(x).chunk(3, -1)
        x = x + self.projection((q @ k.mT).softmax(-1) @ v)
        x = x + self.narrow(nn.functional.gelu(self.wide(x)))
        return self.head(x[:, -1])


def pair(make: Any) -> tuple[Block, Block, Tensor]:
    """The block of other layers, the same of torch's, and inputs."""
    torch.manual_seed(3)
    block, plain = Block(make), Block(nn.Linear)
    plain.head = block.head
    with torch.no_grad():
        for name, layer in block.named_children():
            if name != "head":
                weight, bias = layer.parameters()
                along = weight.shape == plain.get_submodule(name).weight.shape
                along = along and not getattr(layer, "transposed", True)
                plain.get_submodule(name).weight.copy_(weight if along else weight.T)
                plain.get_submodule(name).bias.copy_(bias)
    return block.eval(), plain.eval(), torch.randn(5, 3, 4)


ALL = [MaxValue, AverageL2, ValueRange, Gradient, Gain, ModifiedGain, VulnerabilityGain]


def same(found: Any, expected: Any, *, weight: str) -> None:
    """The scores of two models, the weights of one of which may have another name."""
    renamed = {name.replace(".weight", f".{weight}") for name in expected.values}
    assert {n.replace("head." + weight, "head.weight") for n in renamed} == set(found.values)
    for name, value in expected.values.items():
        own = name if name.startswith("head") else name.replace(".weight", f".{weight}")
        np.testing.assert_allclose(found[own], value, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ALL)
def test_a_block_of_conv1d_scores_as_one_of_linear(kind: type[Analysis]) -> None:
    block, plain, inputs = pair(lambda inputs, outputs: Conv1D(outputs, inputs))
    found = kind()(block, Data(inputs), batch=2)
    same(found, kind()(plain, Data(inputs), batch=2), weight="weight")
    assert found.facts["analyzed"].startswith("5 of 5")
    assert found.facts["channel axis"] == {
        f"{name}.weight": 1 for name in ("attention", "projection", "wide", "narrow")
    }
    # One sample more than with layers of torch's: it shows what the others compute.
    assert found.cost["samples"] == kind()(plain, Data(inputs), batch=2).cost["samples"] + 1


def test_a_square_weight_the_other_way_round_than_its_name_says_is_seen() -> None:
    torch.manual_seed(0)
    other = type("Conv1D", (Dense,), {})(4, 4, transposed=False)
    other.weight, other.bias = other.kernel, other.shift
    del other.kernel, other.shift
    other.forward = lambda x: nn.functional.linear(x, other.weight, other.bias)
    plain = nn.Linear(4, 4)
    plain.load_state_dict(other.state_dict())
    head, data = nn.Linear(4, 3), Data(torch.randn(5, 4))
    found = VulnerabilityGain()(nn.Sequential(other, head), data)
    same(found, VulnerabilityGain()(nn.Sequential(plain, head), data), weight="weight")
    assert "channel axis" not in found.facts


def test_elements_of_conv1d_come_to_channels_of_its_output() -> None:
    block, plain, inputs = pair(lambda inputs, outputs: Conv1D(outputs, inputs))
    found, expected = (WeightSensitivity()(model, Data(inputs)) for model in (block, plain))
    np.testing.assert_allclose(
        found["projection.weight"].T, expected["projection.weight"], rtol=1e-4
    )
    same(found.at("channel"), expected.at("channel"), weight="weight")


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("kind", ALL)
def test_classes_that_are_named_score_as_linear(kind: Any, transposed: bool) -> None:
    block, plain, inputs = pair(lambda *sizes: Dense(*sizes, transposed=transposed))
    with pytest.warns(RadhardWarning, match=r"1 of 5 .*kinds=\('Dense',\)"):
        alone = kind()(block, Data(inputs))
    assert set(alone.facts["not analyzed"].values()) == {"class Dense"}
    analysis = kind(kinds=("Dense",))
    found = analysis(block, Data(inputs))
    same(found, kind()(plain, Data(inputs)), weight="kernel")
    axes = found.facts.get("channel axis", {})
    assert axes == ({f"{n}.kernel": 1 for n in list(block._modules)[:4]} if transposed else {})
    assert ANALYSES.parse(repr(analysis)) == analysis


def test_a_layer_that_computes_something_else_has_activations_and_no_product() -> None:
    torch.manual_seed(0)
    model, inputs = nn.Sequential(Curved(4, 4), nn.Linear(4, 3)), torch.randn(5, 4)
    found = MaxValue(kinds=("Curved",))(model, Data(inputs))
    expected = model[0](inputs).abs().mean(0).detach()
    np.testing.assert_allclose(found["0"], expected, rtol=1e-5)
    with pytest.warns(RadhardWarning, match="1 of 2 .*0 .*product") as heard:
        VulnerabilityGain(kinds=("Curved",))(model, Data(inputs))
    assert "kinds=" not in str(heard[0].message).partition("analyzed")[2]


def test_a_square_weight_that_fits_both_ways_is_not_guessed() -> None:
    torch.manual_seed(0)
    layer = Dense(3, 3)
    with torch.no_grad():
        layer.kernel.copy_(torch.eye(3))
    model, inputs = nn.Sequential(layer, nn.Linear(3, 3)), torch.randn(4, 3)
    with pytest.warns(RadhardWarning, match="1 of 2 .*0 .*product"):
        VulnerabilityGain(kinds=("Dense",))(model, Data(inputs))
    assert len(MaxValue(kinds=("Dense",))(model, Data(inputs))["0"]) == 3


def test_channels_of_a_transposed_convolution_are_those_of_its_output() -> None:
    torch.manual_seed(0)
    up = nn.ConvTranspose1d(2, 3, 2)
    model, inputs = nn.Sequential(up, nn.Flatten(), nn.Linear(15, 3)), torch.randn(5, 2, 4)
    found = MaxValue(kinds=("ConvTranspose1d",))(model, Data(inputs))
    np.testing.assert_allclose(
        found["0"], up(inputs).abs().amax(2).mean(0).detach().numpy(), rtol=1e-5
    )
    assert found.facts["channel axis"] == {"0.weight": 1}


class Couple(Dense):
    """A layer that gives two tensors."""

    def forward(self, values: Tensor) -> Any:
        return super().forward(values), values


class Beside(nn.Module):
    """A layer beside the one that gives the logits, called or not."""

    def __init__(self, beside: nn.Module, *, called: bool) -> None:
        super().__init__()
        self.beside, self.called, self.head = beside, called, nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.beside(x)[0] if self.called else x)[:, -1]


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (nn.LSTM(4, 4, batch_first=True), "several weights"),
        (Couple(4, 4), "one tensor"),
        (Dense(4, 4), "not called"),
        (Conv1D(4, 4), "not called"),
    ],
    ids=["several", "tuple", "uncalled", "uncalled Conv1D"],
)
def test_a_layer_that_cannot_be_looked_at_is_named_with_the_reason(
    layer: nn.Module, why: str
) -> None:
    model = Beside(layer, called=why != "not called").eval()
    with pytest.warns(RadhardWarning, match=rf"1 of 2 .*beside \(.*{why}"):
        MaxValue(kinds=(type(layer).__name__,))(model, Data(torch.randn(3, 2, 4)))


def test_recurrent_layers_alone_get_no_advice_that_does_not_help() -> None:
    with pytest.raises(InputError) as refused:
        MaxValue()(Dense(4, 3), Data(torch.randn(4, 4)))
    assert "kinds=" in str(refused.value)

    model = Beside(nn.LSTM(4, 4, batch_first=True), called=True)
    with pytest.warns(RadhardWarning, match=r"beside \(class LSTM\)$"):
        MaxValue()(model, Data(torch.randn(3, 2, 4)))


def test_a_class_that_is_not_there_or_has_no_weight_is_refused() -> None:
    model = nn.Sequential(Dense(4, 3), nn.ReLU())
    with pytest.raises(InputError, match=r"'Dens'.*Dense"):
        MaxValue(kinds=("Dens",))(model, Data(torch.randn(4, 4)))
    with pytest.raises(InputError, match=r"'ReLU'.*weight"):
        MaxValue(kinds=("ReLU",))(model, Data(torch.randn(4, 4)))
    with pytest.raises(InputError, match="kinds"):
        MaxValue(kinds="Dense")  # type: ignore[arg-type]


def test_a_call_by_keyword_and_more_than_one_call_are_classifier_workload() -> None:
    class Twice(nn.Module):
        def __init__(self, layer: nn.Module, key: str) -> None:
            super().__init__()
            self.layer, self.key, self.head = layer, key, nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.layer(**{self.key: x})
            return self.head(self.layer(**{self.key: x.relu()}))

    torch.manual_seed(0)
    dense, plain, head = Dense(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
    with torch.no_grad():
        plain.weight.copy_(dense.kernel.T)
        plain.bias.copy_(dense.shift)
    one, other = Twice(dense, "values"), Twice(plain, "input")
    one.head = other.head = head
    inputs = torch.randn(5, 4)
    found = VulnerabilityGain(kinds=("Dense",))(one, Data(inputs))
    expected = VulnerabilityGain()(other, Data(inputs))
    np.testing.assert_allclose(found["layer.kernel"], expected["layer.weight"], rtol=1e-4)
