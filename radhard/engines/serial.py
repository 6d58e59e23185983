"""The reference: one trial after another, one forward pass a batch."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from radhard.engines.base import Campaign, Engine, Figures
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

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        # No trial knows of another.
        yield from ([trial] for trial in range(len(campaign.trials)))

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        for trial in todo:
            faults = campaign.trials[trial]
            sample = campaign.sample(faults)
            if sample is None:
                figures = campaign.panel.score(faulty_outputs(campaign, faults).unsqueeze(0))
            else:
                row = torch.tensor([sample])
                outputs = faulty_outputs(campaign, faults, sample)
                figures = campaign.panel.score_samples(outputs, row)
            yield [trial], figures


def faulty_outputs(campaign: Campaign, faults: Numbers, sample: int | None = None) -> Tensor:
    """The outputs under faults, for all samples or for one: ``(samples, ...)``.

    Raises:
        InputError: the forward pass never came to a struck tensor.
    """
    golden = campaign.panel.golden.outputs
    parts = []
    for rows, batch in _batches(campaign, sample):
        crash = torch.full_like(golden[rows.start : rows.stop], torch.nan)
        # Opened for every batch, for a pass that crashed half-way leaves calls uncounted.
        with torch.no_grad(), inject(campaign.model, campaign.space, faults) as injection:
            injection.rows = rows
            try:
                outputs = campaign.call(campaign.model, batch).detach().clone()
            except (InputError, MemoryError, torch.OutOfMemoryError):
                raise
            except Exception:  # the fault crashed the forward pass
                parts.append(crash)
                continue
            if not injection.reached:
                raise InputError(
                    f"{campaign.space.describe(int(faults[0]))} was never computed in the forward "
                    "pass"
                )
            parts.append(outputs if outputs.shape == crash.shape else crash)
    return torch.cat(parts)


def _batches(campaign: Campaign, sample: int | None) -> Iterator[tuple[range, object]]:
    if sample is not None:
        yield range(sample, sample + 1), campaign.data.rows(slice(sample, sample + 1))
        return
    for rows, batch in campaign.data.batches(campaign.batch):
        yield range(rows.start, rows.stop), batch
