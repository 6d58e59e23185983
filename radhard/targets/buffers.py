"""Faults in what a model stores besides its parameters."""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from radhard.formats.protected.word_buffer import word_buffers
from radhard.spec import component
from radhard.targets.stored import Stored

__all__ = ["Buffers"]


@component
class Buffers(Stored):
    """Buffers, such as the running mean and variance of batch normalisation, ``Buffers("bn1.*")``.

    ``pattern`` and ``layers`` as for `Weights`. Counters, single integers such as
    ``num_batches_tracked``, are ignored. Integers of a `WordBuffer`, such as the check bits of an
    error-correcting code, are words of its format, ``CheckWord(7)``; others are reported as left
    out.
    """

    pattern: str
    layers: str | None = None

    @property
    def role(self) -> Literal["buffer"]:
        return "buffer"

    def whole_words(self, model: nn.Module) -> frozenset[str]:
        return frozenset(name for name, _ in word_buffers(model))

    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        words = self.whole_words(model)
        # With all names, as a tied buffer may be matched by any of them.
        for name, tensor in model.named_buffers(remove_duplicate=False):
            # Check bits may be a single word, as those of a short signature are.
            if tensor.is_floating_point() or tensor.numel() != 1 or name in words:
                yield name, tensor
