"""How many fault-free answers does a hardening change on samples that it has not seen?"""

from collections.abc import Callable

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.hardenings.profile import FOLDS, folds
from radhard.hardenings.protection import Protection
from radhard.hardenings.record import HeldOut

__all__ = ["hold_out"]

_CLOSE = 1e-3
"""Share of the largest output below which two outputs count as equal."""


def hold_out(protection: Protection, fill: Callable[[int | None], None]) -> None:
    """Try limits from four fifths of the samples on the last fifth, each fifth in turn.

    A sample of the profile lies within its limits by construction, so that it says nothing of
    others. Each sample is passed once more, with limits that do not come from it; what that changes
    is noted in ``protection.held_out``.

    Args:
        protection: the model, hardened already.
        fill: sets all limits to those of the samples outside a fold, or (None) of all samples.
    """
    n = len(protection.workload.data)
    moved = torch.zeros(n, dtype=torch.bool)
    changed = torch.zeros(n, dtype=torch.bool)
    fold_of = folds(protection)
    for fold in range(min(FOLDS, n) if n > 1 else 0):
        fill(fold)
        rows = (fold_of == fold).nonzero().flatten()
        for some in rows.split(protection.workload.batch):  # type: ignore[no-untyped-call]
            at = some.to(protection.workload.logits.device)
            with torch.no_grad():
                outputs = _outputs(protection, at)
            golden = protection.workload.logits[at]
            differs = _differs(outputs, golden)
            moved[some] = differs.cpu()
            changed[some] = (differs & _another_answer(outputs, golden)).cpu()
    fill(None)
    if n > 1:
        protection.held_out.append(HeldOut(n, int(changed.sum()), int(moved.sum())))


def _outputs(protection: Protection, at: Tensor) -> Tensor:
    """The outputs for some samples; from passes over all, where the model takes no other batch."""
    try:
        return protection.workload.steady(protection.model, protection.workload.data.rows(at))
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        whole = [
            protection.workload.steady(protection.model, batch)
            for _, batch in protection.workload.data.batches(protection.workload.batch)
        ]
        return torch.cat(whole)[at]


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
    """By sample; where outputs are no logits any other output is another answer."""
    if golden.ndim < 2 or golden.shape[-1] < 2 or not golden.is_floating_point():
        return torch.ones(len(golden), dtype=torch.bool, device=golden.device)
    axis = 1 if golden.ndim in (2, 4) else -1
    answers = outputs.argmax(axis) != golden.argmax(axis)
    return answers.reshape(len(answers), -1).any(1)
