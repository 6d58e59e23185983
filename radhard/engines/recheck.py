"""Are fault-free outputs still what they were, after faulty passes?"""

import torch

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign
from radhard.errors import InputError
from radhard.metrics.logits import real

__all__ = ["OutsideStateError", "Recheck", "demand_no_outside_state"]

_FIRST = 256
"""Trials before the first look; each further one comes after four times as many."""

_ALONE = 8
"""Samples that are looked at where samples pass alone."""


class OutsideStateError(InputError):
    """Passes leave something behind that was not put back: no trial can be trusted."""


_OUTSIDE = (
    "passes leave something behind outside the model's modules (in a global variable, a closure, "
    "an extension), which cannot be put back after a faulty pass; keep it in a buffer or an "
    "attribute of a module"
)


def demand_no_outside_state(campaign: Campaign) -> None:
    """See to it, before the first trial, that everything passes leave behind can be put back.

    Raises:
        OutsideStateError: it cannot.
    """
    if campaign.workload.deterministic and campaign.workload.state_between_passes.outside:
        raise OutsideStateError(
            f"fault-free outputs are others after passes over other data: {_OUTSIDE}; "
            + _left("passes over inputs as large as a fault may make them, or NaN,")
        )


def _left(by: str) -> str:
    return f"the model may now hold there what {by} wrote: build it again before going on"


class Recheck:
    """Repeats a fault-free pass now and then, and at the end, after the trials of one process."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._trials, self._due = 0, _FIRST

    def after(self, trials: int) -> None:
        """So many more trials were executed.

        Raises:
            OutsideStateError: fault-free outputs are not what they were.
        """
        self._trials += trials
        if self._trials >= self._due:
            self._due *= 4
            self.finish()

    def finish(self) -> None:
        """Repeat the first batch.

        Raises:
            OutsideStateError: fault-free outputs are not what they were.
        """
        campaign = self._campaign
        if not campaign.workload.deterministic or not self._trials:
            return
        campaign.workload.state.restore()  # what is known to be written
        if names := campaign.workload.state.restore(thorough=True):
            raise OutsideStateError(
                f"a faulty pass wrote {', '.join(map(repr, names[:5]))} in a way that leaves no "
                "trace (.data, NumPy), so that later trials began with it; write with "
                "torch.no_grad() instead"
            )
        golden = campaign.panel.golden.outputs
        batches = min(_ALONE, len(campaign.workload.data)) if campaign.panel.golden.alone else 1
        try:
            with torch.no_grad():
                for number in range(batches):
                    rows = slice(
                        number * campaign.workload.batch, (number + 1) * campaign.workload.batch
                    )
                    batch = mapped(campaign.workload.data.rows(rows), torch.clone)
                    outputs = real(campaign.workload.call(campaign.workload.model, batch))
                    campaign.workload.state.restore()
                    expected = golden[rows]
                    if outputs.shape != expected.shape or not torch.equal(outputs, expected):
                        raise OutsideStateError(
                            f"fault-free outputs are others than before the trials: {_OUTSIDE}; "
                            + _left("faulty passes")
                        )
        finally:
            campaign.workload.state.restore()
