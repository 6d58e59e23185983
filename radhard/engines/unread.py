"""Which tensors does a forward pass not read, so that faults in them have no effect?"""

from typing import Any

import torch
from torch import Tensor, nn

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign
from radhard.errors import InputError
from radhard.internals import TorchDispatchMode
from radhard.notes import Note
from radhard.state import State
from radhard.state.memory import address
from radhard.targets.stored import stored_tensor
from radhard.tree import operands

__all__ = ["check_read"]

_NAMED = 5

_CAST = 2.0**-7
"""Largest relative error of a value that was rounded to bfloat16."""


def check_read(campaign: Campaign) -> list[Note]:
    """A note on the stored tensors of the space that a forward pass does not read, if any.

    Raises:
        InputError: the pass reads none of them, or reads a copy instead.
    """
    model = campaign.workload.model
    stored = {s.name: stored_tensor(model, s.name) for s in campaign.space.sites if not s.flows}
    read = _places(campaign) if stored else set()
    missed = [name for name, tensor in stored.items() if address(tensor) not in read]
    if not missed:
        return []
    for name in missed:
        if copy := _copy(model, stored[name]):
            raise InputError(
                f"the forward pass does not read {name!r} but a copy of it, {copy!r}, which a "
                "fault would not reach; remove the copy, or compute it in every pass"
            )
    shown = ", ".join(missed[:_NAMED]) + (
        f" and {len(missed) - _NAMED} more" if len(missed) > _NAMED else ""
    )
    if len(missed) == len(stored) == len({site.name for site in campaign.space.sites}):
        raise InputError(
            f"a fault-free pass reads none of the tensors with faults ({shown}), so that no fault "
            "could arrive; choose others"
        )
    return [Note("unread", {"tensors": missed, "of": len(stored)})]


class _Reading(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the memory that operations read; creating a view does not read."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.places: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # True, the default, imports torch's compiler at the first operation, which takes two
        # seconds of processor time; models are not compiled here.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # A view reads no values, and most models take views of weights that they never use.
        if not func.is_view:
            for value in operands(args, kwargs):
                if isinstance(value, Tensor):
                    self.places.add(address(value))
        return func(*args, **(kwargs or {}))


def _places(campaign: Campaign) -> set[int]:
    """The memory addresses that a fault-free pass reads."""
    reading = _Reading()
    try:
        with torch.no_grad(), reading:
            campaign.workload.call(
                campaign.workload.model, mapped(campaign.workload.few_rows, torch.clone)
            )
    finally:
        campaign.workload.state.restore()
    return reading.places


def _copy(model: nn.Module, tensor: Tensor) -> str | None:
    """The name of an attribute or a buffer that was computed from a tensor."""
    for name, held in State(model, parameters=False).tensors:
        # Only what is computed from the values themselves is a copy; a norm or a mask is not.
        if held is not tensor and held.is_floating_point() and _made_from(held, tensor):
            return name
    return None


def _made_from(held: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor holds the values of another: cast, reordered, or at least three of them."""
    mine, values = held.detach().flatten().double(), tensor.detach().flatten().double()
    if len(mine) < 3 or len(set(mine.tolist())) < 3:
        return False
    if len(mine) == len(values):
        return torch.allclose(mine.sort().values, values.sort().values, rtol=_CAST, atol=0)
    # Values of low precision would occur among many others by chance.
    return held.itemsize >= 4 and bool(torch.isin(mine, values).all())
