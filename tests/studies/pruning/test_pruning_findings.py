"""Are the figures of pruned networks those that their answers give by hand?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from radhard.cost import Cost
from radhard.errors import InputError
from radhard.studies.pruning import Cut, PruningFindings

WHOLE = Cost(100, 0, 3200, 1000)
RATIOS = (0.1, 0.5)


def cut(ranking, pair, right, *, parameters=50, macs=500, tuned=False, draw=0):
    size = Cost(parameters, 0, 32 * parameters, macs)
    return Cut(ranking, pair, tuned, draw, np.array(right, dtype=bool), size)


def findings(*cuts, right=(1, 1, 1, 0)):
    places = ("convolutions", "linear layers", "both")
    answers = np.array(right, dtype=bool)
    even = np.arange(len(answers)) % 2 == 0
    return PruningFindings("by hand", answers, WHOLE, places, RATIOS, cuts, even)


FOUND = findings(
    cut("mine", (0.1, 0.0), [1, 1, 1, 0]),
    cut("mine", (0.5, 0.0), [1, 0, 0, 0]),
    cut("chance", (0.1, 0.0), [0, 0, 1, 1], draw=0),
    cut("chance", (0.1, 0.0), [0, 1, 1, 1], draw=1),
    cut("chance", (0.5, 0.0), [0, 0, 0, 0], draw=0),
    cut("chance", (0.5, 0.0), [1, 0, 0, 0], draw=1),
)


def test_draws_and_ratios_weigh_alike_and_pairs_are_of_the_same_image():
    pairs = FOUND.pairs("convolutions")
    assert pairs == [(0.1, 0.0), (0.5, 0.0)]
    assert FOUND.accuracy("chance", pairs[0], tuned=False).value == pytest.approx(5 / 8)
    gain = FOUND.gain("mine", "chance", pairs, tuned=False)
    by_image = [(1 + 0.5) / 2, 0.25, 0.0, -0.5]
    assert gain.value == pytest.approx(100 * np.mean(by_image))
    assert (gain.unit, gain.trials) == ("points", 4)
    assert FOUND.gain("mine", "mine", pairs, tuned=False).value == 0


def test_points_lost_are_the_gain_of_the_whole_network():
    assert FOUND.lost("mine", [(0.5, 0.0)], tuned=False).value == pytest.approx(50)
    assert FOUND.lost("mine", [(0.1, 0.0)], tuned=False).value == 0


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_interval_of_a_gain_is_about_that_of_a_paired_t_test(seed):
    chance = np.random.default_rng(seed)
    one, other = (chance.random(2000) < share for share in (0.8, 0.7))
    found = findings(
        cut("one", (0.1, 0.0), one), cut("other", (0.1, 0.0), other), right=np.ones(2000)
    )
    gain = found.gain("one", "other", [(0.1, 0.0)], tuned=False)
    test = stats.ttest_rel(one.astype(float), other.astype(float)).confidence_interval(0.95)
    assert gain.low == pytest.approx(100 * test.low, abs=0.4)
    assert gain.high == pytest.approx(100 * test.high, abs=0.4)


def test_smallest_is_chosen_by_some_images_and_judged_by_the_others():
    whole = [1] * 8
    kept, worse = [1, 0] * 4, [0, 1] * 4
    found = findings(
        cut("mine", (0.1, 0.0), kept, parameters=60),
        cut("mine", (0.5, 0.0), worse, parameters=20),
        cut("mine", (0.5, 0.5), kept, parameters=10, tuned=True),
        cut("other", (0.5, 0.0), whole, parameters=10),
        right=whole,
    )
    chosen = found.smallest("mine", tuned=False, loss=1.0)
    assert chosen.pair == (0.1, 0.0)
    assert found.lost_elsewhere(chosen).value == 100
    assert found.smallest("mine", tuned=False, loss=100.0).pair == (0.5, 0.0)
    assert found.smallest("mine", tuned=True, loss=1.0).pair == (0.5, 0.5)


def test_where_every_cut_loses_too_much_the_whole_network_is_left():
    found = findings(cut("mine", (0.1, 0.0), [0, 0, 0, 0]))
    left = found.smallest("mine", tuned=False, loss=1.0)
    assert left.pair == (0.0, 0.0)
    assert left.cost == WHOLE
    assert found.lost_elsewhere(left).value == 0


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.floats(0, 100))
@settings(max_examples=50, deadline=None)
def test_more_loss_never_leaves_a_larger_network(numbers, loss):
    cuts = [
        cut("mine", (n / 20, 0.0), [at < n for at in range(10)], parameters=n + 1) for n in numbers
    ]
    found = findings(*cuts, right=[1] * 10)
    sizes = [
        found.smallest("mine", tuned=False, loss=more).cost.parameters for more in (0, loss, 100)
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_what_was_not_tried_has_no_figure():
    with pytest.raises(InputError, match="was not pruned by 'mine'"):
        FOUND.accuracy("mine", (0.3, 0.0), tuned=False)
    with pytest.raises(InputError, match="no ratio was given"):
        FOUND.lost("mine", [], tuned=False)
    assert replace(FOUND, cuts=FOUND.cuts[:2]).rankings == ("mine",)
