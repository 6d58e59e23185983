"""What does a hardening do?"""

import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError, RadhardWarning
from radhard.forward import Forward, plain
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import parts
from radhard.hardenings.record import Record, digests, put_records, records
from radhard.manifest import fingerprint
from radhard.module import check_order, check_uncompiled, copied_module, usable_module
from radhard.progress_bar import ProgressBar
from radhard.scores import Scores
from radhard.spec import Component, Family
from radhard.tree import leaves
from radhard.workload import Workload

__all__ = ["HARDENINGS", "Hardening", "UnhardenedError", "applied"]


class UnhardenedError(InputError):
    """A hardening found nothing in the model that it can protect or change."""


class Hardening(Component):
    """Makes a model more resilient: ``hardening(model, data, scores)`` returns a hardened copy.

    The original model is not changed. In the copy its tensors keep their names, so that the same
    faults can be injected; additions are `Part`s. Subclasses define `harden`.
    """

    def __call__(
        self,
        model: nn.Module,
        data: Any,
        scores: Scores | None = None,
        *,
        call: Forward = plain,
        batch: int = 100,
        seed: int = 0,
        progress: bool | None = None,
        deterministic: bool = True,
    ) -> nn.Module:
        """A hardened copy of the model.

        Args:
            model: a network; it is not changed.
            data: inputs on which value ranges are profiled, with labels if the accuracy is needed.
            scores: the vulnerability of parts, for hardenings that protect only some of them.
            call: for models that do not return one tensor.
            batch: number of samples per forward pass.
            seed: the seed of all random draws.
            progress: whether to show a progress bar; by default if there is a terminal.
            deterministic: reject a model whose fault-free passes differ.

        Raises:
            InputError: the model, the data or the scores cannot be used; or the model is already
                hardened in this way, or has nothing to protect.

        Warns:
            RadhardWarning: parts are left out, or the data are too few; also see `records`.
        """
        check_order(model, data)
        model = usable_module(model)
        check_uncompiled(model, repr(self))
        self._check_scores(scores)
        workload = Workload.of(
            model,
            data,
            call=call,
            batch=batch,
            seed=seed,
            deterministic=deterministic,
            differentiable=True,
        )
        self._check(model, workload, scores)
        # Tensors created in inference mode can be neither trained nor differentiated.
        with torch.inference_mode(False):
            hardened = copied(model)
        bar = ProgressBar(shown=progress)
        workload = replace(workload, model=hardened, fixed=False, bar=bar)
        draft = Draft(workload, scores, repr(self))
        with torch.inference_mode(False), workload.open():
            _ = workload.golden  # computed on first access, which must precede the hardening
            self.harden(draft)
        if _is_unchanged(model, draft):
            left_out = "; ".join(map(str, draft.coverage))
            raise UnhardenedError(
                f"{self!r} changes nothing in {type(model).__name__}{left_out and ': '}{left_out}"
            )
        _check_scrubbed(model, draft)
        if doubt := _doubt_of_ranges(model, draft):
            warnings.warn(doubt, RadhardWarning, stacklevel=2)
        record = _record(draft)
        put_records(hardened, (*records(model), record))
        for text in record.doubts:
            warnings.warn(text, RadhardWarning, stacklevel=2)
        return hardened

    def _check_scores(self, scores: object) -> None:
        """Raise `InputError` unless these are scores, or none."""
        if scores is not None and not isinstance(scores, Scores):
            raise InputError(
                f"{self!r}: scores are {type(scores).__name__}; give what an analysis returns, or "
                "Scores.load(...)"
            )

    def _check(self, model: nn.Module, workload: Workload, scores: Scores | None) -> None:
        """Raise `InputError` if a model cannot be hardened with these data and scores."""
        data = workload.data
        if type(self).__name__ in {text.partition("(")[0] for text in applied(model)}:
            raise InputError(
                f"the model is already hardened by {type(self).__name__} "
                f"({', '.join(applied(model))}); give the model as it was before that"
            )
        if any(t.is_floating_point() and t.isnan().any() for _, t in leaves(data.inputs)):
            raise InputError(
                f"{data.name}: the inputs contain NaN, from which no value ranges follow; remove "
                "these samples"
            )
        if scores is not None:
            scores.check_model(model)

    @abstractmethod
    def harden(self, draft: Draft) -> None:
        """Put parts into ``draft.model``, a copy in evaluation mode, or modify it."""


HARDENINGS: Family[Hardening] = Family(Hardening)
"""The hardenings of radhard, and how they are read from text."""


def applied(model: nn.Module) -> list[str]:
    """The hardenings of a model, each once as its spec, such as ``["Ranger()"]``; empty if none."""
    return list(dict.fromkeys(part.by for _, part in parts(model)))


def _is_unchanged(model: nn.Module, draft: Draft) -> bool:
    """Whether a hardening protected no part and changed no tensor of the model."""
    # User-defined hardenings may change a model without a record of what they cover: then tensors
    # of the model must differ, or some must have been added.
    if any(coverage.covered for coverage in draft.coverage):
        return False
    added = fingerprint(draft.model) != fingerprint(model)
    # A record without anything covered says that nothing is protected, whatever was added.
    return (bool(draft.coverage) or not added) and has_same_tensors(draft.model, model)


def _check_scrubbed(model: nn.Module, draft: Draft) -> None:
    """Raise `InputError` where a tensor was changed that an earlier hardening corrects.

    It would take what was changed for an error, and correct it to something else.
    """
    before, after = model.state_dict(), draft.model.state_dict()
    for _, part in parts(model):
        for name in part.scrubbed:
            # As bytes, which differ also between zeros and between NaN.
            if name in after and not _same_bytes(before[name], after[name]):
                raise InputError(
                    f"{draft.by} changes {name!r}, which {part.by} corrects to what it was; apply "
                    f"{draft.by} first, and {part.by.partition('(')[0]} to its result"
                )


def _doubt_of_ranges(model: nn.Module, draft: Draft) -> str:
    """That parameters were changed after an earlier hardening measured values; empty if not."""
    earlier = [record.by for record in records(model) if record.samples]
    after = draft.model.state_dict()
    changed = [
        name
        for name, tensor in (model.named_parameters() if earlier else ())
        if name in after and not _same_bytes(tensor, after[name])
    ]
    if not changed:
        return ""
    return (
        f"{draft.by} changes {changed[0]!r} after {', '.join(earlier)} measured the ranges of "
        f"values, so that values may leave them without any fault; apply {draft.by} first"
    )


def _same_bytes(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    mine, theirs = (x.detach().contiguous().reshape(-1).view(torch.uint8) for x in (one, other))
    return mine.equal(theirs)


def _record(draft: Draft) -> Record:
    data = draft.workload.data
    return Record(
        draft.by,
        tuple(draft.coverage),
        tuple(draft.held_out),
        f"{data.name} ({len(data):,} samples)",
        digests(data) if draft.profiled else (),
        tuple(draft.findings),
    )


def has_same_tensors(hardened: nn.Module, model: nn.Module) -> bool:
    """Whether a hardened model contains all tensors of the original model unchanged."""
    tensors = hardened.state_dict()
    return all(
        name in tensors
        and tensors[name].shape == tensor.shape
        and bool((tensors[name] == tensor).all())
        for name, tensor in model.state_dict().items()
    )


def copied(model: nn.Module) -> nn.Module:
    """A copy of a model that shares no memory with it.

    Raises:
        InputError: it cannot be copied.
    """
    try:
        return copied_module(model)
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"{type(model).__name__} cannot be copied with copy.deepcopy, which hardening "
            f"requires: {error}"
        ) from error
