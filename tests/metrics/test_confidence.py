"""Is the confidence in the golden answer followed rightly?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.metrics import ConfidenceShift, Metric, ObservedSafe, Panel

from .drawn import FINITE, trials
from .plain import broken, confidence, ranked

INF, NAN = float("inf"), float("nan")
HALF = [0.0, 0.0, -INF, -INF]  # golden top class 0, with confidence 1/2 exactly
SHARES = st.sampled_from([0.05, 0.1, 0.2, 0.5])


def verdict(metric: Metric, faulty: list[float], golden: list[float] | None = None) -> str:
    """The name of the column that is 1; "none" where all are 0."""
    panel = Panel([metric], torch.tensor([HALF if golden is None else golden]))
    figures = panel.score(torch.tensor([[faulty]]))[0]
    names = [name for name, figure in zip(names_of(metric), figures, strict=True) if figure == 1]
    return names[0] if names else "none"


def relative_shift(golden: list[float], faulty: list[float]) -> float:
    top = ranked(golden)[0]
    return confidence(faulty, top) / confidence(golden, top) - 1


@given(trials(), SHARES)
def test_shares_are_the_counts_of_single_verdicts(
    drawn: tuple[Tensor, Tensor, Tensor], share: float
) -> None:
    golden, faulty, _ = drawn
    panel = Panel([ConfidenceShift(share), ObservedSafe(share)], golden)
    figures = panel.score(faulty)
    for outputs, found in zip(faulty.tolist(), figures, strict=True):
        pairs = list(zip(golden.tolist(), outputs, strict=True))
        shifts = [NAN if broken(f) else relative_shift(g, f) for g, f in pairs]
        if any(abs(abs(shift) - share) < 1e-9 for shift in shifts):
            continue  # the boundary has its own tests, with exact numbers
        n = len(pairs)
        masked = [f == g for g, f in pairs]
        unsafe = [math.isnan(shift) or shift < -share for shift in shifts]
        expected = [
            sum(abs(shift) > share for shift in shifts) / n,
            sum(masked) / n,
            (n - sum(masked) - sum(unsafe)) / n,
            sum(unsafe) / n,
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("faulty", "shifted", "observed"),
    [
        (HALF, "none", "masked"),
        ([0.0, 0.0, 0.0, 0.0], "none", "observed_safe"),  # 1/4: falls by 50 %, the boundary
        ([-0.1, 0.0, 0.0, 0.0], "shifted", "observed_unsafe"),
        ([0.0, -INF, -INF, -INF], "shifted", "observed_safe"),  # rises from 1/2 to 1
        ([INF, 9.0, 0.0, 0.0], "shifted", "observed_safe"),
        ([9.0, INF, 0.0, 0.0], "shifted", "observed_unsafe"),
        ([NAN, 0.0, 0.0, 0.0], "none", "observed_unsafe"),
        ([0.0, 0.0, -INF, NAN], "none", "observed_unsafe"),
    ],
)
def test_verdict_on_one_output(faulty: list[float], shifted: str, observed: str) -> None:
    share = 0.5
    assert verdict(ConfidenceShift(share), faulty) == shifted
    assert verdict(ObservedSafe(share), faulty) == observed


@given(trials(elements=FINITE), SHARES)
def test_nan_in_any_probability_is_neither_silent_nor_safe(
    drawn: tuple[Tensor, Tensor, Tensor], share: float
) -> None:
    golden, faulty, classes = drawn
    golden = golden.softmax(-1, dtype=torch.float64)
    # NaN in one class of some samples; the others have none.
    place = nn.functional.one_hot(classes, golden.shape[-1]).bool() & (faulty[..., :1] > 0)
    faulty = faulty.softmax(-1, dtype=torch.float64).masked_fill(place, NAN)
    metrics = [
        ConfidenceShift(share, outputs="probabilities"),
        ObservedSafe(share, outputs="probabilities"),
    ]
    figures = Panel(metrics, golden).score(faulty)
    for outputs, found in zip(faulty.tolist(), figures, strict=True):
        shifted = masked = safe = 0
        for p, q in zip(golden.tolist(), outputs, strict=True):
            top = ranked(p)[0]
            if abs(abs(q[top] - p[top]) - share * p[top]) < 1e-9:
                return  # at the boundary, rounding decides
            shifted += not broken(q) and abs(q[top] - p[top]) > share * p[top]
            masked += p == q
            safe += not broken(q) and p != q and p[top] - q[top] <= share * p[top]
        n = len(golden)
        np.testing.assert_allclose(
            found, [shifted / n, masked / n, safe / n, (n - masked - safe) / n], atol=1e-15
        )


@pytest.mark.parametrize("faulty", [[0.7, NAN, 0.1], [0.1, NAN, 0.2], [NAN, 0.2, 0.1]])
def test_a_probability_of_nan_beside_the_top_class_is_unsafe(faulty: list[float]) -> None:
    golden = [0.7, 0.2, 0.1]
    assert verdict(ConfidenceShift(0.05, outputs="probabilities"), faulty, golden) == "none"
    safe = ObservedSafe(0.05, outputs="probabilities")
    assert verdict(safe, faulty, golden) == "observed_unsafe"


@given(trials())
def test_an_unchanged_output_is_masked_at_share_zero(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, _, _ = drawn
    figures = Panel([ConfidenceShift(0), ObservedSafe(0)], golden).score(golden.expand(3, -1, -1))
    assert (figures == [0, 1, 0, 0]).all()


@pytest.mark.parametrize("share", [-0.1, NAN, INF])
def test_share_is_a_number_from_zero(share: float) -> None:
    with pytest.raises(InputError, match="ConfidenceShift: share="):
        ConfidenceShift(share)
    with pytest.raises(InputError, match="ObservedSafe: share="):
        ObservedSafe(share)


def names_of(metric):
    return [column.name for column in metric.figures]
