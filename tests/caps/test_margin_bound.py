"""What do margins lose behind one layer, computed by hand?"""

import numpy as np
import pytest
import torch
from torch.nn import functional as nnf

from radhard.caps.interval import Interval
from radhard.caps.linear_operations import Average, Product
from radhard.caps.margin_bound import UNDERFLOW, Loss, MarginBound
from radhard.caps.rounding_bounds import LARGEST, rounding_bound

GOLDEN = (0.5, 1e6)
"""The inputs of a layer that returns them as the logits of two classes."""


def loss(radius: float, golden: tuple[float, float] = GOLDEN) -> Loss:
    """Of the margins of the first class, if the first input deviates by at most a radius."""
    values = torch.tensor([golden], dtype=torch.float64)
    layer = Product(1, (0,), nnf.linear, torch.eye(2, dtype=torch.float64), None)
    # A margin is the logit of the first class less that of another.
    gradients = torch.tensor([[0.0, 0.0], [1.0, -1.0]], dtype=torch.float64)
    margins = torch.tensor([torch.inf, 1.0], dtype=torch.float64)
    both = {0: values, 1: values}
    bound = MarginBound([layer], both, {0: gradients, 1: gradients}, 1, 0, margins, 1)
    rad = torch.tensor([[radius, 0.0]], dtype=torch.float64)
    return bound.loss(0, Interval(torch.zeros_like(rad), rad), None)


@pytest.mark.parametrize("radius", [0.0, 0.25, 8.0])
def test_only_sums_that_deviate_round_otherwise_and_both_passes_round(radius):
    found = loss(radius)
    # A product, its sum with the other one, and more for a bias that may be there.
    error = (0.5 + radius) * 2 * rounding_bound(4) + UNDERFLOW if radius else 0.0
    assert found.bent.tolist() == [
        [pytest.approx(0.0, abs=1e-8), pytest.approx(error, rel=1e-2, abs=1e-12)]
    ]
    # Its logit falls by the radius, and the other one, a million, stays as it is.
    assert found.whole[0, 1].item() == pytest.approx(radius + error, rel=1e-9)


@pytest.mark.parametrize(("part", "finite"), [(0.999, True), (1.001, False)])
def test_nothing_is_known_where_the_faulty_pass_may_overflow(part, finite):
    # As its interval includes 0, a deviation is at most twice the radius.
    found = loss(part * (LARGEST - 1e37) / 2, (1e37, 0.0))
    assert found.bent.isfinite().all() == finite
    assert found.whole.isfinite().all() == finite


def test_the_rounding_of_an_average_grows_with_its_window():
    # Added one by one, numbers of half a unit in the last place of 1 are all lost.
    values = np.array([1.0] + [2.0**-24] * 63, dtype=np.float32)
    added = np.float32(0)
    for value in values:
        added = np.float32(added + value)
    lost = abs(float(added) - values.astype(np.float64).sum()) / 64
    golden = {0: torch.from_numpy(values).double().reshape(1, 1, 8, 8)}
    average = Average(1, (0,), lambda x: nnf.avg_pool2d(x, 8), 64)
    magnitude = float(average.magnitude(golden))
    assert rounding_bound(2) * magnitude < lost <= rounding_bound(average.terms) * magnitude
