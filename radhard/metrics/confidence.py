"""How much does the confidence in the golden prediction change?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["ConfidenceShift", "ObservedSafe"]


@component
class ConfidenceShift(SampleMetric):
    """Share of samples whose confidence changes by more than a share of itself, up or down.

    The confidence is the probability (the softmax of logits) of the *golden* top class, ``p``
    without and ``q`` with the fault; a sample counts if ``|q - p| / p > share``, and not if they
    are equal. ``ConfidenceShift(0.1)`` and ``ConfidenceShift(0.2)`` are SDC-10% and SDC-20% (Li et
    al., SC 2017). An output with NaN is not silent and counts 0; `Outcome` counts it as DUE.
    """

    share: float

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column(
                "shifted",
                f"confidence moved by more than {100 * self.share:g} %",
                higher_is_better=False,
            ),
        )

    def check(self) -> None:
        _check_share("ConfidenceShift", self.share)

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        golden = faulty.of_golden(faulty.golden.confidence)
        # False for NaN, which is not silent.
        return ((faulty.confidence - golden).abs() > self.share * golden,)


@component
class ObservedSafe(SampleMetric):
    """Shares of samples that are masked, observed safe, or observed unsafe; they sum to 1.

    - ``masked``: every logit has its golden value.
    - ``observed_safe``: the confidence in the golden top class falls by at most ``share`` of
      itself, or rises.
    - ``observed_unsafe``: it falls by more, or the output contains NaN (Bosio et al., LATS 2019).
    """

    share: float = 0.05

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column("masked", "masked", higher_is_better=True),
            Column("observed_safe", "observed safe"),
            Column("observed_unsafe", "observed unsafe", higher_is_better=False),
        )

    def check(self) -> None:
        _check_share("ObservedSafe", self.share)

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        golden = faulty.of_golden(faulty.golden.confidence)
        # A comparison with NaN is False, so that NaN counts as unsafe.
        # A masked sample is safe even if the softmax of a chunk rounds its last digit differently.
        safe = (golden - faulty.confidence <= self.share * golden) | faulty.identical
        return faulty.identical, safe & ~faulty.identical, ~safe


def _check_share(name: str, share: float) -> None:
    if not 0 <= share < float("inf"):
        raise InputError(f"{name}: share={share!r} is not allowed; give a number from 0, as 0.05")
