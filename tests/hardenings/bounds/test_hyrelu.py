"""Is the ReLU with a bound that can be learnt the function that was published, sign corrected?"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.hardenings.bounds.hyrelu import HyReLU, smooth

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

numbers = st.floats(-20, 20)
bounds = st.floats(0.1, 10)
slopes = st.sampled_from([0.5, 5.0, 20.0, 200.0])


def of(x: float, high: float, slope: float) -> float:
    return smooth(
        torch.tensor([x], dtype=torch.float64), torch.tensor(high, dtype=torch.float64), slope
    ).item()


@given(numbers, bounds, slopes)
def test_it_is_the_equation_written_out(x, high, slope):
    bent = max(-700.0, min(700.0, slope * (high - x)))
    expected = max(0.0, x / (1 + math.exp(-bent)))
    assert of(x, high, slope) == pytest.approx(expected, rel=1e-9, abs=1e-30)


@given(bounds, slopes)
def test_it_is_zero_below_zero_half_at_the_bound_and_nothing_far_above(high, slope):
    assert of(-high, high, slope) == 0 == of(0.0, high, slope)
    assert of(high, high, slope) == pytest.approx(high / 2)
    assert of(high + 200 / slope, high, slope) == 0


@given(numbers, bounds)
def test_the_steeper_it_is_the_more_it_is_a_relu_cut_off_at_its_bound(x, high):
    if abs(x - high) > 1e-2:
        assert of(x, high, 1e5) == pytest.approx(x if 0 <= x <= high else 0.0, abs=1e-9)


@given(st.floats(0, 20), bounds, st.floats(0, 3), slopes)
def test_it_rises_with_its_bound(x, high, more, slope):
    assert of(x, high + more, slope) >= of(x, high, slope)


@given(st.floats(0.1, 10), bounds, st.sampled_from([0.5, 5.0, 20.0]))
def test_its_slope_in_the_bound_is_that_of_the_sigmoid(x, high, slope):
    bound = torch.tensor(high, dtype=torch.float64, requires_grad=True)
    smooth(torch.tensor(x, dtype=torch.float64), bound, slope).backward()
    share = 1 / (1 + math.exp(-slope * (high - x))) if slope * (high - x) > -700 else 0.0
    assert bound.grad.item() == pytest.approx(x * slope * share * (1 - share), rel=1e-6, abs=1e-30)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("high", [3.0, math.nan, math.inf, -1.0])
def test_what_is_not_finite_becomes_zero_whatever_the_bound(hard, high):
    part = HyReLU("test", shape=(), slope=20.0, hard=hard)
    part.high.fill_(high)
    found = part.after((), torch.tensor([math.nan, -math.inf, -2.0, 1.0]))
    assert found.tolist() == pytest.approx([0, 0, 0, 1 if high in (3.0, math.inf) else 0])
    if high != math.inf:
        assert part.after((), torch.tensor([math.inf])).item() == 0.0


def test_the_hard_form_changes_nothing_up_to_its_bound():
    part = HyReLU("test", shape=(2,), slope=20.0, hard=True)
    part.high.copy_(torch.tensor([1.0, 2.0]))
    found = part.after((), torch.tensor([[1.0, 2.0], [1.0001, 1.9], [0.0, 2.1]]))
    assert torch.equal(found, torch.tensor([[1.0, 2.0], [0.0, 1.9], [0.0, 0.0]]))
