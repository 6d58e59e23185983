"""Are fault-free outputs unchanged after faulty passes?"""

import torch

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign
from radhard.errors import InputError
from radhard.metrics.logits import real

__all__ = ["OutsideStateError", "Recheck", "check_no_outside_state"]

_FIRST = 256
"""Number of trials before the first check; the number quadruples for each further check."""

_ALONE = 4
"""Number of samples that are checked if samples are passed alone."""


class OutsideStateError(InputError):
    """Forward passes change state that cannot be restored, so that no trial is reliable."""


_OUTSIDE = (
    "passes leave something behind outside the model's modules (in a global variable, a closure, "
    "an extension), which cannot be put back after a faulty pass; keep it in a buffer or an "
    "attribute of a module"
)


def check_no_outside_state(campaign: Campaign) -> None:
    """Verify, before the first trial, that all state changed by forward passes can be restored.

    Raises:
        OutsideStateError: some of it cannot be restored.
    """
    if campaign.workload.deterministic and campaign.workload.state_between_passes.outside:
        raise OutsideStateError(
            f"fault-free outputs are others after passes over other data: {_OUTSIDE}; "
            + _left("passes over inputs as large as a fault may make them, or NaN,")
        )


def _left(by: str) -> str:
    return f"the model may now hold there what {by} wrote: build it again before going on"


class Recheck:
    """Repeats a fault-free pass occasionally, and at the end, after the trials of one process."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._trials, self._due = 0, _FIRST

    def after(self, trials: int) -> None:
        """Count executed trials, and repeat a pass when it is due.

        Raises:
            OutsideStateError: fault-free outputs have changed.
        """
        self._trials += trials
        if self._trials >= self._due:
            # The passes of all checks together stay few, however many trials there are.
            self._due *= 4
            self.finish()

    def finish(self) -> None:
        """Repeat the first batch.

        Raises:
            OutsideStateError: fault-free outputs have changed.
        """
        campaign = self._campaign
        if not campaign.workload.deterministic or not self._trials:
            return
        # Restores writes that are recorded, so that the thorough comparison reports only the rest.
        campaign.workload.state.restore()
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
