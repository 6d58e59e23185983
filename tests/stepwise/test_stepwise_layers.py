"""Does a layer that computes step by step compute what torch computes?"""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float64
from radhard.injection import inject
from radhard.space import FaultSpace
from radhard.stepwise import Gate, direction_outputs, stepwise, to_stepwise
from radhard.targets import HiddenStates

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


@st.composite
def layers(draw) -> tuple[nn.RNNBase, Tensor, tuple[Tensor, ...] | None]:
    """A layer, inputs for it, and states to start from."""
    kind = draw(st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]))
    size, hidden, steps, rows = (draw(st.integers(1, most)) for most in (5, 9, 6, 5))
    many, both = draw(st.integers(1, 2)), draw(st.booleans())
    more = {}
    if kind is nn.LSTM and hidden > 1 and draw(st.booleans()):
        more["proj_size"] = draw(st.integers(1, hidden - 1))
    if kind is nn.RNN:
        more["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    first, biased = draw(st.booleans()), draw(st.booleans())
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw(st.integers(0, 99)))
        more |= {"bias": biased, "batch_first": first, "bidirectional": both}
        layer = kind(size, hidden, many, **more).to(dtype)
        alone = draw(st.booleans())
        shape = (steps, size) if alone else (rows, steps, size) if first else (steps, rows, size)
        inputs = torch.randn(shape, dtype=dtype)
        start = None
        if draw(st.booleans()):
            sizes = [more.get("proj_size", hidden), hidden][: 2 if kind is nn.LSTM else 1]
            batch = () if alone else (rows,)
            start = tuple(
                torch.randn(many * (1 + both), *batch, units, dtype=dtype) for units in sizes
            )
    return layer, inputs, start


def called(layer: nn.RNNBase, inputs: Tensor, start: tuple[Tensor, ...] | None) -> list[Tensor]:
    hx = start if start is None or isinstance(layer, nn.LSTM) else start[0]
    outputs, last = layer(inputs, hx)
    return [outputs, *(last if isinstance(last, tuple) else [last])]


def close(one: Tensor, other: Tensor) -> bool:
    tolerance = 100 * torch.finfo(one.dtype).eps
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance)


@given(layers())
def test_outputs_and_gradients_are_those_of_torch(example):
    layer, inputs, start = example
    twin = stepwise(layer)
    gradients = []
    for one in (layer, twin):
        given = inputs.clone().requires_grad_()
        begin = None if start is None else tuple(state.clone().requires_grad_() for state in start)
        sum((value * value).sum() for value in called(one, given, begin)).backward()
        tensors = [given, *(begin or ()), *one.parameters()]
        gradients.append([tensor.grad for tensor in tensors])
    for one, other in zip(called(layer, *example[1:]), called(twin, *example[1:]), strict=True):
        assert close(one, other)
        assert one.shape == other.shape
        assert one.is_contiguous() == other.is_contiguous()
    for one, other in zip(*gradients, strict=True):
        assert close(one, other)


@given(layers())
def test_the_fast_way_gives_the_same_to_the_last_bit_as_calling_every_gate(example):
    layer, inputs, start = example
    twin, watched = stepwise(layer), stepwise(layer)
    calls = []
    for name, gate in watched.gates.named_children():
        gate.register_forward_hook(lambda *_, name=name: calls.append(name))
    with torch.no_grad():
        for one, other in zip(
            called(twin, inputs, start), called(watched, inputs, start), strict=True
        ):
            assert torch.equal(one, other)
    steps = inputs.shape[1 if layer.batch_first and inputs.ndim == 3 else 0]
    names = [name for name, _ in watched.gates.named_children()]
    assert sorted(calls) == sorted(names * steps)


@given(layers())
def test_tensors_have_the_names_and_shapes_of_torch_both_ways(example):
    layer, _, _ = example
    twin = stepwise(layer)
    shapes = {name: tensor.shape for name, tensor in layer.state_dict().items()}
    assert {name: tensor.shape for name, tensor in twin.state_dict().items()} == shapes
    twin.load_state_dict(layer.state_dict(), strict=True)
    layer.load_state_dict(twin.state_dict(), strict=True)


def test_a_step_of_an_lstm_is_what_the_formula_says():
    lstm = nn.LSTM(1, 1, bias=False)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))
        lstm.weight_hh_l0.zero_()
    to_stepwise(lstm)
    x, c = 0.25, 0.5
    _, (h, after) = lstm(torch.tensor([[[x]]]), (torch.zeros(1, 1, 1), torch.full((1, 1, 1), c)))

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    expected = sigmoid(2 * x) * c + sigmoid(x) * math.tanh(3 * x)
    assert math.isclose(after.item(), expected, rel_tol=1e-6)
    assert math.isclose(h.item(), sigmoid(4 * x) * math.tanh(expected), rel_tol=1e-6)


