"""Is what a model stores and computes counted as it is?"""

import pytest
import torch
from torch import nn

from radhard import models
from radhard.cost import cost
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.formats import Int
from radhard.hardenings import Ranger

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


def test_lenet5_is_counted_as_by_hand():
    found = cost(models.load("lenet5"), torch.zeros(1, 1, 28, 28))
    assert found.parameters == 61_706
    # conv1 6x1x5x5 on 28x28, conv2 16x6x5x5 on 10x10, then 400x120, 120x84, 84x10.
    assert found.macs == 150 * 784 + 2400 * 100 + 400 * 120 + 120 * 84 + 84 * 10
    assert found.bits == 61_706 * 32


def test_recurrent_layers_count_every_step():
    model = models.load("lstm_classifier")
    found = cost(model, torch.zeros(1, 29, 12))
    weights = sum(p.numel() for n, p in model.named_parameters() if ".weight_" in f".{n}")
    head = next(m for m in model.modules() if isinstance(m, nn.Linear)).weight.numel()
    assert found.macs == 29 * weights + head


@pytest.mark.parametrize(
    ("kind", "batch_first"), [(nn.GRU, True), (nn.LSTM, False), (nn.RNN, True)]
)
def test_both_directions_and_layers_of_a_recurrent_layer_count(kind, batch_first):
    class Only(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = kind(3, 4, 2, batch_first=batch_first, bidirectional=True)

        def forward(self, inputs):
            given = inputs if batch_first else inputs.transpose(0, 1)
            return self.rnn(given)[0]

    gates = {nn.GRU: 3, nn.LSTM: 4, nn.RNN: 1}[kind]
    one_step = 2 * gates * ((3 + 4) * 4 + (8 + 4) * 4)
    assert cost(Only(), torch.zeros(1, 5, 3)).macs == 5 * one_step


def test_shared_tensors_are_stored_once():
    one = nn.Linear(4, 4, bias=False)
    two = nn.Linear(4, 4, bias=False)
    two.weight = one.weight
    assert cost(nn.Sequential(one, two), torch.zeros(1, 4)).parameters == 16
    assert cost(nn.Sequential(one, one), torch.zeros(1, 4)).macs == 32


def test_a_format_says_how_many_bits_a_number_takes():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    data = torch.zeros(1, 1, 2, 2)
    floats = 2 + 2 + 2 + 2 + 2 + 2
    assert cost(model, data).bits == floats * 32 + 64
    assert cost(model, data, format=Int(8)).bits == floats * 8 + 64


def test_a_format_may_be_given_as_text_and_anything_else_is_refused():
    model, data = nn.Linear(3, 2), torch.zeros(1, 3)
    assert cost(model, data, format="Int(8)") == cost(model, data, format=Int(8))
    for wrong in ("Itn(8)", Int, 8):
        with pytest.raises(InputError, match="Int"):
            cost(model, data, format=wrong)


def test_bounds_are_stored_too():
    model = models.load("lenet5")
    data = Data(torch.rand(4, 1, 28, 28))
    hard = Ranger()(model, data)
    before, after = cost(model, data), cost(hard, data)
    assert after.parameters == before.parameters
    assert after.bits > before.bits
    assert after.macs == before.macs
    assert after.over(before)["macs"] == 1
