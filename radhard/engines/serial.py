"""The reference: one trial after another, one forward pass per batch."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults
from radhard.engines.exceptions import NOT_BY_FAULTS, of_faults
from radhard.errors import InputError
from radhard.injection import Injection, TrialCells, TrialWords, inject, inject_words
from radhard.notes import Note
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["Passed", "Reference", "Serial", "SerialSession", "faulty_outputs", "judged"]


@component
class Serial(Engine):
    """One trial after another, one forward pass per batch: the reference for other engines.

    If a fault causes an exception in a forward pass, or outputs of another shape, the pass counts
    as a crash: its outputs are set to NaN (detectable, unrecoverable).
    """

    @property
    def whole(self) -> bool:
        return True

    def prepare(self, campaign: Campaign) -> "SerialSession":
        return SerialSession(campaign)


_PREPARED = 64
"""Trials whose faulty words are computed together."""

_HELD_SECONDS, _HELD_ELEMENTS = 0.2, 2**20
"""For how long, and how many elements of outputs, trials are kept before they are judged."""


@dataclass(frozen=True, eq=False)
class Passed:
    """What came out of the passes of one trial."""

    trial: int
    sample: int | None
    """The only sample that was passed; None if all were."""
    outputs: Tensor
    """``(samples, ...)``."""
    crash: str | None


class SerialSession(Session):
    """Executes trials one by one.

    Only passes are: faulty words are computed, and outputs are judged, of several trials together,
    as each call of a tensor operation between two passes takes several times as long as it does by
    itself.
    """

    chunks_together = _PREPARED

    def __init__(self, campaign: Campaign, notes: Sequence[Note] = ()) -> None:
        super().__init__(campaign, notes)
        self._words = TrialWords(campaign.workload.model, campaign.space)

    def chunks(self) -> Iterator[Sequence[int]]:
        # No trial depends on another.
        yield from ([trial] for trial in range(len(self.campaign.trials)))

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        campaign = self.campaign
        passed: list[Passed] = []
        size, begun = campaign.panel.golden.outputs.numel(), time.monotonic()
        for at in range(0, len(trials), _PREPARED):
            some = trials[at : at + _PREPARED]
            faults = [campaign.trials[trial] for trial in some]
            for trial, own, words in zip(some, faults, self._words.of(faults), strict=True):
                try:
                    passed.append(self.passed(trial, own, words))
                except BaseException:
                    # What is finished is kept, also where Ctrl-C ends the run.
                    if passed:
                        yield judged(campaign, passed)
                    raise
                held = time.monotonic() - begun
                if len(passed) * size > _HELD_ELEMENTS or held > _HELD_SECONDS:
                    yield judged(campaign, passed)
                    passed, begun = [], time.monotonic()
        if passed:
            yield judged(campaign, passed)

    def trial(self, trial: int) -> TrialResults:
        """Execute one trial."""
        return judged(self.campaign, [self.passed(trial, self.campaign.trials[trial])])

    def passed(
        self, trial: int, faults: Numbers, words: Sequence[TrialCells] | None = None
    ) -> Passed:
        """Pass one trial; ``words`` are its faulty words, if they are known."""
        campaign = self.campaign
        sample = campaign.sample(faults)
        outputs, crash = faulty_outputs(campaign, faults, sample, words=words)
        return Passed(trial, sample, outputs, crash)


class Reference:
    """Executes single trials of another engine with `Serial`, and collects their crashes."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._session = SerialSession(campaign)
        self._crashes: dict[str, str] = {}

    def figures(self, trial: int) -> Figures:
        """The figures of a trial, ``(1, columns)``."""
        part = self._session.trial(trial)
        self._crashes.update(part.crashes)
        return part.figures

    def outputs(self, fault: int, sample: int | None = None) -> Tensor:
        """The outputs of all samples with a fault, or of one, ``(samples, ...)``."""
        faults = np.array([fault])
        outputs, crash = faulty_outputs(self._campaign, faults, sample)
        if crash is not None:
            self._crashes[of_faults(faults)] = crash
        return outputs

    def take_crashes(self) -> dict[str, str]:
        """The crashes since the last call, for `TrialResults.crashes`."""
        crashes, self._crashes = self._crashes, {}
        return crashes


def judged(campaign: Campaign, passed: Sequence[Passed]) -> TrialResults:
    """The results of some trials, from their outputs."""
    panel, first = campaign.panel, passed[0]
    alike = all(
        (one.sample is None) == (first.sample is None) and one.outputs.dtype == first.outputs.dtype
        for one in passed
    )
    if not alike:
        # As of trials that affect one sample beside such that affect all.
        parts = [judged(campaign, [one]).figures for one in passed]
        figures = np.concatenate(parts)
    elif first.sample is None:
        figures = panel.score(torch.stack([one.outputs for one in passed]))
    else:
        samples = torch.tensor([one.sample for one in passed])
        figures = panel.score_samples(torch.cat([one.outputs for one in passed]), samples)
    crashes = {
        of_faults(campaign.trials[one.trial]): one.crash for one in passed if one.crash is not None
    }
    return TrialResults([one.trial for one in passed], figures, crashes=crashes)


