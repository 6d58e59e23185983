"""How are some of the stored words of a model corrected by a code?"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import CORRECTED, DETECTED
from radhard.formats.protected.word_buffer import WordBuffer
from radhard.hardenings.coding.coded_memory import CodedMemory, whole, write
from radhard.hardenings.coding.ecc_scrubber import code_named
from radhard.hardenings.coding.stored_code import StoredCode
from radhard.hardenings.part import Part
from radhard.hardenings.scrubbing.stored_weights import Turn, tracing

__all__ = ["SelectiveScrubber"]

_BYTE = 8


class SelectiveScrubber(Part):
    """Corrects the words of a model that a signature names.

    The signature has one bit for each word, 1 if the word is protected, eight in a word of
    ``signature.words``, from the lowest bit; every tensor starts a new word. Check bits are stored
    for protected words only, in their order, in ``check.words``. The signature itself has the check
    bits ``signature_check.words``, if it is protected.

    How many words of each tensor are protected belongs to the structure of the part: if the
    signature of a tensor names another number, an error in it is detected, and the tensor is left
    as it is, since no check bits can be assigned to its words.

    Args:
        by: the hardening that created it.
        format: the protected format, as text.
        tensors: names of parameters and buffers.
        shapes: their shapes.
        scales: their scales as JSON, ``null`` without.
        protected: how many words of each are protected.
        signature_format: the protected format of the words of the signature; empty without.
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
        protected: tuple[int, ...],
        signature_format: str = "",
        every: int = 1,
    ) -> None:
        super().__init__(by)
        self.tensors = tuple(tensors)
        self.protected, self.signature_format = tuple(protected), signature_format
        self.every, self.turn = every, Turn(every)
        self._code = code_named(format)
        # Eight words for each word of the signature, which thus never belongs to two tensors.
        self._memory = CodedMemory(self._code, tensors, shapes, scales, align=_BYTE)
        if len(self.protected) != len(self.tensors):
            raise InputError(
                f"{len(self.protected)} numbers of words of {len(self.tensors)} tensors"
            )
        total = self._memory.starts[-1] // _BYTE
        self.signature = WordBuffer(total, _BYTE)
        self.check = WordBuffer(sum(self.protected), self._code.check_bits)
        self._signature_code: StoredCode | None = None
        self.signature_check: WordBuffer | None = None
        if signature_format:
            code = code_named(signature_format)
            self._signature_code = code
            self.signature_check = WordBuffer(-(-total // code.block), code.check_bits)
        self.corrected = 0
        """How many words, or blocks of the signature, were corrected so far."""
        self.detected = 0
        """How many words, or signatures of tensors, had an error that was only detected."""

    @property
    def settings(self) -> dict[str, Any]:
        return {
            **self._memory.settings,
            "protected": self.protected,
            "signature_format": self.signature_format,
            "every": self.every,
        }

    @property
    def scrubbed(self) -> tuple[str, ...]:
        return self.tensors

    def due(self) -> bool:
        return self.turn.due()

    def protect(self, model: nn.Module, masks: Sequence[Tensor]) -> None:
        """Set the signature to masks of the shapes of the tensors, and compute all check bits."""
        starts = self._memory.starts
        bits = torch.zeros(starts[-1], dtype=torch.uint8, device=self.signature.words.device)
        for start, mask in zip(starts, masks, strict=False):
            bits[start : start + mask.numel()] = mask.reshape(-1).to(bits)
        # Packed as a sum of powers of two, from the lowest bit.
        weights = 1 << torch.arange(_BYTE, device=bits.device)
        packed = (bits.view(-1, _BYTE).to(torch.int64) * weights).sum(dim=1)
        with torch.no_grad():
            self.signature.words.copy_(packed)
            words = self._memory.words(self._memory.tensors(model), 0, len(self.tensors))
            chosen = whole(words[bits.nonzero().flatten()], self._code.width)[:, None]
            check = self._code.encode(chosen)[1]
            assert check is not None
            self.check.words.copy_(check)
            if self._signature_code is not None and self.signature_check is not None:
                check = self._signature_code.encode(self._signature_blocks(packed))[1]
                assert check is not None
                self.signature_check.words.copy_(check)

    def scrub(self, model: nn.Module) -> None:
        """Correct the signature, then the words that it names, and the check bits, in place."""
        if tracing():
            raise InputError(
                "which words are decoded follows from the signature, on which the shapes of an "
                "exported program cannot depend; export a model hardened by Ecc(...), or "
                "scrub(model) from outside"
            )
        with torch.no_grad():
            # First, as it says which words there are check bits for.
            self._correct_signature()
            positions = self._named_positions()
            tensors = self._memory.tensors(model)
            words = self._memory.words(tensors, 0, len(self.tensors))[positions][:, None]
            in_check = self._rows(positions)
            check = self.check.words[in_check]
            wrong = self._code.wrong(words, check)
            if len(wrong):
                self._correct(tensors, words[wrong], positions[wrong], in_check[wrong])

    def _correct_signature(self) -> None:
        if self._signature_code is None or self.signature_check is None:
            return
        code = self._signature_code
        blocks = self._signature_blocks(self.signature.words)
        wrong = code.wrong(blocks, self.signature_check.words)
        if not len(wrong):
            return
        before = whole(blocks[wrong], code.width)
        check = whole(self.signature_check.words[wrong], code.check_bits)
        after = code.correct(before, check)
        self.corrected += int((after.flags == CORRECTED).sum())
        self.detected += int((after.flags == DETECTED).sum())
        assert after.check is not None
        write(self.signature_check.words, wrong, after.check)
        places = wrong[:, None] * code.block + torch.arange(code.block, device=wrong.device)
        # The last block may be completed by words that are stored nowhere.
        inside = places < len(self.signature.words)
        write(self.signature.words, places[inside], after.words[inside])

    def _named_positions(self) -> Tensor:
        """Positions of the protected words, of tensors whose signature has the right number."""
        packed = self.signature.words
        bits = packed[:, None] >> torch.arange(_BYTE, device=packed.device, dtype=torch.uint8) & 1
        positions = bits.view(-1).nonzero().flatten()
        counts = self._counts(positions)
        # Almost always; the rest need not be fast.
        if counts == list(self.protected):
            return positions
        kept = []
        for number, (count, expected) in enumerate(zip(counts, self.protected, strict=True)):
            start, stop = self._memory.starts[number], self._memory.starts[number + 1]
            if count == expected:
                kept.append(positions[(positions >= start) & (positions < stop)])
            else:
                self.detected += 1
        return torch.cat(kept) if kept else positions[:0]

    def _counts(self, positions: Tensor) -> list[int]:
        """How many of some ascending positions each tensor contains."""
        bounds = torch.tensor(self._memory.starts, device=positions.device)
        return torch.searchsorted(positions, bounds).diff().tolist()

    def _rows(self, positions: Tensor) -> Tensor:
        """The rows of the check bits of protected words, given by their positions."""
        rows = torch.arange(sum(self.protected), device=positions.device)
        if len(positions) == len(rows):
            return rows
        counts = self._counts(positions)
        # Check bits are in the order of the words; those of tensors that are left as they are must
        # be skipped.
        parts = torch.split(rows, list(self.protected))
        return torch.cat([part for part, count in zip(parts, counts, strict=True) if count])

    def _correct(
        self, tensors: Sequence[Tensor], words: Tensor, positions: Tensor, rows: Tensor
    ) -> None:
        before = whole(words, self._code.width)
        check = whole(self.check.words[rows], self._code.check_bits)
        after = self._code.correct(before, check)
        self.corrected += int((after.flags == CORRECTED).sum())
        self.detected += int((after.flags == DETECTED).sum())
        assert after.check is not None
        write(self.check.words, rows, after.check)
        self._memory.write(tensors, positions, before.flatten(), after.words.flatten())

    def _signature_blocks(self, packed: Tensor) -> Tensor:
        """The words of the signature as blocks of its code, completed by zeros."""
        assert self._signature_code is not None
        size = self._signature_code.block
        return nn.functional.pad(packed, (0, -len(packed) % size)).view(-1, size)
