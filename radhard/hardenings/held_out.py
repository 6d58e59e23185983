"""How many fault-free predictions does a hardening change on samples outside its profile?"""

from collections.abc import Callable

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.hardenings.profile import FOLDS, folds
from radhard.hardenings.record import HeldOut

__all__ = ["hold_out"]

_CLOSE = 1e-3
"""Share of the largest output below which two outputs count as equal."""


def hold_out(draft: Draft, fill: Callable[[int | None], None]) -> None:
    """Cross-validate limits: test those of four fifths of the samples on the other fifth, in turn.

    A sample of the profile is within the limits by construction, so that it does not indicate how
    other samples are affected. Each sample is passed once more, with limits to which it did not
    contribute; the changes are recorded in ``draft.held_out``.

    Args:
        draft: the model, which is already hardened.
        fill: sets all limits to those of the samples outside a fold, or (None) of all samples.
    """
    n = len(draft.workload.data)
    moved = torch.zeros(n, dtype=torch.bool)
    changed = torch.zeros(n, dtype=torch.bool)
    fold_of = folds(draft)
    # A single sample leaves none to derive limits from.
    for fold in range(min(FOLDS, n) if n > 1 else 0):
        fill(fold)
        rows = (fold_of == fold).nonzero().flatten()
        for chunk in torch.split(rows, draft.workload.batch):
            at = chunk.to(draft.workload.logits.device)
            with torch.no_grad():
                outputs = _outputs(draft, at)
            golden = draft.workload.logits[at]
            differs = _differs(outputs, golden)
            moved[chunk] = differs.cpu()
            # Outputs that agree up to rounding may still swap two equal logits, which no limit has
            # caused.
            changed[chunk] = (differs & _another_answer(outputs, golden)).cpu()
    fill(None)
    if n > 1:
        draft.held_out.append(HeldOut(n, int(changed.sum()), int(moved.sum())))


def _outputs(draft: Draft, at: Tensor) -> Tensor:
    """The outputs for some samples; from passes over all if the model requires whole batches."""
    try:
        return draft.workload.steady(draft.model, draft.workload.data.rows(at))
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    # A model may raise anything if it cannot take a batch of another size.
    except Exception:
        batches = [
            draft.workload.steady(draft.model, batch)
            for _, batch in draft.workload.data.batches(draft.workload.batch)
        ]
        return torch.cat(batches)[at]


def _differs(outputs: Tensor, golden: Tensor) -> Tensor:
    close = torch.isclose(
        outputs.double(),
        golden.double(),
        rtol=0.0,
        atol=_CLOSE * float(golden.abs().amax()),
        equal_nan=True,
    )
    return ~close.reshape(len(close), -1).all(1)


def _another_answer(outputs: Tensor, golden: Tensor) -> Tensor:
    """Whether the prediction of each sample differs; True if outputs are not logits."""
    if golden.ndim < 2 or golden.shape[-1] < 2 or not golden.is_floating_point():
        return torch.ones(len(golden), dtype=torch.bool, device=golden.device)
    # Classes are on axis 1 of logits and of maps of logits, and on the last axis of sequences.
    axis = 1 if golden.ndim in (2, 4) else -1
    answers = outputs.argmax(axis) != golden.argmax(axis)
    return answers.reshape(len(answers), -1).any(1)