def faulty_outputs(
    campaign: Campaign,
    faults: Numbers,
    sample: int | range | None = None,
    *,
    around: Callable[[int], AbstractContextManager[None]] | None = None,
    needed: Collection[int] | None = None,
    words: Sequence[TrialCells] | None = None,
) -> tuple[Tensor, str | None]:
    """The faulty outputs for all samples or some, ``(samples, ...)``, and the crash, if any.

    ``sample``: the only one that is passed, or some that are passed together; None for all.

    The trial starts from the saved state of the model, which is restored afterwards; within the
    trial, each batch sees the state left by the batches before it, as in an ordinary evaluation
    loop. ``around`` returns the context in which the batch of a given number is passed. ``needed``:
    only batches with one of these samples are passed; other outputs are the golden ones. ``words``:
    the faulty words, if all faults are in stored tensors and their values are known.

    The crash is the type of an exception raised by a pass. Such a trial is repeated with and
    without the fault: an exception that is not raised again, or is also raised without the fault,
    is not caused by the fault and is raised to the caller.

    Raises:
        InputError: the forward pass did not compute the tensor of the fault.
    """
    crash: str | None = None
    once = partial(_passes, campaign, faults, sample, around or _alone, needed, words)
    try:
        outputs, errors = once()
        if errors:
            campaign.workload.state.restore()
            _, again = once()
            first = next(iter(errors.values()))
            # Compared by batch and type, not by message, which may contain addresses or faulty
            # values.
            if _kinds(again) != _kinds(errors):
                first.add_note("The same trial did not fail in this way again: not the fault's.")
                raise first
            campaign.workload.state.restore()
            _, without = _passes(campaign, np.array([], np.int64), sample, _alone)
            # The model fails on this data without any fault as well.
            if without:
                raise first
            crash = type(first).__name__
    finally:
        campaign.workload.state.restore(gradients=True)
    return outputs, crash


def _passes(
    campaign: Campaign,
    faults: Numbers,
    sample: int | range | None,
    around: Callable[[int], AbstractContextManager[None]],
    needed: Collection[int] | None = None,
    words: Sequence[TrialCells] | None = None,
) -> tuple[Tensor, dict[int, Exception]]:
    """Outputs, NaN for batches that crashed, and the exceptions by the number of the batch."""
    golden, workload = campaign.panel.golden.outputs, campaign.workload
    parts, errors = [], dict[int, Exception]()
    absent = campaign.absent(faults) if campaign.trials.single and len(faults) else None
    opened: Callable[[], AbstractContextManager[Injection]]
    opened = partial(inject, workload.model, campaign.space, faults, state=workload.state)
    if words is not None:
        opened = partial(inject_words, workload.model, words, workload.state)
    # Stored words stay faulty from batch to batch, with what the model itself writes to them.
    stored = words is not None or not campaign.flows or not _flow(campaign, faults)
    with torch.no_grad(), opened() if stored else nullcontext(None) as held:
        for number, (rows, batch) in enumerate(_batches(campaign, sample)):
            expected = golden[rows.start : rows.stop]
            here = None if absent is None else absent[0, rows.start : rows.stop]
            # No pass at all where the fault is present in no sample of the batch.
            left_out = needed is not None and not any(row in rows for row in needed)
            if left_out or (here is not None and bool(here.all())):
                parts.append(expected)
                continue
            # A value that flows is injected anew for every batch: a pass that crashes leaves calls
            # of modules uncounted, so that those of the next batch would be numbered wrongly.
            with opened() if held is None else nullcontext(held) as injection, around(number):
                injection.rows = rows
                outputs = _passed(campaign, batch)
                if isinstance(outputs, Exception):
                    errors[number] = outputs
                elif not injection.reached:
                    raise InputError(
                        f"{campaign.space.describe(int(faults[0]))} was never computed in the "
                        "forward pass"
                    )
            if isinstance(outputs, Exception) or outputs.shape != expected.shape:
                # A pass that does not end outputs NaN, which counts as detectable and
                # unrecoverable.
                outputs = torch.full_like(expected, torch.nan)
            if here is not None:
                outputs[here] = expected[here]
            parts.append(outputs)
    return parts[0] if len(parts) == 1 else torch.cat(parts), errors


def _flow(campaign: Campaign, faults: Numbers) -> bool:
    """Whether some of the faults are in values that flow through the model."""
    places, _, _ = campaign.space.locate(faults)
    return any(campaign.space.sites[place].flows for place in set(places.tolist()))


def _passed(campaign: Campaign, batch: Any) -> Tensor | Exception:
    """The outputs of a pass, or the exception that it raised, perhaps because of a fault."""
    workload = campaign.workload
    try:
        # A copy: the model may return a tensor that the next pass overwrites.
        return workload.call(workload.model, batch).detach().clone()
    except NOT_BY_FAULTS:
        raise
    except Exception as error:
        return error


def _kinds(errors: dict[int, Exception]) -> dict[int, type[Exception]]:
    return {number: type(error) for number, error in errors.items()}


def _alone(number: int) -> AbstractContextManager[None]:  # noqa: ARG001
    return nullcontext()


def _batches(campaign: Campaign, sample: int | range | None) -> Iterator[tuple[range, object]]:
    if sample is not None:
        some = range(sample, sample + 1) if isinstance(sample, int) else sample
        yield some, campaign.workload.data.rows(slice(some.start, some.stop))
        return
    yield from campaign.batches
