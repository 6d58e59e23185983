"""Does the paired test say how likely chance is?"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.stats import paired_sign_flip

pairs = st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 4)), min_size=1, max_size=9)


@settings(deadline=None)
@given(pairs)
def test_few_trials_equal_the_enumeration_of_all_signs(rows: list[tuple[int, int]]) -> None:
    differences, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    weighted = differences * weights
    signs = np.array(list(itertools.product([-1, 1], repeat=len(rows))))
    sums = signs @ weighted
    one_sided = min((sums >= weighted.sum()).mean(), (sums <= weighted.sum()).mean())
    found = paired_sign_flip(differences, weights)
    assert found == pytest.approx(min(1.0, 2 * one_sided))


def test_no_change_is_never_significant() -> None:
    assert paired_sign_flip(np.zeros(500)) == 1.0


def test_clear_improvement_is_significant_and_repeatable() -> None:
    differences = np.random.default_rng(0).normal(-0.02, 0.05, 400)
    assert paired_sign_flip(differences) < 0.001
    assert paired_sign_flip(differences[:60], seed=3) == paired_sign_flip(differences[:60], seed=3)


def test_chance_alone_is_called_significant_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    found = [paired_sign_flip(rng.normal(0, 1, 9)) for _ in range(300)]
    assert 0.03 <= np.mean(np.array(found) <= 0.05) <= 0.075


def test_weights_decide() -> None:
    differences = [-1.0] * 6 + [1.0] * 6
    assert paired_sign_flip(differences) == 1.0
    assert paired_sign_flip(differences, [100.0] * 6 + [1.0] * 6) < 0.05


@pytest.mark.parametrize(
    ("differences", "weights"), [([], None), ([np.nan], None), ([1.0], [1, 2]), ([1.0], [-1.0])]
)
def test_unusable_input_is_refused(differences: list[float], weights: list[float] | None) -> None:
    with pytest.raises(InputError):
        paired_sign_flip(differences, weights)
