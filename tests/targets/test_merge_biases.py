"""Is the sum of two biases stored as one, with the same outputs?"""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.space import FaultSpace
from radhard.targets import RecurrentWeights, merge_biases


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_outputs_stay_the_same_and_the_model_as_it_was(kind):
    torch.manual_seed(0)
    model, x = kind(3, 4, 2, bidirectional=True).double(), torch.randn(5, 2, 3).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    twin = merge_biases(model)
    assert torch.allclose(twin(x)[0], model(x)[0], rtol=1e-12, atol=1e-14)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    changed = [n for n, value in twin.state_dict().items() if not torch.equal(value, before[n])]
    assert len(changed) == 8
    assert all("bias" in name for name in changed)


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_cells_too(kind):
    torch.manual_seed(0)
    cell, x = kind(3, 4).double(), torch.randn(2, 3).double()
    first = [one[0] if isinstance(one, tuple) else one for one in (cell(x), merge_biases(cell)(x))]
    assert torch.allclose(*first, rtol=1e-12, atol=1e-14)


def test_a_gru_keeps_the_bias_that_its_reset_gate_multiplies():
    twin = merge_biases(nn.GRU(3, 4))
    assert not twin.bias_hh_l0[:8].any()
    assert twin.bias_hh_l0[8:].all()
    model = nn.ModuleDict({"gru": twin})

    def words(**options: object) -> int:
        target = RecurrentWeights("*", weights="bias", **options)  # type: ignore[arg-type]
        return len(FaultSpace.of(model, target, BitFlip(bits=0), Float32()))

    assert words() == 12 + 4
    assert words(gate="r") == 4
    assert words(gate="n") == 4 + 4


def test_a_layer_without_biases_is_left_as_it_is():
    model = nn.ModuleDict({"net": nn.LSTM(3, 4, bias=False)})
    twin = merge_biases(model)
    assert all(
        torch.equal(a, b) for a, b in zip(twin.parameters(), model.parameters(), strict=True)
    )


def test_a_module_with_two_names_is_merged_once():
    lstm = nn.LSTM(3, 4)
    twin = merge_biases(nn.ModuleDict({"one": lstm, "two": lstm}))
    assert torch.equal(twin["one"].bias_ih_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0)


def test_a_computed_bias_cannot_hold_a_sum():
    class Twice(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return 2 * value

    lstm = nn.LSTM(3, 4)
    parametrize.register_parametrization(lstm, "bias_hh_l0", Twice())
    with pytest.raises(InputError, match=r"'net\.bias_ih_l0' is computed from other tensors"):
        merge_biases(nn.ModuleDict({"net": lstm}))
    lstm = nn.LSTM(3, 4)
    lstm.bias_hh_l0 = lstm.bias_ih_l0
    with pytest.raises(InputError, match="one parameter"):
        merge_biases(lstm)
