"""Is what is drawn spread evenly, and does everything have the same chance?"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from radhard.analyses.deepvigor.plus.sampling import neurons_of, one_an_image, some


@given(
    st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=80),
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.integers(0, 2**32),
)
def test_every_weight_is_drawn_as_often_as_every_other(
    weights: list[float], answers: list[int], seed: int
) -> None:
    drawn = one_an_image(np.array(weights), np.array(answers), np.random.default_rng(seed))
    assert drawn.shape == (len(answers),)
    times = np.bincount(drawn, minlength=len(weights))
    assert abs(times - len(answers) / len(weights)).max() < 2


@given(st.integers(0, 2**32))
def test_images_of_each_answer_meet_weights_of_both_signs_in_their_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, answers = rng.normal(0.3, 1, 300), rng.integers(0, 5, 100)
    rising = weights[one_an_image(weights, answers, rng)] > 0
    for answer in range(5):
        mine = rising[answers == answer]
        # By chance alone it would be off by 2 times that in many cases.
        assert abs(mine.sum() - (weights > 0).mean() * len(mine)) < 3


def test_every_image_meets_every_weight_equally_often() -> None:
    weights, answers = np.linspace(-1, 1, 6), np.array([0, 0, 1, 1, 1, 2, 2, 2])
    met = np.zeros((8, 6))
    for seed in range(3000):
        drawn = one_an_image(weights, answers, np.random.default_rng(seed))
        met[np.arange(8), drawn] += 1
    # 500 expected, 20 the deviation of one of 48.
    assert abs(met - 500).max() < 90


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 2**32))
def test_each_equal_part_of_a_map_gives_a_neuron(count: int, wanted: int, seed: int) -> None:
    drawn = neurons_of(count, wanted, np.random.default_rng(seed))
    size = min(count, wanted)
    parts = np.arange(size) * (count / size)
    assert ((np.floor(parts) <= drawn) & (drawn <= parts + count / size)).all()
    assert drawn.max() < count
    if wanted >= count:
        assert drawn.tolist() == list(range(count))


def test_all_neurons_have_the_same_chance() -> None:
    rng = np.random.default_rng(5)
    times = np.bincount(np.concatenate([neurons_of(10, 3, rng) for _ in range(20_000)]))
    # Expected 6,000 each; the bound is five standard deviations.
    assert abs(times - 6000).max() < 5 * 6000**0.5


class _Highest:
    """A generator that always draws the largest number below 1."""

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, np.nextafter(1.0, 0.0))


def test_no_number_reaches_the_total_where_the_product_is_rounded_up() -> None:
    for total in range(2, 60):
        for wanted in range(1, total):
            drawn = some(total, wanted, 1, _Highest())  # type: ignore[arg-type]
            assert drawn.max() < total, (total, wanted)
            assert len(set(drawn.ravel().tolist())) == wanted
