"""Did the fault spoil a right answer, mend a wrong one, or neither?"""

from torch import Tensor

from radhard.metrics.base import SampleMetric
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Corneliou"]


@component
class Corneliou(SampleMetric):
    """Shares of samples by what the fault did to a right or wrong answer; they sum to 1.

    After Corneliou et al., with the two classes that a faulty output may also fall in, ``masked``
    (every logit has its golden value) and ``due`` (the output holds NaN):

    =============================  =============  =============  ==============
    column                         golden answer  faulty answer  the two answers
    =============================  =============  =============  ==============
    ``tolerable_correct``          right          right          the same
    ``beneficial_correct``         wrong          right          differ
    ``tolerable_misclassified``    wrong          wrong          the same
    ``noimpact_misclassified``     wrong          wrong          differ
    ``critical_misclassified``     right          wrong          differ
    =============================  =============  =============  ==============
    """

    needs_labels = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (
            "masked",
            "tolerable_correct",
            "beneficial_correct",
            "tolerable_misclassified",
            "noimpact_misclassified",
            "critical_misclassified",
            "due",
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
