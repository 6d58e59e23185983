"""Do groups of neighbours in score have the rates that their faults have?"""

import numpy as np
import pytest

from radhard.errors import InputError
from radhard.faults import BitFlip, Line, StuckAt
from radhard.formats import Int, SecDed, stored_as
from radhard.samplers import ErrorRate, Exhaustive, PerBit, PerTensor, Uniform, Words
from radhard.scores import neighbours
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.small import network, prepared, space


def harm(whole: FaultSpace, numbers: np.ndarray) -> np.ndarray:
    """A share of answers for every fault, by a rule."""
    places, words, variants = whole.locate(numbers)
    return ((3 * words + 5 * variants + 7 * places) % 11) / 20


def results(sampler, faults, seed=0):
    return prepared(faults, sampler, lambda numbers: harm(faults, numbers), seed=seed)


SCORES = {"a.weight": np.array([0.3, np.nan, 0.1]), "b.weight": np.array([0.1, 0.2, 0.9, 0.4, 0.5])}


def truth(faults, groups):
    """The mean rate of each group by hand: parts by rank, equal scores together."""
    parts = sorted(
        (float(score), place, word)
        for place, name in enumerate(SCORES)
        for word, score in enumerate(SCORES[name])
        if not np.isnan(score)
    )
    known = np.array([score for score, _, _ in parts])
    edges = np.unique(known[[(len(known) * n) // groups for n in range(1, groups)]])
    found = []
    for group in range(len(edges) + 1):
        rates = [
            harm(faults, int(faults.starts[place]) + word * 32 + np.arange(32)).mean()
            for score, place, word in parts
            if np.searchsorted(edges, score, side="right") == group
        ]
        if rates:
            found.append((len(rates), float(np.mean(rates))))
    return found


@pytest.fixture
def faults():
    return space((3, 5), BitFlip())


@pytest.mark.parametrize("groups", [2, 3, 10])
def test_exhausted_space_gives_the_exact_rate_of_every_group(faults, groups):
    found = neighbours("element", SCORES, results(Exhaustive(), faults), groups=groups)
    expected = truth(faults, groups)
    assert [n.parts for n in found] == [parts for parts, _ in expected]
    np.testing.assert_allclose([n.rate.value for n in found], [rate for _, rate in expected])
    assert all(n.rate.low == n.rate.high for n in found)
    assert [n.score for n in found] == sorted(n.score for n in found)


@pytest.mark.parametrize("sampler", [Uniform(120), PerTensor(60), PerBit(3), Words(6)], ids=repr)
def test_sampled_intervals_hold_the_true_rates(faults, sampler):
    expected = truth(faults, 3)
    inside = total = 0
    for seed in range(20):
        found = neighbours("element", SCORES, results(sampler, faults, seed), groups=3)
        if len(found) != len(expected):
            continue  # a group without trials is left out
        for one, (_, rate) in zip(found, expected, strict=True):
            # A group whose words were all tried has limits of no width, equal but for rounding.
            inside += one.rate.low - 1e-12 <= rate <= one.rate.high + 1e-12
            total += 1
    assert total >= 40
    assert inside / total >= 0.93


def test_bits_are_grouped_over_all_tensors(faults):
    scores = {name: np.arange(32.0) for name in ("a.weight", "b.weight")}
    found = neighbours("bit", scores, results(Exhaustive(), faults), groups=32)
    assert [n.parts for n in found] == [2] * 32
    rates = harm(faults, np.arange(len(faults))).reshape(8, 32).mean(0)
    np.testing.assert_allclose([n.rate.value for n in found], rates)


@pytest.mark.parametrize("sampler", [Exhaustive(), Words(8), PerBit(5)], ids=repr)
def test_a_group_with_more_bits_of_one_tensor_than_of_another_has_the_exact_rate(faults, sampler):
    scores = {"a.weight": np.arange(32.0), "b.weight": np.arange(32.0) + 10.5}
    found = neighbours("bit", scores, results(sampler, faults), groups=3)
    edges = np.sort(np.concatenate(list(scores.values())))[[21, 42]]
    places, _, bits = faults.locate(np.arange(len(faults)))
    groups = np.searchsorted(edges, np.array(list(scores.values()))[places, bits], side="right")
    every = harm(faults, np.arange(len(faults)))
    expected = [every[groups == group].mean() for group in range(3)]
    np.testing.assert_allclose([n.rate.value for n in found], expected)


def test_places_run_from_the_lowest_to_the_highest_score(faults):
    found = neighbours("element", SCORES, results(Exhaustive(), faults), groups=10)
    places = [n.place for n in found]
    assert places == sorted(places)
    assert 0 < places[0] < places[-1] < 1


def test_scores_of_other_tensors_have_no_neighbours(faults):
    other = {"z.weight": np.arange(4.0)}
    assert neighbours("element", other, results(Exhaustive(), faults)) == []


def test_figures_that_are_no_shares_are_refused(faults):
    drop = prepared(
        faults,
        Uniform(20),
        lambda numbers: harm(faults, numbers),
        columns=("Accuracy().drop",),
        ranges=((-1.0, 1.0),),
    )
    with pytest.raises(InputError, match="not a share"):
        neighbours("element", SCORES, drop)


def test_error_rates_are_refused(faults):
    at_rates = prepared(faults, ErrorRate(0.01, trials=3), lambda numbers: 0.0)
    with pytest.raises(InputError, match="error rates"):
        neighbours("element", SCORES, at_rates)


def both():
    """Flips of the sign, and stuck bits: of one word and of another number of faults."""
    return space((3, 5), BitFlip(field="sign")) | space((3, 5), StuckAt(1))


@pytest.mark.parametrize("groups", [2, 3])
@pytest.mark.parametrize("sampler", [Exhaustive(), PerTensor(32)], ids=repr)
def test_several_fault_models_count_with_their_numbers_of_faults(groups, sampler):
    faults = both()
    found = neighbours("element", SCORES, results(sampler, faults), groups=groups)
    parts = [n for n, _ in truth(space((3, 5), BitFlip()), groups)]
    assert [n.parts for n in found] == parts
    if sampler == Exhaustive():
        every = harm(faults, np.arange(len(faults)))
        places, words, _ = faults.locate(np.arange(len(faults)))
        names = [faults.sites[place].name for place in places]
        scores = np.array([SCORES[n][word] for n, word in zip(names, words, strict=True)])
        known = np.sort(np.concatenate([v[~np.isnan(v)] for v in SCORES.values()]))
        edges = np.unique(known[[(len(known) * n) // groups for n in range(1, groups)]])
        number = np.where(np.isnan(scores), -1, np.searchsorted(edges, scores, side="right"))
        expected = [every[number == group].mean() for group in range(len(found))]
        np.testing.assert_allclose([n.rate.value for n in found], expected)
        assert all(n.rate.low == n.rate.high for n in found)


def test_a_region_of_some_words_counts_for_these_alone():
    # Faults begin in the words 0, 2 and 4: a third of them in the two words of the lower scores.
    scores = {"a.weight": np.array([0.1, 0.2, 0.3, 0.4, 0.5])}
    lines = space((5,), Line(BitFlip(), 2))
    found = neighbours("element", scores, results(Exhaustive(), lines), groups=2)
    rates = harm(lines, np.arange(96)).reshape(3, 32).mean(1)
    np.testing.assert_allclose([n.rate.value for n in found], [rates[0], rates[1:].mean()])
    assert all(n.rate.low == n.rate.high for n in found)


def test_bits_of_values_are_grouped_where_check_bits_are_stored_apart():
    model, format = network(), SecDed(Int(8), block=8)
    faults = FaultSpace.of(stored_as(model, format), Weights("*"), BitFlip(), format)
    assert set(faults.planes) == {"codes", "check"}
    scores = {name: np.arange(8.0) for name in ("0.weight", "2.weight")}
    found = neighbours("bit", scores, results(Exhaustive(), faults), groups=8)
    assert [n.parts for n in found] == [2] * 8
    assert all(n.rate.low == n.rate.high for n in found)


def test_scores_that_are_all_unknown_have_no_neighbours(faults):
    unknown = {name: np.full_like(value, np.nan) for name, value in SCORES.items()}
    assert neighbours("element", unknown, results(Exhaustive(), faults)) == []
