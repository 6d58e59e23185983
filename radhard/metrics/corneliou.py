"""Did the fault turn a correct prediction into a wrong one, or a wrong one into a correct one?"""

from torch import Tensor

from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column, Harm
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Corneliou"]


@component
class Corneliou(SampleMetric):
    """Shares of samples by the effect on correct and wrong predictions; they sum to 1.

    After Corneliou et al., with two further classes for faulty outputs, ``masked`` (every logit has
    its golden value) and ``due`` (the output contains NaN):

    =============================  =================  =================  ==========
    column                         golden prediction  faulty prediction  the two
    =============================  =================  =================  ==========
    ``tolerable_correct``          correct            correct            equal
    ``beneficial_correct``         wrong              correct            differ
    ``tolerable_misclassified``    wrong              wrong              equal
    ``noimpact_misclassified``     wrong              wrong              differ
    ``critical_misclassified``     correct            wrong              differ
    =============================  =================  =================  ==========
    """

    needs_labels = True

    @property
    def columns(self) -> tuple[Column, ...]:
        harm = Harm("rate of correct predictions made wrong", "predictions made wrong", order=30)
        return (
            Column("masked", "masked", higher_is_better=True),
            Column("tolerable_correct", "correct before and after"),
            Column("beneficial_correct", "wrong before, correct after", higher_is_better=True),
            Column("tolerable_misclassified", "wrong before and after, the same class"),
            Column("noimpact_misclassified", "wrong before and after, another class"),
            Column("critical_misclassified", "correct before, wrong after", harm=harm),
            Column("due", "DUE", higher_is_better=False),
        )

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        before = faulty.of_golden(faulty.golden.right)
        same = ~(faulty.identical | faulty.changed | faulty.nan)
        return (
            faulty.identical,
            same & before,
            faulty.changed & faulty.right,
            same & ~before,
            faulty.changed & ~faulty.right & ~before,
            faulty.changed & before,
            faulty.nan,
        )
