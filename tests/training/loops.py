"""Which small trainings do the tests of training-time faults run?"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from radhard.faults import BitFlip, FaultModel
from radhard.formats import Float32
from radhard.space import FaultSpace
from radhard.targets import Target

__all__ = ["BATCH", "STEPS", "batches", "build", "curve", "space", "train"]

STEPS, BATCH = 8, 6

Around = Callable[[nn.Module, torch.optim.Optimizer], AbstractContextManager[Any]]


def build() -> nn.Sequential:
    """A network with state of its own, and dropout that draws from torch's generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.2), nn.Linear(5, 2)
        )


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    """The same batches always."""
    generator = torch.Generator().manual_seed(3)
    for _ in range(STEPS):
        inputs = torch.randn(BATCH, 3, generator=generator)
        yield inputs, (inputs.sum(dim=1) > 0).long()


def train(
    around: Around = lambda model, optimizer: nullcontext(),
    *,
    seed: int = 0,
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam,
    before_pass: Callable[[int, nn.Module], None] = lambda step, model: None,
    before_update: Callable[[int, nn.Module, Any], None] = lambda step, model, opt: None,
) -> tuple[list[float], Any]:
    """Two values a step, its loss and those of an evaluation after it; and what ``around`` gives.

    The hooks of the loop are for faults made by hand.
    """
    torch.manual_seed(seed)
    model = build()
    updates = optimizer(model.parameters(), lr=0.05)  # type: ignore[call-arg]
    losses = []
    with around(model, updates) as injection:
        for step, (inputs, labels) in enumerate(batches()):
            before_pass(step, model)
            loss = nn.functional.cross_entropy(model(inputs), labels)
            updates.zero_grad()
            torch.autograd.backward(loss)
            before_update(step, model, updates)
            updates.step()
            losses.append(loss.item())
            with torch.no_grad():
                # An evaluation between two steps, which must not meet faults of the next one.
                model.eval()
                losses.append(float(model(inputs).sum()))
                model.train()
    return losses, injection


def curve(around: Around) -> list[float]:
    """The values of `train` with faults around its loop."""
    return train(around)[0]


def space(target: Target, fault: FaultModel | None = None) -> FaultSpace:
    """The faults of the network in words of its dtype, with one batch as the data."""
    inputs, _ = next(batches())
    fault = BitFlip(bits=(27, 28)) if fault is None else fault
    return FaultSpace.of(build(), target, fault, Float32(), data=inputs)
