"""Is every activation function of a model bounded, or named where it is not?"""

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from radhard.errors import InputError, RadhardWarning
from radhard.hardenings import (
    HARDENINGS,
    ActivationClip,
    BoundedReLU,
    FitAct,
    FTClipAct,
    Hardening,
    ProAct,
    Ranger,
    parts,
    records,
)
from radhard.hardenings.bounds.elementwise import probed

HUGE = 1e30
few = pytest.mark.filterwarnings("ignore:.*too few samples")


class Twice(nn.Module):
    """One rectifier that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.relu = nn.Linear(3, 3), nn.Linear(3, 2), nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(values))))


@pytest.mark.filterwarnings("ignore:.*too few samples")
@pytest.mark.parametrize("hardening", [Ranger(), ActivationClip()], ids=repr)
def test_one_bound_for_several_calls_of_a_module_is_said(hardening: Hardening) -> None:
    torch.manual_seed(0)
    said = str(records(hardening(Twice(), torch.randn(6, 3)))[0])
    assert "1 of 1 activation functions" in said
    assert "one bound for all calls of a module: relu (2 calls)" in said
    once = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    assert "calls" not in str(records(hardening(once, torch.randn(6, 3)))[0])


class OwnGELU(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return functional.gelu(values)


class NewGELUActivation(nn.Module):
    """As transformers has it."""

    def forward(self, input: Tensor) -> Tensor:
        return 0.5 * input * (1 + torch.tanh(0.8 * (input + 0.044715 * torch.pow(input, 3))))


class Swish(nn.Module):
    """With a parameter, and a bounded function inside."""

    def __init__(self) -> None:
        super().__init__()
        self.beta, self.sigmoid = nn.Parameter(torch.ones(1)), nn.Sigmoid()

    def forward(self, values: Tensor) -> Tensor:
        return values * self.sigmoid(self.beta * values)


class Wrapped(nn.Module):
    """Gives what the activation function inside gives."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        return self.inner(values)


class OwnSoftmax(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return functional.softmax(values, dim=-1)


class Gate(nn.Module):
    """Half of the values opens a gate for the other half: not elementwise."""

    def forward(self, values: Tensor) -> Tensor:
        one, other = values.chunk(2, dim=-1)
        return one * other.sigmoid()


def behind(function: nn.Module) -> tuple[nn.Sequential, Tensor]:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 8), function, nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    return model.eval(), torch.randn(80, 6)


