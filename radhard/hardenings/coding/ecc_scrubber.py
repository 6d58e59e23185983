"""How are errors in the stored tensors of a model corrected by a code?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import CORRECTED, DETECTED, FORMATS, ProtectedFormat
from radhard.formats.protected.word_buffer import WordBuffer
from radhard.hardenings.coding.coded_memory import CodedMemory, whole, write
from radhard.hardenings.coding.stored_code import StoredCode, code_of
from radhard.hardenings.part import Part
from radhard.hardenings.scrubbing.stored_weights import Turn, put_right, tracing

__all__ = ["EccScrubber", "code_named"]

_TOGETHER = 1 << 17
"""Number of words that are checked together; small tensors are joined, as each call costs time."""


@dataclass(frozen=True)
class _Group:
    """Consecutive tensors that are checked together."""

    first: int
    last: int
    """The position after the last tensor."""
    start: int
    """The position of the first word."""
    stop: int


class EccScrubber(Part):
    """Corrects the stored tensors of a model as an error-correcting code allows.

    The words of the tensors are the data bits of the code; the check bits are beside them in
    ``check.words``, one word for each block, or, for a code in place, in the tensors. A block with
    an error that is only detected stays as it is, unless the code clears it.

    Args:
        by: the hardening that created it.
        format: the protected format, as text.
        tensors: names of parameters and buffers.
        shapes: their shapes.
        scales: their scales as JSON, ``null`` without.
        every: scrub before every n-th pass.
    """

    place = "model"

    def __init__(
        self,
        by: str,
        *,
        format: str,
        tensors: tuple[str, ...],
        shapes: tuple[tuple[int, ...], ...],
        scales: tuple[str, ...],
        every: int = 1,
    ) -> None:
        super().__init__(by)
        self.tensors = tuple(tensors)
        self.every, self.turn = every, Turn(every)
        self._code = code_named(format)
        block = self._code.block
        self._memory = CodedMemory(self._code, tensors, shapes, scales, align=block)
        self._groups = _groups(self._memory.starts)
        # 0 for a code in place, which needs no buffer.
        apart = self._code.check_bits
        self.check = WordBuffer(self._memory.starts[-1] // block, apart) if apart else None
        self.corrected = 0
        """How many blocks were corrected so far."""
        self.detected = 0
        """How many blocks had an error that was only detected; again at every scrub."""

    @property
    def settings(self) -> dict[str, Any]:
        return {**self._memory.settings, "every": self.every}

    @property
    def scrubbed(self) -> tuple[str, ...]:
        return self.tensors

    def due(self) -> bool:
        return self.turn.due()

    def protect(self, model: nn.Module) -> None:
        """Compute the check bits of the tensors as they are; in place, also write them there."""
        tensors = self._memory.tensors(model)
        with torch.no_grad():
            for number, tensor in enumerate(tensors):
                words, own = self._blocks(tensors, number)
                stored, check = self._code.encode(words)
                if check is not None and self.check is not None:
                    self.check.words[own] = check
                else:
                    tensor.copy_(self._values(tensor, number, stored))

    def scrub(self, model: nn.Module) -> None:
        """Correct the tensors and the check bits, in place; fault-free ones are only read."""
        # Entering no_grad takes time before every pass, and inference usually is in it already.
        if not torch.is_grad_enabled():
            self._scrub(model)
            return
        with torch.no_grad():
            self._scrub(model)

    def _scrub(self, model: nn.Module) -> None:
        tensors, block = self._memory.tensors(model), self._code.block
        if tracing():
            self._correct_all(tensors)
            return
        for group in self._groups:
            words = self._memory.words(tensors, group.first, group.last)
            start, check = group.start // block, None
            if self.check is not None:
                check = self.check.words[start : group.stop // block]
            # The words of a single tensor may be its own memory.
            copied = group.last - group.first > 1
            wrong = self._code.wrong(words, check, overwrite=copied)
            if len(wrong):
                words = self._memory.words(tensors, group.first, group.last).view(-1, block)
                self._correct(tensors, words[wrong], wrong + start)

    def _correct(self, tensors: Sequence[Tensor], words: Tensor, numbers: Tensor) -> None:
        """Correct blocks, given by their numbers."""
        before, check = whole(words, self._code.width), None
        if self.check is not None:
            check = whole(self.check.words[numbers], self._code.check_bits)
        after = self._code.correct(before, check)
        self.corrected += int((after.flags == CORRECTED).sum())
        self.detected += int((after.flags == DETECTED).sum())
        if self.check is not None and check is not None and after.check is not None:
            changed = after.check != check
            if bool(changed.any()):
                write(self.check.words, numbers[changed], after.check[changed])
        places = torch.arange(self._code.block, device=numbers.device)
        positions = (numbers[:, None] * self._code.block + places).flatten()
        self._memory.write(tensors, positions, before.flatten(), after.words.flatten())

    def _correct_all(self, tensors: Sequence[Tensor]) -> None:
        """Correct every block without branches, for a traced program."""
        for number, tensor in enumerate(tensors):
            words, own = self._blocks(tensors, number)
            check = None if self.check is None else self.check.words[own].to(torch.int64)
            after, checks = self._code.correct_by_table(words, check)
            # Only words that differ, so that all others stay bit by bit.
            changed = (after != words).reshape(-1)[: tensor.numel()].reshape(tensor.shape)
            put_right(tensor, changed, self._values(tensor, number, after))
            if self.check is not None and check is not None and checks is not None:
                right = checks.to(self.check.words.dtype)
                put_right(self.check.words[own], checks != check, right)

    def _blocks(self, tensors: Sequence[Tensor], number: int) -> tuple[Tensor, slice]:
        """The blocks of a tensor, int64, and their numbers."""
        starts, block = self._memory.starts, self._code.block
        words = self._memory.words(tensors, number, number + 1).view(-1, block)
        own = slice(starts[number] // block, starts[number + 1] // block)
        return whole(words, self._code.width), own

    def _values(self, tensor: Tensor, number: int, words: Tensor) -> Tensor:
        """The values of all words of a tensor, in its shape."""
        # Without the words of the filling, which have no place in the tensor.
        every = torch.arange(tensor.numel(), device=tensor.device)
        codes = words.reshape(-1)[: tensor.numel()]
        return self._memory.coded[number].values(tensor, every, codes).reshape(tensor.shape)


def code_named(format: str) -> StoredCode:
    """The code of a protected format given as text, with its tables.

    Raises:
        InputError: another format.
    """
    parsed = FORMATS.parse(format, foreign=False)
    if not isinstance(parsed, ProtectedFormat):
        raise InputError(f"{format} is no format with check bits")
    code = code_of(parsed)
    code.prepare()
    return code


def _groups(starts: Sequence[int]) -> list[_Group]:
    """Tensors that are checked together, given the positions of their first words."""
    groups, first = [], 0
    for last in range(1, len(starts)):
        # A group ends where the next tensor would make it too large; a single large tensor is a
        # group of its own.
        following = starts[last + 1] if last + 1 < len(starts) else None
        if following is None or following - starts[first] > _TOGETHER:
            groups.append(_Group(first, last, starts[first], starts[last]))
            first = last
    return groups
