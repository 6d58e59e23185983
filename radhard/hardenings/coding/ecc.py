"""What if an error-correcting code protects everything that a model stores?"""

from torch import nn

from radhard.formats import Format, ProtectedFormat
from radhard.hardenings.base import Hardening
from radhard.hardenings.coding.ecc_scrubber import EccScrubber
from radhard.hardenings.coding.protected_tensors import check_code, protected_tensors, scale_of
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.stored_weights import begin, check_period
from radhard.spec import component

__all__ = ["Ecc"]


@component
class Ecc(Hardening):
    """Stores tensors with the check bits of a code, and corrects them before an inference.

    ``format`` is a protected format, such as ``Hamming(Float32())`` or ``SecDed(Int(8), block=8)``.
    The tensors keep their names and values, which are those of its inner format
    (``stored_as(model, Int(8))``); check bits are stored beside them, in the words of an integer
    buffer. A code in place, such as ``InPlaceHamming(Float32())``, replaces the lowest bits of the
    values instead. ``pattern``: globs of names of tensors or layers, among the floating-point
    parameters and buffers. Before every n-th pass (``every``), all words are decoded, and what was
    corrected is written back; a word with an error that is only detected stays as it is, unless the
    code clears it. The part counts both (`EccScrubber.corrected`, `detected`).

    ``Ecc(SecDed(Float32()))`` corrects one wrong bit of every word. An `InputError` if no tensor
    holds words of the inner format.

    Cost: Check bits (a word of 32 bits: 6 for ``Hamming``, 7 for ``SecDed``; 8 for 8 integers of 8
    bits in ``SecDed(Int(8), block=8)``); one read of everything that is protected.
    """

    format: Format
    pattern: str = "*"
    every: int = 1

    def check(self) -> None:
        check_period(type(self).__name__, self.every)
        check_code(self, self.format)

    def harden(self, draft: Draft) -> None:
        scrubber = self._scrubber(draft.model, draft)
        begin(draft, "ecc", scrubber, scrubber.turn)

    def scrubber(self, model: nn.Module) -> EccScrubber:
        """A scrubber with the check bits of this model, for a scrub on demand.

        A code in place writes its check bits into the model.

        >>> import torch
        >>> from radhard.formats import Float32
        >>> from radhard.formats.protected.hamming import Hamming
        >>> model = nn.Linear(2, 2)
        >>> scrubber = Ecc(Hamming(Float32())).scrubber(model)
        >>> before = model.weight[0, 0].item()
        >>> model.weight.data.view(torch.int32)[0, 0] ^= 1 << 30
        >>> scrubber.scrub(model)
        >>> model.weight[0, 0].item() == before, scrubber.corrected
        (True, 1)
        """
        return self._scrubber(model, None)

    def _scrubber(self, model: nn.Module, draft: Draft | None) -> EccScrubber:
        assert isinstance(self.format, ProtectedFormat)
        known = protected_tensors(self, self.format, self.pattern, model, draft)
        part = EccScrubber(
            repr(self) if draft is None else draft.by,
            format=repr(self.format),
            tensors=tuple(known),
            shapes=tuple(tuple(x.shape) for x in known.values()),
            scales=tuple(scale_of(self.format, x) for x in known.values()),
            every=self.every,
        ).to(next(iter(known.values())).device)
        part.protect(model)
        return part
