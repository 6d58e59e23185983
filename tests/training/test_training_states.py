"""Does a fault in a hidden state reach the rest of a training, and nothing before it?"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.space import FaultSpace
from radhard.targets import HiddenStates
from radhard.training import FixedSteps, inject

UPDATES = 5


class Reader(nn.Module):
    """A GRU that is read at its last step; it may be divided after one of the steps by hand."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.rnn, self.fc = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x: Tensor, signs: Tensor | None = None) -> Tensor:
        if signs is None:
            return self.fc(self.rnn(x)[0][:, -1])
        _, state = self.rnn(x[:, :3])
        # The change is a constant, through which gradients pass as if it were not there.
        state = state + (state.detach() * signs - state.detach())
        return self.fc(self.rnn(x[:, 3:], state)[0][:, -1])


def inputs() -> Tensor:
    return torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(1))


def losses(
    around: Callable[[nn.Module, Any], AbstractContextManager[Any]] = lambda m, o: nullcontext(),
    signs: Tensor | None = None,
) -> list[float]:
    model = Reader()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = []
    with around(model, optimizer):
        for update in range(UPDATES):
            x = inputs() + update
            loss = (model(x, signs if update == 2 else None) - x.sum((1, 2))[:, None]).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


@pytest.mark.parametrize("sample", ["one", "every"])
def test_the_fault_changes_its_own_update_and_what_follows(sample):
    target = HiddenStates("rnn", steps=2, sample=sample)
    space = FaultSpace.of(Reader(), target, BitFlip(bits=31), Float32(), data=inputs())
    signs = -torch.ones(1, 6, 4)  # all faults: of each unit of each sample, or of each unit
    every_fault = FixedSteps((2,), n=len(space))
    faulty = losses(lambda m, o: inject(m, o, space, every_fault))
    golden, by_hand = losses(), losses(signs=signs)
    assert faulty[:2] == golden[:2]
    assert faulty[2] != golden[2]
    assert faulty == pytest.approx(by_hand, rel=1e-4)
