"""Does a training with faults in attention equal one in which its values are changed by hand?"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from radhard.faults import BitFlip
from radhard.formats import Float64
from radhard.space import FaultSpace
from radhard.targets import Attention
from radhard.training import FixedSteps, inject

UPDATES = 5


class Reader(nn.Module):
    """Attention of a single head, whose keys or scores may change their sign by hand."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.qkv, self.fc = nn.Linear(3, 12), nn.Linear(4, 1)
        self.double()

    def forward(self, x: Tensor, part: str = "") -> Tensor:
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        if not part:
            attended = functional.scaled_dot_product_attention(query, key, value)
        else:
            key = _negated(key) if part == "key" else key
            scores = query @ key.transpose(1, 2) / 2
            scores = _negated(scores) if part == "scores" else scores
            attended = scores.softmax(-1) @ value
        return self.fc(attended.mean(1))


def _negated(value: Tensor) -> Tensor:
    # The change is a constant, through which gradients pass as if it were not there.
    return value - 2 * value.detach()


def inputs() -> Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.randn(6, 5, 3, generator=draws, dtype=torch.double)


Faults = Callable[[nn.Module, torch.optim.Optimizer], AbstractContextManager[object]]


def losses(faults: Faults | None = None, *, part: str = "") -> list[float]:
    model, x = Reader(), inputs()
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    found = []
    with nullcontext() if faults is None else faults(model, optimizer):
        for step in range(UPDATES):
            optimizer.zero_grad()
            outputs = model(x, part) if step == 2 else model(x)
            loss = ((outputs - x.sum((1, 2), keepdim=True)[:, 0]) ** 2).mean()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


@pytest.mark.parametrize("part", ["key", "scores"])
def test_faults_in_one_step_are_those_of_a_change_by_hand(part):
    target = Attention("*", part=part)
    space = FaultSpace.of(Reader(), target, BitFlip(bits=63), Float64(), data=inputs())
    every_fault = FixedSteps((2,), n=len(space))
    golden, faulty = losses(), losses(lambda m, o: inject(m, o, space, every_fault))
    assert faulty[:2] == golden[:2]
    assert faulty[2] != golden[2]
    assert faulty == pytest.approx(losses(part=part), rel=1e-9)
