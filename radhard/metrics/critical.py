"""Did the prediction change, or is the output invalid?"""

from torch import Tensor

from radhard.metrics.base import SampleMetric
from radhard.metrics.column import CRITICAL, Column
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Critical"]


@component
class Critical(SampleMetric):
    """Shares of samples whose prediction changes, or whose output contains NaN.

    - ``critical``: the top class differs from the *golden* one, whether that is correct or not.
    - ``due``: detectable unrecoverable error: the output contains NaN, whatever its other values.

    As in `Outcome`, but without distinguishing masked faults from non-critical SDC, which no engine
    can do without computing every output.
    """

    by_answer = True
    by_change = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column("critical", "critical SDC", harm=CRITICAL, within_changes=True),
            Column("due", "DUE", higher_is_better=False, within_changes=True),
        )

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        return faulty.changed, faulty.nan
