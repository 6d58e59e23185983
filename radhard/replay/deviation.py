"""What deviates in each probe, and by how much?"""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.replay.crop import crop
from radhard.replay.patch import Patch, Start

__all__ = ["Deviation"]


@dataclass(frozen=True)
class Deviation:
    """For every probe its sample, where in the layer's output it deviates, and by how much.

    ``at`` has for every axis of one sample's output the coordinate of each probe, ``(probes,)``,
    or None where the probe deviates all along it. ``by`` is ``(probes, ...)`` with size 1 along the
    axes with a coordinate; it is added to the fault-free values, or, with ``replaces``, takes their
    place.
    """

    samples: Tensor
    at: tuple[Tensor | None, ...]
    by: Tensor
    replaces: bool = False

    def __getitem__(self, probes: Tensor) -> "Deviation":
        """Some of the probes."""
        at = tuple(None if axis is None else axis[probes] for axis in self.at)
        return Deviation(self.samples[probes], at, self.by[probes], self.replaces)

    def to(self, device: torch.device) -> "Deviation":
        """The same on a device."""
        at = tuple(None if axis is None else axis.to(device) for axis in self.at)
        return Deviation(self.samples.to(device), at, self.by.to(device), self.replaces)

    def on(self, golden: Tensor, rows: Tensor) -> Patch:
        """The deviating values, of layer outputs ``(samples, ...)`` of which ``rows`` are taken."""
        starts: tuple[Start, ...] = self.at
        if self.replaces:
            return Patch(self.by, starts)
        return Patch(crop(golden, rows, starts, self.by) + self.by, starts)

    def apply_to(self, flowing: Tensor) -> None:
        """Let the rows of a layer's output, one a probe, deviate in place."""
        axes = range(1, flowing.ndim)
        # An index for every axis, broadcast against the others: rows on axis 0, so that a
        # coordinate by probe selects with its row.
        place: list[Tensor] = [_along(torch.arange(len(flowing)), 0, flowing)]
        for axis, at in zip(axes, self.at, strict=True):
            if at is None:
                place.append(_along(torch.arange(flowing.shape[axis]), axis, flowing))
            else:
                place.append(_along(at, 0, flowing))
        index = tuple(place)
        flowing[index] = self.by if self.replaces else flowing[index] + self.by

    @property
    def faulty_rows(self) -> list[int]:
        """The coordinates on the first axis of an output at which a probe deviates, ascending."""
        first = self.at[0]
        return list(range(self.by.shape[1])) if first is None else sorted(set(first.tolist()))

    def apply_to_row(self, flowing: Tensor, row: int) -> None:
        """Let the rows of one coordinate of the first axis deviate in place."""
        first = self.at[0]
        every = torch.arange(len(flowing))
        probes = every if first is None else every[first.cpu() == row]
        by = self.by[probes, row if first is None else 0]
        at = tuple(None if axis is None else axis[probes] for axis in self.at[1:])
        part, values = Deviation(self.samples[probes], at, by, self.replaces), flowing[probes]
        part.apply_to(values)
        flowing[probes] = values

    @property
    def faulty_words(self) -> list[int]:
        """Layer outputs are no registers."""
        raise AssertionError("a deviation is one of a layer's output, not of a register")

    def corrupted_word(self, values: Tensor, word: int) -> Tensor:
        """Layer outputs are no registers."""
        raise AssertionError(f"register word {word} of {len(values)} samples is no layer output")

    def held(self, stored: Tensor) -> AbstractContextManager[None]:
        """Layer outputs flow; none is ever stored."""
        raise AssertionError(f"a stored tensor {tuple(stored.shape)} is no layer output")


def _along(index: Tensor, axis: int, like: Tensor) -> Tensor:
    shape = [1] * like.ndim
    shape[axis] = len(index)
    return index.reshape(shape).to(like.device)
