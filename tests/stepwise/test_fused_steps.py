"""Are the gates of torch's kernel for LSTMs known well enough to say that no guard acts?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import forward_ad

from radhard import internals
from radhard.hardenings.bounds.bound import Bound, Mode
from radhard.hardenings.part import attach
from radhard.stepwise import stepwise
from radhard.stepwise.fused_steps import _sums, fused_steps
from radhard.stepwise.step_loops import Direction, open_steps
from radhard.stepwise.stepwise_layers import _direction

pytestmark = pytest.mark.skipif(
    not internals._keeps_gates(4, 4), reason="torch has no such kernel here"
)


def direction(steps: int, rows: int, size: int, hidden: int) -> tuple[Direction, Tensor, Tensor]:
    """A direction of an LSTM, inputs, and a state that is not zero, for h and c."""
    torch.manual_seed(steps + 10 * rows)
    layer = stepwise(nn.LSTM(size, hidden)).requires_grad_(False)
    return _direction(layer, "_l0"), torch.randn(steps, size, rows), torch.randn(hidden, rows)


# Rows of memory that are padded or not, one step, one row, inputs wider than the state.
@pytest.mark.parametrize(
    "sizes",
    [(1, 1, 1, 1), (3, 2, 4, 5), (9, 17, 20, 16), (4, 5, 3, 64), (2, 7, 300, 33), (12, 50, 93, 72)],
)
@pytest.mark.parametrize("kept", [1, 1 << 22])
def test_extremes_of_gates_and_cell_states_are_those_of_the_formulas(sizes, kept, monkeypatch):
    monkeypatch.setattr("radhard.stepwise.fused_steps._KEPT", kept)
    of, inputs, state = direction(*sizes)
    attach(of.gates[1], "bound", Bound("", shape=(), mode="clamp"))
    found = fused_steps(of, inputs, (state, state))
    of.gates[1].guards.clear()
    outputs, (_, last) = open_steps(of, inputs, (state, state), hooks=False)
    assert torch.allclose(found.outputs, outputs, atol=1e-5)
    assert torch.allclose(found.after[1], last, atol=1e-5)
    h = c = state.t()
    values = []
    for each in inputs.transpose(1, 2):
        sums = each @ of.weight_ih.T + h @ of.weight_hh.T + of.bias
        i, f, g, o = sums.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        values.append(torch.cat([i, f, g, o, c], 1))
    expected = torch.stack(values)
    assert torch.allclose(found.extremes[0], expected.amin(0), atol=1e-5)
    assert torch.allclose(found.extremes[1], expected.amax(0), atol=1e-5)


def test_sums_lie_within_the_limits_that_follow_from_the_values_of_the_kernel():
    # A sum of every size as an input weight, for each of the gates.
    sums = torch.cat([torch.linspace(-20, 20, 4001), torch.logspace(-8, 4, 2000)])
    sums = torch.cat([sums, -sums, torch.tensor([torch.inf, -torch.inf])])
    none = torch.zeros(4)
    weights = (torch.ones(4, 1), torch.zeros(4, 1), none, none)
    state = torch.zeros(len(sums), 1)
    _, _, _, gates, _ = internals.fused_lstm(sums.view(1, -1, 1), weights, (state, state))
    for number, function in enumerate(("sigmoid", "sigmoid", "tanh", "sigmoid")):
        ends = torch.tensor([[-1.0], [1.0]])
        low, high = _sums(gates[0, :, number].expand(2, -1), function, ends)
        assert (low <= sums).all()
        assert (sums <= high).all()
        near = sums.abs() < 5
        # Close enough to be of use: clamping acts on few values that are within their bounds.
        assert (high - low)[near].max() < 0.02
    assert _sums(torch.full((2, 1), torch.nan), "tanh", ends).isnan().all()


@given(st.data())
def test_guards_act_as_if_every_gate_were_called(data):
    """Whatever the bounds, and however many of the values they cut off."""
    torch.manual_seed(data.draw(st.integers(0, 99)))
    layer = stepwise(nn.LSTM(3, 4)).requires_grad_(False)
    inputs = torch.randn(5, 6, 3)
    if data.draw(st.booleans()):
        inputs[2, 1, 0] = data.draw(st.sampled_from([1e30, torch.inf, torch.nan]))
    for name in data.draw(st.sets(st.sampled_from("ifgoc"), min_size=1)):
        mode: Mode = data.draw(st.sampled_from(["zero", "clamp"]))
        place = data.draw(st.sampled_from(["input", "output"]))
        shape = data.draw(st.sampled_from([(), (4,)]))
        bound = Bound("", shape=shape, mode=mode, place=place)
        wide = data.draw(st.sampled_from([0.3, 0.9, 4.0]))
        bound.low.fill_(-wide)
        bound.high.fill_(wide)
        attach(layer, f"gates.{name}_l0.bound", bound)
    state = torch.zeros(4, 6)
    expected, _ = open_steps(_direction(layer, "_l0"), inputs.transpose(1, 2), (state, state))
    found, _ = layer(inputs)
    assert torch.allclose(found.transpose(1, 2), expected, atol=1e-5, equal_nan=True)


def test_what_a_hook_leaves_as_it_is_stays_the_same_to_the_last_bit():
    layer = stepwise(nn.LSTM(5, 17)).requires_grad_(False)
    inputs = torch.randn(6, 9, 5)
    expected, (h, c) = layer(inputs)
    steps = []

    def strike(gate: nn.Module, args: tuple[Tensor, ...], values: Tensor) -> Tensor:
        steps.append(values)
        changed = values.clone()
        if len(steps) == 4:
            changed[2, 0] = 0.99
        return changed

    layer.gates.i_l0.register_forward_hook(strike)
    found, (h_after, c_after) = layer(inputs)
    others = [row for row in range(9) if row != 2]
    assert len(steps) == 6
    assert torch.equal(found[:, others], expected[:, others])
    assert torch.equal(found[:3], expected[:3])
    assert not torch.equal(found[3:, 2], expected[3:, 2])
    assert torch.equal(h_after[:, others], h[:, others])
    assert torch.equal(c_after[:, others], c[:, others])


def test_without_the_kernel_the_steps_are_computed_one_by_one(monkeypatch):
    layer = stepwise(nn.LSTM(2, 3)).requires_grad_(False)
    inputs = torch.randn(4, 5, 2)
    expected = layer(inputs)[0]
    with monkeypatch.context() as changed:
        changed.setattr(internals, "_keeps_gates", lambda *_: False)
        states = torch.zeros(2, 3, 5)
        assert fused_steps(_direction(layer, "_l0"), inputs.transpose(1, 2), states) is None
        assert torch.allclose(layer(inputs)[0], expected, atol=1e-6)


def test_what_is_trained_at_a_layer_with_frozen_weights_gets_its_gradient():
    layer = stepwise(nn.LSTM(2, 3)).requires_grad_(False)
    inputs = torch.randn(4, 5, 2)
    layer.bias_ih_l0.requires_grad_(True)
    layer(inputs)[0].sum().backward()
    assert layer.bias_ih_l0.grad.count_nonzero() == 12
    layer.bias_ih_l0.requires_grad_(False)
    scale = torch.ones((), requires_grad=True)
    layer.gates.g_l0.register_forward_hook(lambda gate, args, values: values * scale)
    layer(inputs)[0].sum().backward()
    assert scale.grad


# torch itself uses its deprecated compiler for such derivatives.
@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_derivatives_are_computed_forwards_as_well():
    layer = stepwise(nn.LSTM(2, 3)).requires_grad_(False)
    inputs, direction = torch.randn(2, 4, 5, 2)
    with forward_ad.dual_level():
        outputs = layer(forward_ad.make_dual(inputs, direction))[0]
        found = forward_ad.unpack_dual(outputs).tangent
    _, expected = torch.func.jvp(lambda x: layer(x)[0], (inputs,), (direction,))
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_batch_without_rows_has_outputs_without_rows():
    layer = stepwise(nn.LSTM(2, 3)).requires_grad_(False)
    outputs, (h, c) = layer(torch.zeros(4, 0, 2))
    assert (outputs.shape, h.shape, c.shape) == ((4, 0, 3), (1, 0, 3), (1, 0, 3))


def test_tensors_of_other_types_are_refused_as_torch_refuses_them():
    layer = stepwise(nn.LSTM(2, 3)).requires_grad_(False)
    states = torch.zeros(2, 1, 5, 3, dtype=torch.float64).unbind(0)
    with pytest.raises(RuntimeError, match="dtype"):
        layer(torch.zeros(4, 5, 2), states)


@pytest.mark.parametrize(
    "context", [torch.device("meta"), torch.autocast("cpu", torch.bfloat16), torch.inference_mode()]
)
def test_whether_the_kernel_is_known_does_not_depend_on_who_asks_first(context):
    internals._keeps_gates.cache_clear()
    with context:
        assert internals._keeps_gates(4, 4)
