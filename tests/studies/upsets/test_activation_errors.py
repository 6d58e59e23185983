"""Are the errors of activations those of the bits that are flipped?"""

import math

import numpy as np
import pytest
import torch

from radhard.errors import InputError
from radhard.stats import clopper_pearson
from radhard.studies.upsets.activation_errors import (
    ActivationErrors,
    _distinct,
    activation_errors,
)

DARK = torch.zeros(3, 1, 6, 6)
N = 40_000


def agrees(found, share):
    """Whether a share is compatible with what was counted; the seed is fixed."""
    low, high = clopper_pearson(int(found.sum()), len(found), 0.999)
    return low <= share <= high


def test_on_dark_images_half_of_the_activations_are_zero_and_their_flips_are_known():
    # The value is the bias, uniform around 0, after the ReLU.
    one, two, spread, three, _ = activation_errors(DARK, (1, 2, 3), N, seed=0)
    # A flipped sign does not change 0; bit 30 makes it 2, bit 29 the square root of the smallest.
    assert agrees(one.errors == 0, 1 / 64)
    assert agrees(one.errors == 2.0, 1 / 64)
    assert agrees(one.errors == 2.0**-63, 1 / 64)
    # Of two flips in one 0, one is not that of the sign.
    assert not (two.errors == 0).any()
    # In a map, all values are 0, and both flips have to be those of signs.
    assert agrees(spread.errors == 0, 1 / 2048)
    assert 0 < one.typical < 1 / 3
    for each in (one, two, spread, three):
        assert len(each.errors) == N
        sizes = np.abs(each.errors)
        assert each.above(1.0).value == pytest.approx(np.mean(~(sizes <= each.typical)))


def test_errors_of_a_row_do_not_depend_on_the_other_rows():
    rows = {(e.flips, e.reading): e.errors for e in activation_errors(DARK, (1, 2), 50, seed=4)}
    again = activation_errors(DARK, (2,), 50, seed=4)
    for each in again:
        np.testing.assert_array_equal(each.errors, rows[each.flips, each.reading])
    other = activation_errors(DARK, (2,), 50, seed=5)
    assert not np.array_equal(other[0].errors, again[0].errors)


def test_choices_of_different_positions_are_equally_likely():
    drawn = np.sort(_distinct(4, N, 2, np.random.default_rng(1)), axis=1)
    assert (drawn[:, 0] < drawn[:, 1]).all()
    pairs, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(pairs) == 6
    assert all(agrees(np.arange(N) < count, 1 / 6) for count in counts)


def test_figures_count_what_is_not_finite_as_the_largest_errors():
    errors = np.array([0.0, -1.0, 1.0, 3.0, math.inf, -math.inf, math.nan, 0.5])
    found = ActivationErrors(1, "value", errors, 1.0)
    assert found.sizes.tolist() == [0, 1, 1, 3, math.inf, math.inf, math.inf, 0.5]
    assert found.above(1.0).value == 4 / 8
    assert found.above(1000.0).value == 3 / 8
    assert found.unchanged().value == 1 / 8
    assert found.quantile(0.5).value == 1.0


def test_median_on_one_side_of_zero_has_a_distance_from_it():
    found = ActivationErrors(1, "value", -np.linspace(1, 3, 999), 2.0).middle()
    assert found.value == pytest.approx(1.0)
    assert 0.9 < found.low < 1 < found.high < 1.1
    around = ActivationErrors(1, "value", np.linspace(-1, 1.01, 999), 2.0).middle()
    assert around.low == 0


@pytest.mark.parametrize("images", [torch.zeros(2, 3, 6, 6), torch.zeros(2, 1, 2, 9)])
def test_images_without_a_place_for_the_filter_are_refused(images):
    with pytest.raises(InputError, match="grey images"):
        activation_errors(images, (1,), 10, seed=0)
