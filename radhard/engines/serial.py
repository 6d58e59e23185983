"""The reference: one trial after another, one forward pass a batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Campaign, Engine, Figures
from radhard.engines.exceptions import NOT_BY_FAULTS, of_faults
from radhard.errors import InputError
from radhard.injection import inject
from radhard.space import Numbers
from radhard.spec import component

__all__ = ["Serial"]


@component
class Serial(Engine):
    """One trial after another, one whole forward pass a batch: what all others must equal.

    A forward pass that ends in an exception under a fault, or in outputs of another shape, is a
    crash: its outputs count as NaN (detected, unrecoverable).
    """

    @property
    def whole(self) -> bool:
        return True

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        # No trial knows of another.
        yield from ([trial] for trial in range(len(campaign.trials)))

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        for trial in todo:
            faults = campaign.trials[trial]
            sample = campaign.sample(faults)
            outputs = faulty_outputs(campaign, faults, sample)
            if sample is None:
                figures = campaign.panel.score(outputs.unsqueeze(0))
            else:
                figures = campaign.panel.score_samples(outputs, torch.tensor([sample]))
            yield [trial], figures


def faulty_outputs(
    campaign: Campaign,
    faults: Numbers,
    sample: int | None = None,
    *,
    around: Callable[[int], AbstractContextManager[None]] | None = None,
) -> Tensor:
    """The outputs under faults, for all samples or for one: ``(samples, ...)``.

    All batches from the state that the model had, to which it comes back; within the trial, each
    finds what those before it left, as in anybody's own loop. ``around``: what is open while the
    batch of this number passes.

    A pass that ends in an exception is repeated: what does not come again, or comes without the
    fault too, is not the fault's doing and is raised.

    Raises:
        InputError: the forward pass never came to a struck tensor.
    """
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
            campaign.crashes[of_faults(faults)] = type(first).__name__
    finally:
        campaign.workload.state.restore(gradients=True)
    return outputs


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
