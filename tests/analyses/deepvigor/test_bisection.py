"""Does the search narrow every bracket down, and soon?"""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.analyses.deepvigor.bisection import between

WIDTH = 0.05


def steps(threshold: float, wide: float, power: float) -> int:
    """How many deviations are tried until the bracket around a threshold is narrow."""

    def lead(at: float) -> float:
        return math.copysign(abs(threshold - at) ** power, threshold - at)

    safe, unsafe, taken = 0.0, wide, 0
    while unsafe - safe > WIDTH:
        ends = (safe, unsafe, lead(safe), lead(unsafe), wide)
        tried = between(*(torch.tensor([x], dtype=torch.float64) for x in ends), taken, WIDTH)
        (at,) = tried.tolist()
        assert safe < at < unsafe
        safe, unsafe = (at, unsafe) if at < threshold else (safe, at)
        taken += 1
    assert safe <= threshold <= unsafe
    return taken


@given(
    share=st.floats(1e-6, 1 - 1e-6),
    wide=st.sampled_from([1.0, 1e4, 490_000.0]),
    power=st.floats(0.2, 6),
)
def test_no_search_takes_more_than_one_step_more_than_bisection(
    share: float, wide: float, power: float
) -> None:
    assert steps(share * wide, wide, power) <= math.ceil(math.log2(wide / WIDTH)) + 2


@given(share=st.floats(1e-6, 1 - 1e-6))
def test_a_straight_line_is_found_in_half_the_steps(share: float) -> None:
    assert steps(share * 10_000, 10_000.0, 1.0) <= 9


def test_a_lead_that_is_no_number_leaves_the_middle() -> None:
    ends = [torch.tensor([0.0, 0.0]), torch.tensor([8.0, 8.0])]
    leads = [torch.tensor([1.0, math.nan]), torch.tensor([-math.inf, -1.0])]
    assert between(*ends, *leads, ends[1], 0, 0.5).tolist() == [4.0, 4.0]
