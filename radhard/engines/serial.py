"""The reference: one trial after another, one forward pass per batch."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults
from radhard.engines.exceptions import NOT_BY_FAULTS, of_faults
from radhard.errors import InputError
from radhard.injection import inject
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["Reference", "Serial", "SerialSession", "faulty_outputs", "judged"]


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


class SerialSession(Session):
    """Executes trials one by one."""

    def chunks(self) -> Iterator[Sequence[int]]:
        # No trial depends on another.
        yield from ([trial] for trial in range(len(self.campaign.trials)))

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        for trial in trials:
            yield self.trial(trial)

    def trial(self, trial: int) -> TrialResults:
        """Execute one trial."""
        campaign = self.campaign
        faults = campaign.trials[trial]
        sample = campaign.sample(faults)
        return judged(campaign, trial, sample, *faulty_outputs(campaign, faults, sample))


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


def judged(
    campaign: Campaign, trial: int, sample: int | None, outputs: Tensor, crash: str | None
) -> TrialResults:
    """The result of one trial, from its outputs for all samples or for one."""
    if sample is None:
        figures = campaign.panel.score(outputs.unsqueeze(0))
    else:
        figures = campaign.panel.score_samples(outputs, torch.tensor([sample]))
    crashes = {} if crash is None else {of_faults(campaign.trials[trial]): crash}
    return TrialResults([trial], figures, crashes=crashes)


def faulty_outputs(
    campaign: Campaign,
    faults: Numbers,
    sample: int | range | None = None,
    *,
    around: Callable[[int], AbstractContextManager[None]] | None = None,
    needed: Collection[int] | None = None,
) -> tuple[Tensor, str | None]:
    """The faulty outputs for all samples or some, ``(samples, ...)``, and the crash, if any.

    ``sample``: the only one that is passed, or some that are passed together; None for all.

    The trial starts from the saved state of the model, which is restored afterwards; within the
    trial, each batch sees the state left by the batches before it, as in an ordinary evaluation
    loop. ``around`` returns the context in which the batch of a given number is passed. ``needed``:
    only batches with one of these samples are passed; other outputs are the golden ones.

    The crash is the type of an exception raised by a pass. Such a trial is repeated with and
    without the fault: an exception that is not raised again, or is also raised without the fault,
    is not caused by the fault and is raised to the caller.

    Raises:
        InputError: the forward pass did not compute the tensor of the fault.
    """
    crash: str | None = None
    once = partial(_passes, campaign, faults, sample, around or _alone, needed)
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
) -> tuple[Tensor, dict[int, Exception]]:
    """Outputs, NaN for batches that crashed, and the exceptions by the number of the batch."""
    golden, workload = campaign.panel.golden.outputs, campaign.workload
    parts, errors = [], dict[int, Exception]()
    absent = campaign.absent(faults) if campaign.trials.single and len(faults) else None
    opened = partial(inject, workload.model, campaign.space, faults, state=workload.state)
    # Stored words stay faulty from batch to batch, with what the model itself writes to them.
    stored = not campaign.flows or not _flow(campaign, faults)
    with opened() if stored else nullcontext(None) as held:
        for number, (rows, batch) in enumerate(_batches(campaign, sample)):
            if needed is not None and not any(row in rows for row in needed):
                parts.append(golden[rows.start : rows.stop])
                continue
            # A pass that does not end outputs NaN, which counts as detectable and unrecoverable.
            crash = torch.full_like(golden[rows.start : rows.stop], torch.nan)
            parts.append(crash)
            if absent is not None:
                here = absent[0, rows.start : rows.stop]
                crash[here] = golden[rows.start : rows.stop][here]
                # No pass at all where the fault is present in no sample of the batch.
                if here.all():
                    continue
            # A value that flows is injected anew for every batch: a pass that crashes leaves calls
            # of modules uncounted, so that those of the next batch would be numbered wrongly.
            anew = opened() if held is None else nullcontext(held)
            with torch.no_grad(), anew as injection, around(number):
                injection.rows = rows
                outputs = _passed(campaign, batch)
                if isinstance(outputs, Exception):
                    errors[number] = outputs
                    continue
                if not injection.reached:
                    raise InputError(
                        f"{campaign.space.describe(int(faults[0]))} was never computed in the "
                        "forward pass"
                    )
                if outputs.shape == crash.shape:
                    parts[-1] = outputs
                    if absent is not None:
                        outputs[here] = crash[here]
    return torch.cat(parts), errors


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
    for rows, batch in campaign.workload.data.batches(campaign.workload.batch):
        yield range(rows.start, rows.stop), batch