@few
@pytest.mark.parametrize("function", [OwnGELU(), NewGELUActivation(), Swish(), Wrapped()], ids=repr)
@pytest.mark.parametrize("hardening", [Ranger(), Ranger(granularity="neuron"), ActivationClip()])
def test_functions_of_unknown_classes_are_bounded(function, hardening):
    model, inputs = behind(function)
    hard = hardening(model, inputs)
    with torch.no_grad():
        assert torch.equal(hard(inputs), model(inputs))
        most = model[:2](inputs).max()
        assert hard[1](torch.full((1, 8), HUGE)).max() <= most * 1.0001
    (coverage,) = records(hard)[0].coverage
    assert not coverage.left_out
    inner = isinstance(hardening, ActivationClip) and isinstance(function, Swish)
    assert len(coverage.covered) == 2 + inner


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (nn.Identity(), None),
        (nn.BatchNorm1d(4).eval(), None),
        (nn.LayerNorm(4), None),
        (OwnSoftmax(), None),
        (Gate(), None),
        (nn.Linear(4, 4), None),
        (OwnGELU(), (False, False)),
        (Wrapped(), (True, False)),
        (Swish(), (False, False)),
        (nn.Sigmoid(), (False, True)),
        (nn.Hardtanh(), (False, True)),
        (nn.ReLU6(), (True, True)),
        (nn.Softplus(), (False, False)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_what_a_module_computes_is_found_by_trying(module, kind, dtype):
    state = torch.get_rng_state()
    assert probed(module.to(dtype), torch.zeros(3, 4, dtype=dtype)) == kind
    assert torch.equal(torch.get_rng_state(), state)


class Functional(nn.Module):
    """Activation functions that are no modules, each used in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.one, self.two, self.three = nn.Linear(36, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        values = functional.max_pool2d(functional.relu(self.norm(self.conv(inputs))), 2)
        values = self.one(values.flatten(1)).clamp(min=0)
        values = values + torch.relu(self.two(values))
        return self.three(functional.dropout(values.relu_(), training=self.training))


class Block(nn.Module):
    """A residual block that gives what its last function gives."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.relu(inputs + self.two(functional.relu(self.one(inputs), inplace=True)))


def functionals() -> list[tuple[nn.Module, Tensor]]:
    torch.manual_seed(5)
    blocks = nn.Sequential(nn.Linear(6, 8), Block(), Block(), nn.Linear(8, 3))
    layer = nn.TransformerEncoderLayer(6, 2, 10, batch_first=True)
    encoder = nn.Sequential(layer, nn.Flatten(), nn.Linear(18, 3))
    return [
        (Functional().eval(), torch.randn(90, 1, 8, 8)),
        (blocks.eval(), torch.randn(90, 6)),
        (encoder.eval(), torch.randn(90, 3, 6)),
    ]


def largest(model: nn.Module, inputs: Tensor) -> list[float]:
    """By call the largest value that an activation function gives or is replaced by.

    Seen independently of hooks, by standing in for the functions of torch.
    """
    found: list[float] = []

    class Seeing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            output = func(*args, **(kwargs or {}))
            if getattr(func, "__name__", "") in ("linear", "max_pool2d", "add"):
                found.append(args[0].abs().max().item())
            return output

    with torch.no_grad(), Seeing():
        model(inputs)
    return found


LEARNT = FitAct(epochs=1)
SEARCHED = FTClipAct(rates=(1e-7, 1e-4), trials=1, rounds=1)


@few
@pytest.mark.parametrize(
    ("hardening", "at"),
    [
        *((hardening, at) for hardening in (Ranger(), BoundedReLU(), LEARNT) for at in range(3)),
        (Ranger(granularity="neuron", mode="clamp"), 0),
        (SEARCHED, 0),
        (ProAct(epochs=1, last_epochs=1), 1),
    ],
    ids=repr,
)
def test_functions_that_a_forward_calls_are_bounded(hardening: Hardening, at: int):
    model, inputs = functionals()[at]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        hard = hardening(model, (inputs, labels))
    assert not [w for w in heard if "not:" in str(w.message)]
    (coverage,) = records(hard)[0].coverage
    assert len(coverage.covered) == (4, 4, 1)[at]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    with torch.no_grad():
        if isinstance(hardening, Ranger | BoundedReLU):
            # An encoder layer whose activation is reached leaves the fused kernel of torch,
            # which rounds otherwise on some processors.
            atol = 1e-5 if at == 2 else 0.0
            torch.testing.assert_close(hard(inputs), model(inputs), rtol=0, atol=atol)
        exported = torch.export.export(hard, (inputs,), strict=False).module()
        torch.testing.assert_close(exported(inputs), hard(inputs))
        # An error in any layer before a function arrives at none of the layers behind it.
        seen = max(largest(model, inputs))
        for layer in [m for m in hard.modules() if isinstance(m, nn.Linear | nn.Conv2d)][:-1]:
            if at == 2 and layer not in [hard[0].linear1]:
                continue
            saved = layer.bias.clone()
            layer.bias[0] = HUGE
            assert hard(inputs).abs().max() < 100 * seen
            layer.bias.copy_(saved)


class Unreachable(nn.Module):
    """Its first function gives to an addition, next to values that are no function's."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.one(inputs)
        values = functional.gelu(values) + values
        return self.two(functional.silu(values))


@few
def test_what_hooks_cannot_reach_is_named_with_its_place_and_why():
    torch.manual_seed(1)
    model = Unreachable().eval()
    with pytest.warns(RadhardWarning, match=r"1 of 2 .*not: gelu\(\) in 'Unreachable'.*add\(\)"):
        hard = Ranger()(model, torch.randn(90, 6))
    (coverage,) = records(hard)[0].coverage
    assert coverage.covered == ("silu() in 'Unreachable'",)
    assert list(coverage.left_out) == ["gelu() in 'Unreachable'"]


class OnlySum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.fc(inputs)
        return functional.gelu(values) + values


@pytest.mark.parametrize(
    ("hardening", "model", "word"),
    [
        (Ranger(), OnlySum(), "gelu"),
        (Ranger(), nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()), "bounded by itself"),
        (BoundedReLU(), nn.Sequential(nn.Linear(4, 3), nn.GELU()), "rectifier"),
        (Ranger(), nn.Linear(4, 3), "F.relu"),
    ],
    ids=repr,
)
def test_a_hardening_that_attaches_nothing_is_an_error(hardening, model, word):
    with pytest.raises(InputError, match=word):
        hardening(model.eval(), torch.randn(80, 4))


@few
@pytest.mark.parametrize("name", ["Gate", f"{Gate.__module__}.Gate"])
def test_kinds_name_classes_that_are_not_elementwise(name):
    model, inputs = behind(nn.Sequential())
    model[1] = Gate()
    model[2] = nn.Linear(4, 8)
    assert len(list(parts(Ranger()(model, inputs)))) == 1
    hardening = Ranger(kinds=(name,))
    assert len(list(parts(hardening(model, inputs)))) == 2
    assert HARDENINGS.parse(repr(hardening)) == hardening
    with pytest.raises(InputError, match=r"'Gates'.*did you mean Gate"):
        Ranger(kinds=("Gates",))(model, inputs)


class Iterating(nn.Module):
    """Calls its children one after another, whatever they are."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.act, self.last = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)

    def forward(self, values: Tensor) -> Tensor:
        for child in self.children():
            values = child(values)
        return functional.relu(values)


@few
def test_a_part_that_a_model_calls_as_a_child_changes_nothing():
    torch.manual_seed(2)
    model, inputs = Iterating().eval(), torch.randn(80, 6)
    hard = Ranger()(model, inputs)
    assert "ranger" in dict(hard.named_children())
    with torch.no_grad():
        assert torch.equal(hard(inputs), model(inputs))


@few
def test_a_module_that_is_given_other_values_too_gets_no_floor_at_zero():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.last = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, values: Tensor) -> Tensor:
            return self.last(functional.relu(self.fc(values))) + self.last(-values)

    torch.manual_seed(2)
    model, inputs = Twice().eval(), torch.randn(80, 6)
    hard = Ranger()(model, inputs)
    with torch.no_grad():
        assert torch.equal(hard(inputs), model(inputs))
    with pytest.raises(InputError, match="other values"):
        BoundedReLU()(model, inputs)