def test_a_hook_at_a_gate_changes_the_later_steps():
    lstm = nn.LSTM(2, 3)
    inputs = torch.randn(4, 1, 2)
    expected = lstm(inputs)[0]
    twin = stepwise(lstm)
    steps = []

    def forget(gate: Gate, args: tuple[Tensor, ...], values: Tensor) -> Tensor:
        steps.append(values)
        return torch.zeros_like(values) if len(steps) == 3 else values

    twin.gates.f_l0.register_forward_hook(forget)
    found = twin(inputs)[0]
    assert close(found[:2], expected[:2])
    assert not close(found[2:], expected[2:])
    # What is forgotten is all that the first steps left in the cell.
    again, _ = lstm(inputs[2:], (expected[1:2], torch.zeros(1, 1, 3)))
    assert close(found[2:], again)


def test_several_users_of_a_layer_and_copies_of_it_see_the_change():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.GRU(2, 2)
            self.other = self.one

        def forward(self, inputs: Tensor) -> Tensor:
            return self.other(self.one(inputs)[0])[0]

    model = Twice()
    inputs = torch.randn(3, 1, 2)
    twin = copy.deepcopy(stepwise(model))
    assert twin.one is twin.other
    assert close(twin(inputs), model(inputs))
    assert type(model.one) is nn.GRU


def test_a_direction_goes_on_from_any_state():
    lstm = stepwise(nn.LSTM(2, 3, batch_first=True, bidirectional=True))
    inputs = torch.randn(4, 5, 2)
    with torch.no_grad():
        outputs, (h, c) = lstm(inputs)
        zero = torch.zeros(4, 3)
        given = inputs.transpose(0, 1).flip(0)
        first, states = direction_outputs(lstm, "_l0_reverse", given[:2], (zero, zero))
        rest, last = direction_outputs(lstm, "_l0_reverse", given[2:], states)
    together = torch.cat([first, rest]).flip(0).transpose(0, 1)
    assert torch.equal(together, outputs[:, :, 3:])
    assert torch.equal(last[0], h[1])
    assert torch.equal(last[1], c[1])


def test_dropout_between_layers_is_drawn_in_training_only():
    lstm = stepwise(nn.LSTM(2, 8, 2, dropout=0.5))
    inputs = torch.randn(3, 4, 2)
    assert not torch.equal(lstm(inputs)[0], lstm(inputs)[0])
    lstm.eval()
    assert torch.equal(lstm(inputs)[0], lstm(inputs)[0])


def test_what_cannot_be_taken_step_by_step_is_refused():
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 2), torch.randn(2, 2)])
    with pytest.raises(InputError, match="packed"):
        stepwise(nn.LSTM(2, 2))(packed)
    with pytest.raises(InputError, match="0 steps"):
        stepwise(nn.LSTM(2, 2))(torch.zeros(0, 1, 2))
    with pytest.raises(InputError, match="Linear"):
        to_stepwise(nn.Linear(2, 2))

    class Own(nn.LSTM):
        pass

    with pytest.raises(InputError, match="Own"):
        to_stepwise(Own(2, 2))
    assert type(stepwise(Own(2, 2))).__name__ == "Own"


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_it_can_be_exported_and_vectorized(kind):
    layer = kind(2, 3, batch_first=True).eval()
    twin, inputs = stepwise(layer), torch.randn(4, 5, 2)
    with torch.no_grad():
        program = torch.export.export(twin, (inputs,))
        assert close(program.module()(inputs)[0], layer(inputs)[0])
        several = torch.stack([inputs, 2 * inputs])
        found = torch.func.vmap(lambda x: twin(x)[0])(several)
        assert close(found[1], layer(2 * inputs)[0])


def test_a_fault_in_a_state_does_what_it_does_in_the_layer_of_torch():
    class First(nn.Module):
        def forward(self, results: tuple[Tensor, Tensor]) -> Tensor:
            return results[0]

    lstm = nn.LSTM(2, 3, 2, batch_first=True, bidirectional=True)
    model, inputs = nn.Sequential(lstm, First()).double().eval(), torch.randn(4, 5, 2).double()
    twin = stepwise(model)
    space = FaultSpace.of(
        model, HiddenStates("*", steps=2), BitFlip(bits=62), Float64(), data=inputs
    )
    with torch.no_grad():
        golden = twin(inputs)
        for number in range(0, len(space), 11):
            with inject(model, space, number):
                expected = model(inputs)
            with inject(twin, space, number):
                found = twin(inputs)
            assert torch.allclose(found, expected, atol=1e-9)
            differs = (found != golden).any(2)
            # One sample; in the first layer, whose outputs both directions above read, all steps.
            assert differs.any(1).sum() == 1
