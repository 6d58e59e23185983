"""Is it said what quantisation costs?"""

import pytest
import torch
from torch import nn

from radhard.datasets import Data, mnist
from radhard.errors import InputError
from radhard.formats import Int
from radhard.models import lenet5
from radhard.quantization import fidelity, quantized


def test_int8_costs_lenet5_less_than_a_point():
    model, test = lenet5(), mnist(split="test")
    made = quantized(model, mnist(split="train", n=300), Int(8))
    found = fidelity(model, made, test)
    assert f"{found.before.value:.4f}" == "0.9820"
    assert abs(found.after.value - found.before.value) <= 0.01
    assert found.same.value >= 0.99
    assert found.samples == len(test)


def test_shares_are_counted_with_their_intervals():
    class Says(nn.Module):
        def __init__(self, answers: list[int]) -> None:
            super().__init__()
            self.answers = answers

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(torch.tensor(self.answers)[x.long()], 3).float()

    data = Data(torch.arange(4.0), torch.tensor([0, 1, 2, 2]))
    found = fidelity(Says([0, 1, 2, 0]), Says([0, 1, 1, 2]), data)
    assert (found.before.value, found.after.value, found.same.value) == (0.75, 0.75, 0.5)
    assert found.same.low == pytest.approx(0.1500, abs=1e-4)
    assert str(found) == (
        "right for 75 % before, 75 % after; the same answer for 50 % of 4 samples [15 %, 85 %]"
    )
    alone = fidelity(Says([0, 1, 2, 0]), Says([0, 1, 1, 2]), Data(data.inputs))
    assert str(alone) == "the same answer for 50 % of 4 samples [15 %, 85 %]"


def test_what_does_not_classify_is_refused():
    with pytest.raises(InputError, match="outputs \\(samples, classes\\)"):
        fidelity(nn.Flatten(0), nn.Flatten(0), torch.zeros(2, 3))
