"""The reference: one trial after another, one forward pass a batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

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
    """One trial after another, one whole forward pass a batch: the reference for other engines.

    A forward pass that ends in an exception under a fault, or in outputs of another shape, is a
    crash: its outputs count as NaN (detected, unrecoverable).
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
    """`Serial` for single trials in the middle of another engine's, with the crashes so far."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._session = SerialSession(campaign)
        self._crashes: dict[str, str] = {}

    def figures(self, trial: int) -> Figures:
        """The figures of a trial, ``(1, columns)``."""
        part = self._session.trial(trial)
        self._crashes.update(part.crashes)
        return part.figures

    def outputs(self, fault: int) -> Tensor:
        """The outputs of all samples under a fault."""
        faults = np.array([fault])
        outputs, crash = faulty_outputs(self._campaign, faults)
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
    """The result of one trial from its outputs, of all samples or of one."""
    if sample is None:
        figures = campaign.panel.score(outputs.unsqueeze(0))
    else:
        figures = campaign.panel.score_samples(outputs, torch.tensor([sample]))
    crashes = {} if crash is None else {of_faults(campaign.trials[trial]): crash}
    return TrialResults([trial], figures, crashes=crashes)


def faulty_outputs(
    campaign: Campaign,
    faults: Numbers,
    sample: int | None = None,
    *,
    around: Callable[[int], AbstractContextManager[None]] | None = None,
) -> tuple[Tensor, str | None]:
    """The outputs under faults, for all samples or for one, ``(samples, ...)``; and a crash.

    All batches from the state that the model had, to which it comes back; within the trial, each
    finds what those before it left, as in anybody's own loop. ``around``: what is open while the
    batch of this number passes.

    The crash is the type of an exception in which a pass ended. Such a pass is repeated: an
    exception that is not raised again, or also without the fault, is not caused by the fault and is
    passed on.

    Raises:
        InputError: the forward pass never came to a struck tensor.
    """
    crash: str | None = None
    once = partial(_passes, campaign, faults, sample, around or _alone)
    try:
        outputs, errors = once()
        if errors:
            campaign.workload.state.restore()
            _, again = once()
            first = next(iter(errors.values()))
            if _kinds(again) != _kinds(errors):
                first.add_note("The same trial did not fail in this way again: not the fault's.")
                raise first
            campaign.workload.state.restore()
            _, without = _passes(campaign, np.array([], np.int64), sample, _alone)
            if without:
                raise first
            crash = type(first).__name__
    finally:
        campaign.workload.state.restore(gradients=True)
    return outputs, crash


def _passes(
    campaign: Campaign,
    faults: Numbers,
    sample: int | None,
    around: Callable[[int], AbstractContextManager[None]],
) -> tuple[Tensor, dict[int, Exception]]:
    """Outputs, NaN where a batch crashed, and the exceptions by the number of the batch."""
    golden = campaign.panel.golden.outputs
    parts, errors = [], dict[int, Exception]()
    for number, (rows, batch) in enumerate(_batches(campaign, sample)):
        crash = torch.full_like(golden[rows.start : rows.stop], torch.nan)
        parts.append(crash)
        # Opened for every batch, for a pass that crashed half-way leaves calls uncounted.
        with (
            torch.no_grad(),
            inject(
                campaign.workload.model, campaign.space, faults, state=campaign.workload.state
            ) as injection,
            around(number),
        ):
            injection.rows = rows
            try:
                outputs = campaign.workload.call(campaign.workload.model, batch).detach().clone()
            except NOT_BY_FAULTS:
                raise
            except Exception as error:
                errors[number] = error
                continue
            if not injection.reached:
                raise InputError(
                    f"{campaign.space.describe(int(faults[0]))} was never computed in the forward "
                    "pass"
                )
            if outputs.shape == crash.shape:
                parts[-1] = outputs
    return torch.cat(parts), errors


def _kinds(errors: dict[int, Exception]) -> dict[int, type[Exception]]:
    return {number: type(error) for number, error in errors.items()}


def _alone(number: int) -> AbstractContextManager[None]:  # noqa: ARG001
    return nullcontext()


def _batches(campaign: Campaign, sample: int | None) -> Iterator[tuple[range, object]]:
    if sample is not None:
        yield range(sample, sample + 1), campaign.workload.data.rows(slice(sample, sample + 1))
        return
    for rows, batch in campaign.workload.data.batches(campaign.workload.batch):
        yield range(rows.start, rows.stop), batch
