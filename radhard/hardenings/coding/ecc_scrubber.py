"""How are errors in the stored tensors of a model corrected by a code?"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import CORRECTED, DETECTED, FORMATS, ProtectedFormat
from radhard.formats.protected.word_buffer import WordBuffer
from radhard.hardenings.coding.coded_tensor import CodedTensor
from radhard.hardenings.coding.stored_code import code_of
from radhard.hardenings.part import Part
from radhard.hardenings.scrubbing.stored_weights import Turn, put_right, tracing
from radhard.injection import overwrite

__all__ = ["EccScrubber", "stored_tensors"]

_TOGETHER = 1 << 17
"""Number of words that are checked together; small tensors are joined, as each call costs time."""


@dataclass(frozen=True)
class _Group:
    """Consecutive tensors that are checked together."""

    first: int
    last: int
    """The position after the last tensor."""
    start: int
    """The number of the first block."""
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
        self.tensors, self.shapes, self.scales = tuple(tensors), tuple(shapes), tuple(scales)
        if not len(self.tensors) == len(self.shapes) == len(self.scales):
            raise InputError(f"{len(self.tensors)} names of tensors, {len(self.shapes)} shapes")
        parsed = FORMATS.parse(format)
        if not isinstance(parsed, ProtectedFormat):
            raise InputError(f"{format} is no format with check bits")
        self.format, self.every, self.turn = parsed, every, Turn(every)
        self._code = code_of(parsed)
        self._code.prepare()
        self._coded = [
            CodedTensor.of(tuple(shape), self._code, scale)
            for shape, scale in zip(self.shapes, self.scales, strict=True)
        ]
        self._starts = [0, *itertools.accumulate(one.blocks for one in self._coded)]
        self._groups = _groups(self._starts, self._code.block)
        apart = self._code.check_bits
        self.check = WordBuffer(self._starts[-1], apart) if apart else None
        self.corrected = 0
        """How many blocks were corrected so far."""
        self.detected = 0
        """How many blocks had an error that was only detected; again at every scrub."""

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "format": repr(self.format),
            "tensors": self.tensors,
            "shapes": self.shapes,
            "scales": self.scales,
            "every": self.every,
        }

    def due(self) -> bool:
        return self.turn.due()

    def protect(self, model: nn.Module) -> None:
        """Compute the check bits of the tensors as they are; in place, also write them there."""
        with torch.no_grad():
            for at, (coded, x) in enumerate(self._each(model)):
                words = _whole(self._in_blocks(coded.words(x)), self._code.width)
                stored, check = self._code.encode(words)
                if check is not None and self.check is not None:
                    self.check.words[self._starts[at] : self._starts[at + 1]] = check
                else:
                    flat = stored.reshape(-1)[: coded.count]
                    every = torch.arange(coded.count, device=x.device)
                    x.copy_(coded.values(x, every, flat).reshape(x.shape))

    def scrub(self, model: nn.Module) -> None:
        """Correct the tensors and the check bits, in place; fault-free ones are only read."""
        held = self._each(model)
        with torch.no_grad():
            if tracing():
                self._correct_all(held)
                return
            for group in self._groups:
                words = [coded.words(x) for coded, x in held[group.first : group.last]]
                blocks = self._in_blocks(*words)
                check = None if self.check is None else self.check.words[group.start : group.stop]
                wrong = self._code.wrong(blocks, check)
                if len(wrong):
                    self._correct(held, blocks, group, wrong)

    def _each(self, model: nn.Module) -> list[tuple[CodedTensor, Tensor]]:
        return list(zip(self._coded, stored_tensors(model, self.tensors), strict=True))

    def _in_blocks(self, *words: Tensor) -> Tensor:
        """The words of some tensors as blocks, each tensor completed by zeros."""
        size = self._code.block
        if size > 1:
            words = tuple(nn.functional.pad(w, (0, -len(w) % size)) for w in words)
        joined = words[0] if len(words) == 1 else torch.cat(words)
        return joined.view(self._code.dtype).view(-1, size)

    def _correct(
        self,
        held: Sequence[tuple[CodedTensor, Tensor]],
        blocks: Tensor,
        group: _Group,
        wrong: Tensor,
    ) -> None:
        """Correct blocks, given by their numbers in a group of tensors."""
        before = _whole(blocks[wrong], self._code.width)
        numbers, check = wrong + group.start, None
        if self.check is not None:
            check = _whole(self.check.words[numbers], self._code.check_bits)
        found = self._code.correct(before, check)
        self.corrected += int((found.flags == CORRECTED).sum())
        self.detected += int((found.flags == DETECTED).sum())
        if self.check is not None and check is not None and found.check is not None:
            _write(self.check.words, numbers, found.check != check, found.check)
        for at in range(group.first, group.last):
            mine = (numbers >= self._starts[at]) & (numbers < self._starts[at + 1])
            coded, x = held[at]
            start = (numbers[mine] - self._starts[at])[:, None] * self._code.block
            positions = start + torch.arange(self._code.block, device=x.device)
            changed = (found.words[mine] != before[mine]) & (positions < coded.count)
            if bool(changed.any()):
                where = positions[changed]
                values = coded.values(x, where, found.words[mine][changed])
                _write(x, where, torch.ones_like(where, dtype=torch.bool), values)

    def _correct_all(self, held: Sequence[tuple[CodedTensor, Tensor]]) -> None:
        """Correct every block without branches, for a traced program."""
        for at, (coded, x) in enumerate(held):
            words = _whole(self._in_blocks(coded.words(x)), self._code.width)
            own = slice(self._starts[at], self._starts[at + 1])
            check = None if self.check is None else self.check.words[own].to(torch.int64)
            after, checks = self._code.correct_by_table(words, check)
            changed = (after != words).reshape(-1)[: coded.count].reshape(x.shape)
            codes = after.reshape(-1)[: coded.count]
            every = torch.arange(coded.count, device=x.device)
            put_right(x, changed, coded.values(x, every, codes).reshape(x.shape))
            if self.check is not None and check is not None and checks is not None:
                put_right(self.check.words[own], checks != check, checks.to(self.check.words.dtype))


def stored_tensors(model: nn.Module, names: Sequence[str]) -> list[Tensor]:
    """The parameters and buffers with these names.

    Raises:
        InputError: the model lacks one.
    """
    tensors: list[Tensor] = []
    for name in names:
        *path, leaf = name.split(".")
        module: nn.Module | None = model
        for child in path:
            # Not get_submodule: before every pass, its checks would take longer than the decoder.
            module = module._modules.get(child) if module is not None else None
        tensor: Tensor | None = None
        if module is not None:
            tensor = module._parameters.get(leaf)
            tensor = module._buffers.get(leaf) if tensor is None else tensor
        if tensor is None:
            raise InputError(f"{type(model).__name__} has no tensor {name!r} to correct")
        tensors.append(tensor)
    return tensors


def _groups(starts: Sequence[int], block: int) -> list[_Group]:
    found, first = [], 0
    for last in range(1, len(starts)):
        together = (starts[last] - starts[first]) * block
        following = starts[last + 1] if last + 1 < len(starts) else None
        if following is None or together + (following - starts[last]) * block > _TOGETHER:
            found.append(_Group(first, last, starts[first], starts[last]))
            first = last
    return found


def _whole(words: Tensor, bits: int) -> Tensor:
    """Words as int64, extended by zeros."""
    whole = words.to(torch.int64)
    return whole if bits >= 64 else whole & ((1 << bits) - 1)


def _write(stored: Tensor, positions: Tensor, which: Tensor, values: Tensor) -> None:
    """Write some of the values, given for ascending flat positions of a tensor."""
    if bool(which.any()):
        at = torch.zeros(stored.numel(), dtype=torch.bool, device=stored.device)
        at[positions[which]] = True
        overwrite(stored, at.reshape(stored.shape), values[which].to(stored.dtype))
