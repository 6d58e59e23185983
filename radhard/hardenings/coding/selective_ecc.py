"""What if an error-correcting code protects the most vulnerable words of a model?"""

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import CheckWord, Format, ProtectedFormat
from radhard.hardenings.base import Hardening
from radhard.hardenings.coding.protected_tensors import check_code, protected_tensors, scale_of
from radhard.hardenings.coding.selective_scrubber import SelectiveScrubber
from radhard.hardenings.coding.stored_code import code_of
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.stored_weights import begin, check_period
from radhard.scores import Scores
from radhard.spec import component

__all__ = ["SelectiveEcc"]


@component
class SelectiveEcc(Hardening):
    """Stores check bits for the most vulnerable words only, and a signature that names these.

    ``format`` is a code of single words whose check bits are stored beside them, such as
    ``SecDed(Float32())``. ``share``: the share of all words that ``pattern`` selects with the
    highest scores; None: all words with a score above 0, as a mask of critical words has them.
    Scores of channels or tensors apply to all their words; words without a score come last. The
    signature has one bit for each word, and check bits of its own if ``signature`` is a code of its
    words of 8 bits, such as ``SecDed(CheckWord(8), block=8)``. Without, one wrong bit of a
    signature leaves its tensor without protection. ``every`` as for `Ecc`.

    ``SelectiveEcc(SecDed(Float32()), share=0.05)`` protects a twentieth of the words.

    Stored in addition to the words are one bit for each and the check bits of the protected ones:
    16 + r bits of every 16 words if a sixteenth of them is protected by r check bits each.

    Cost: One bit for each word, check bits of protected words; one read of everything.

    Source: the scheme of "A machine-learning-guided framework for fault-tolerant DNNs"; the number
    of protected words of each tensor, which detects errors in its signature, is that of radhard.
    """

    format: Format
    share: float | None = 0.1
    pattern: str = "*"
    signature: Format | None = None
    every: int = 1

    def check(self) -> None:
        check_period(type(self).__name__, self.every)
        check_code(self, self.format)
        assert isinstance(self.format, ProtectedFormat)
        if self.format.block != 1 or not code_of(self.format).check_bits:
            raise InputError(
                f"{self!r}: words are protected one by one, with check bits beside them; choose a "
                f"code of one word, such as SecDed({self.format.inner!r}); codes in place need no "
                "choice of words: Ecc(...) or HammingInPlace()"
            )
        if self.share is not None and not 0 < self.share <= 1:
            raise InputError(
                f"{self!r}: share is a share of the words, above 0 and up to 1, or None"
            )
        if self.signature is not None:
            check_code(self, self.signature)
            signature = self.signature
            assert isinstance(signature, ProtectedFormat)
            if signature.inner != CheckWord(8) or not code_of(signature).check_bits:
                raise InputError(
                    f"{self!r}: the signature has words of 8 bits; choose a code such as "
                    "SecDed(CheckWord(8), block=8)"
                )

    def harden(self, draft: Draft) -> None:
        scrubber = self._scrubber(draft.model, draft, draft.required_scores())
        begin(draft, "selective_ecc", scrubber, scrubber.turn)

    def scrubber(self, model: nn.Module, scores: Scores) -> SelectiveScrubber:
        """A scrubber with the check bits of this model, for a scrub on demand."""
        return self._scrubber(model, None, scores)

    def _scrubber(self, model: nn.Module, draft: Draft | None, scores: Scores) -> SelectiveScrubber:
        assert isinstance(self.format, ProtectedFormat)
        known = protected_tensors(self, self.format, self.pattern, model, draft)
        masks = self._masks(known, scores)
        part = SelectiveScrubber(
            repr(self) if draft is None else draft.by,
            format=repr(self.format),
            tensors=tuple(known),
            shapes=tuple(tuple(x.shape) for x in known.values()),
            scales=tuple(scale_of(self.format, x) for x in known.values()),
            protected=tuple(int(mask.sum()) for mask in masks),
            signature_format="" if self.signature is None else repr(self.signature),
            every=self.every,
        ).to(next(iter(known.values())).device)
        part.protect(model, masks)
        if draft is not None:
            _record_words(draft, known, masks)
        return part

    def _masks(self, known: dict[str, Tensor], scores: Scores) -> list[Tensor]:
        """Which words of each tensor are protected."""
        by_word = [_by_word(scores, name, tensor) for name, tensor in known.items()]
        flat = torch.cat([score.flatten() for score in by_word])
        # -1 stands for words without a score.
        if bool((flat < 0).all()):
            raise InputError(
                f"{self!r}: the scores by {scores.by} are of {', '.join(list(scores.values)[:4])}, "
                f"and none of {', '.join(list(known)[:4])}; choose a pattern of tensors with scores"
            )
        if self.share is None:
            chosen = flat > 0
        else:
            count = max(1, round(self.share * len(flat)))
            # Stable, so that words with equal scores are chosen in the order of the model.
            order = torch.argsort(-flat, stable=True)[:count]
            chosen = torch.zeros(len(flat), dtype=torch.bool)
            chosen[order] = True
        if not bool(chosen.any()):
            raise InputError(f"{self!r}: no word has a score above 0; give a share of the words")
        parts = torch.split(chosen, [score.numel() for score in by_word])
        return [part.reshape(score.shape) for part, score in zip(parts, by_word, strict=True)]


def _by_word(scores: Scores, name: str, tensor: Tensor) -> Tensor:
    """The score of each word of a tensor; -1 without one.

    Raises:
        InputError: scores by bit, or of another shape.
    """
    values = scores.values.get(name)
    if values is None and scores.level in ("channel", "tensor"):
        # Those of the activations of a layer are those of its parameters.
        values = scores.values.get(name.rpartition(".")[0])
    if values is None:
        return torch.full(tuple(tensor.shape), -1.0, dtype=torch.float64)
    if scores.level == "bit":
        raise InputError(
            f"{scores.by} scores bits, and words are protected as a whole; give scores by element, "
            "channel or tensor"
        )
    known = torch.from_numpy(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-1.0))
    if scores.level == "channel":
        axis = scores.channel_axes.get(name, 0)
        if known.shape != tensor.shape[axis : axis + 1]:
            raise _unsuitable(scores, known, name, tensor)
        # Broadcasts over all axes but that of the channels.
        known = known.reshape([-1 if n == axis else 1 for n in range(tensor.ndim)])
    elif scores.level == "element" and known.shape != tensor.shape:
        raise _unsuitable(scores, known, name, tensor)
    return known.expand(tuple(tensor.shape)).clone()


def _unsuitable(scores: Scores, known: Tensor, name: str, tensor: Tensor) -> InputError:
    return InputError(
        f"scores of {name!r} by {scores.by} have shape {tuple(known.shape)}, the tensor has "
        f"{tuple(tensor.shape)}; give scores of this model"
    )


def _record_words(draft: Draft, known: dict[str, Tensor], masks: list[Tensor]) -> None:
    """Say how many of the words of each tensor are protected, in place of how many tensors."""
    last = draft.coverage[-1]
    covered = [
        f"{name} ({int(mask.sum()):,} of {mask.numel():,} words)"
        for name, mask in zip(known, masks, strict=True)
        if bool(mask.any())
    ]
    chosen = sum(int(mask.sum()) for mask in masks)
    total = sum(mask.numel() for mask in masks)
    exempt = {"other words": f"{total - chosen:,} of {total:,} have lower scores"}
    draft.coverage[-1] = dataclasses.replace(last, covered=tuple(covered), exempt=exempt)
