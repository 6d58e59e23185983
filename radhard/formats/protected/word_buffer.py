"""How does a model keep words of a few bits that are not values?"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from radhard.formats.protected.check_word import CheckWord

__all__ = ["WordBuffer", "word_buffers", "word_dtype"]


class WordBuffer(nn.Module):
    """Words of ``bits`` bits each, such as check bits, in an integer buffer ``words``.

    torch has no integers of 7 bits: the upper bits of its integers are 0 and belong to no memory,
    so that they are neither counted nor faulty.
    """

    def __init__(self, count: int, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.words: Tensor
        self.register_buffer("words", torch.zeros(count, dtype=word_dtype(bits)))

    @property
    def format(self) -> CheckWord:
        """The format of the words."""
        return CheckWord(self.bits)

    def extra_repr(self) -> str:
        """The number of words, and their width."""
        return f"{len(self.words)}, bits={self.bits}"


def word_dtype(bits: int) -> torch.dtype:
    """The narrowest of torch's common integers that hold words of this width as they are.

    >>> word_dtype(7), word_dtype(9)
    (torch.uint8, torch.int32)
    """
    return torch.uint8 if bits <= 8 else torch.int32 if bits <= 31 else torch.int64


def word_buffers(model: nn.Module) -> Iterator[tuple[str, WordBuffer]]:
    """The qualified name of the tensor of every `WordBuffer`, and the buffer."""
    for path, module in model.named_modules():
        if isinstance(module, WordBuffer):
            yield f"{path}.words" if path else "words", module
