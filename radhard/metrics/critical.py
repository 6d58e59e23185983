"""Did the answer change, or the output break?"""

from torch import Tensor

from radhard.metrics.base import SampleMetric
from radhard.metrics.column import CRITICAL, Column
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Critical"]


@component
class Critical(SampleMetric):
    """Shares of samples whose answer changes, or whose output holds NaN.

    - ``critical``: the top class is another than the *golden* one, right or wrong.
    - ``due``: detectable, unrecoverable error: the output holds NaN, whatever else it holds.

    As `Outcome` judges them; it leaves out whether scores moved below an answer that stayed, which
    no engine can tell without computing every output.
    """

    by_answer = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return (Column("critical", "critical SDC", harm=CRITICAL), Column("due", "DUE"))

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        return faulty.changed, faulty.nan
