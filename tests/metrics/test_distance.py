"""Is the distance of the outputs the mathematician's?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from radhard.metrics import Distance, Panel

from .drawn import FINITE, trials

INF, NAN = float("inf"), float("nan")


@given(trials(elements=FINITE))
def test_norms_of_the_differences_averaged_over_the_samples(
    drawn: tuple[Tensor, Tensor, Tensor],
) -> None:
    golden, faulty, _ = drawn
    figures = Panel([Distance(norm=1), Distance(), Distance(norm="inf")], golden).score(faulty)
    for outputs, found in zip(faulty.tolist(), figures, strict=True):
        moved = [
            [abs(a - b) for a, b in zip(f, g, strict=True)]
            for f, g in zip(outputs, golden.tolist(), strict=True)
        ]
        n = len(moved)
        expected = [
            math.fsum(map(math.fsum, moved)) / n,
            math.fsum(math.hypot(*row) for row in moved) / n,
            math.fsum(map(max, moved)) / n,
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_triangle_has_its_sides() -> None:
    panel = Panel([Distance()], torch.zeros(2, 2))
    assert panel.score(torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])).tolist() == [[2.5]]


def test_outputs_of_any_shape_are_one_vector_a_sample() -> None:
    golden, faulty = torch.randn(3, 2, 4, 5), torch.randn(6, 3, 2, 4, 5)
    flat = Panel([Distance()], golden.flatten(1)).score(faulty.flatten(2))
    assert np.array_equal(Panel([Distance()], golden).score(faulty), flat)


@pytest.mark.parametrize(
    ("faulty", "distance"), [(INF, INF), (-INF, INF), (NAN, NAN), (3.0, INF), (0.0, INF)]
)
@pytest.mark.parametrize("norm", [1, 2, "inf"])
def test_non_finite_outputs_stay_non_finite(norm: object, faulty: float, distance: float) -> None:
    metric = Distance(norm)  # type: ignore[arg-type]
    golden = torch.tensor([[0.0, 1.0], [INF if math.isfinite(faulty) else 1.0, 1.0]])
    outputs = torch.tensor([[[0.0, 1.0], [faulty, 1.0]]])
    np.testing.assert_equal(Panel([metric], golden).score(outputs)[0, 0], distance)


def test_equal_infinities_do_not_differ() -> None:
    golden = torch.tensor([[INF, -INF, 1.0]])
    assert Panel([Distance()], golden).score(golden[None]).tolist() == [[0.0]]
    assert Panel([Distance()], golden).score(-golden[None]).tolist() == [[INF]]


def test_single_precision_does_not_overflow() -> None:
    panel = Panel([Distance()], torch.zeros(1, 2))
    figure = panel.score(torch.tensor([[[3e38, 3e38]]]))[0, 0]
    assert figure == pytest.approx(math.sqrt(2) * 3e38, rel=1e-6)
