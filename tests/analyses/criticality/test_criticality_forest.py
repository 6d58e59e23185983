"""Does the forest learn the rule of the critical bits, and nothing where there is none?"""

import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from radhard.analyses.criticality import (
    CriticalityForest,
    bit_features,
    bit_table,
    cross_validate,
    prediction_quality,
)
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.formats import BFloat16, Float32
from radhard.samplers import Exhaustive, PerTensor, Uniform
from radhard.workload import Workload
from tests.analyses.criticality.planted import fault_space, model, planted
from tests.small import data

KINDS = pytest.mark.parametrize("kind", ["forest", "balanced"])


def of_sign_and_bit(network, space):
    """Negative words of the first layer in bits 28 to 30, and every bit 30 of the second."""
    signs = [network.get_parameter(site.name).detach().ravel().numpy() < 0 for site in space.sites]

    def rule(places, words, variants):
        negative = np.array([signs[p][w] for p, w in zip(places, words, strict=True)])
        return np.where(places == 0, negative & (variants >= 28) & (variants < 31), variants == 30)

    return rule


def tabled(sampler, *, rule=None, tolerance=0.005):
    network = model()
    space = fault_space(network)
    found = planted(space, sampler, rule or of_sign_and_bit(network, space))
    return bit_table(found, bit_features(space, "structural", network), tolerance)


@KINDS
def test_planted_rule_is_learned_for_words_that_were_not_seen(kind):
    train, test = tabled(Uniform(1800)).split(np.random.default_rng(0))
    forest = CriticalityForest.of(train, kind, trees=15, seed=0)
    found = prediction_quality(
        forest.scores(test.features), test, threshold=0.5, rng=np.random.default_rng(1)
    )
    assert found.area.value > 0.99
    assert found.area.low > 0.97
    assert found.area.low <= found.area.value <= found.area.high
    assert found.false_negative < 0.01
    assert min(cross_validate(train, kind, trees=10, folds=5, seed=0)) > 0.97
    # The input channel decides nothing.
    importance = dict(zip(train.names, forest.importance, strict=True))
    assert importance["bit"] > importance["sign"] > importance["input"]


@KINDS
def test_words_do_not_leak_between_folds(kind):
    # Words are critical by chance, with all their bits: the features tell words apart, so that
    # only a forest that has seen other bits of the same word can know.
    lot = np.random.default_rng(0).random(108) < 0.3
    bits = tabled(Exhaustive(), rule=lambda place, word, bit: lot[72 * place + word])
    grouped = cross_validate(bits, kind, trees=8, folds=10, seed=0)
    assert len(grouped) == 10
    assert 0.35 < np.mean(grouped) < 0.65
    leaking = cross_val_predict(
        RandomForestClassifier(8, random_state=0),
        bits.features,
        bits.critical,
        cv=StratifiedKFold(10, shuffle=True, random_state=0),
        method="predict_proba",
    )
    assert roc_auc_score(bits.critical, leaking[:, 1]) > 0.95


def test_bits_of_one_word_are_never_split_and_both_parts_have_critical_ones():
    bits = tabled(Uniform(600))
    train, test = bits.split(np.random.default_rng(0))
    assert not set(train.words) & set(test.words)
    assert len(train) + len(test) == len(bits)
    assert train.critical.any()
    assert test.critical.any()
    assert len(set(test.words)) == pytest.approx(0.3 * len(set(bits.words)), abs=1)


def test_cells_and_area_are_those_of_scikit_learn():
    bits = tabled(PerTensor(300))
    scores = np.random.default_rng(0).random(len(bits)) / 2 + bits.critical / 3
    found = prediction_quality(scores, bits, threshold=0.5, rng=np.random.default_rng(0))
    cells = confusion_matrix(
        bits.critical, scores >= 0.5, sample_weight=bits.weights, normalize="all"
    )
    expected = (
        found.true_negative, found.false_positive, found.false_negative, found.true_positive
    )  # fmt: skip
    assert expected == pytest.approx(tuple(cells.ravel()))
    area = roc_auc_score(bits.critical, scores, sample_weight=bits.weights)
    assert found.area.value == pytest.approx(area)
    assert found.words == found.area.trials == len(set(bits.words))


def test_bits_of_one_verdict_have_no_curve():
    bits = tabled(Uniform(100), rule=lambda place, word, bit: bit < 0)
    found = prediction_quality(np.zeros(100), bits, threshold=0.5, rng=np.random.default_rng(0))
    assert found.area is None
    assert (found.true_negative, found.true_positive) == (1, 0)
    with pytest.raises(InputError, match=r"0 of the \d+ words measured have critical bits"):
        bits.split(np.random.default_rng(0))
    with pytest.raises(InputError, match="at least 2 words"):
        cross_validate(bits, "forest", trees=2, folds=3, seed=0)


@KINDS
def test_same_seed_gives_the_same_forest(kind):
    bits = tabled(Uniform(600))
    one, two, other = (
        CriticalityForest.of(bits, kind, trees=5, seed=seed).scores(bits.features)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_rule_in_general_features_transfers_to_another_width_and_network():
    def top_bit(space):
        return lambda places, words, variants: variants == space.variants[0] - 2

    areas = {}
    for features in ("general", "structural"):
        tables = []
        for network, format in ((model(8), Float32()), (model(12, seed=9), BFloat16())):
            space = fault_space(network, format)
            known = bit_features(space, features, network, Workload(network, samples_of(network)))
            tables.append(bit_table(planted(space, Uniform(700), top_bit(space)), known, 0.005))
        train, test = tables
        forest = CriticalityForest.of(train, "balanced", trees=15, seed=0)
        found = prediction_quality(
            forest.scores(test.features), test, threshold=0.5, rng=np.random.default_rng(0)
        )
        areas[features] = found.area.value
    assert areas["general"] > 0.99
    # Bit 30 of the one is bit 14 of the other.
    assert areas["structural"] < 0.7


def samples_of(network):
    inputs = data(samples=8).inputs.repeat(1, 2)
    return Data(inputs, network(inputs).argmax(1).detach())


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "imblearn.ensemble", None)
    with pytest.raises(InputError, match=r"radhard\[learning\]"):
        CriticalityForest.of(tabled(Uniform(300)), "balanced", trees=2, seed=0)


def test_folds_without_a_curve_are_left_out():
    # Of two critical words, a fold holds one or both; both together leave none to learn from.
    bits = tabled(Exhaustive(), rule=lambda place, word, bit: (place == 1) & (word < 2))
    for seed in range(6):
        areas = cross_validate(bits, "forest", trees=2, folds=10, seed=seed)
        assert len(areas) in (0, 2)
