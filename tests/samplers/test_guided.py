"""Do scores decide where faults are drawn, and never how they count?"""

import itertools
import json

import numpy as np
import pytest
import torch
from torch import nn

from radhard import analyses
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import DIRECTIONS, Directions
from radhard.samplers import Adaptive, Guided, StageDraw
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.score_classes import ScoreClasses
from radhard.space import FaultSpace
from radhard.studies.exhausted.simulation import Simulation
from radhard.targets import Biases, Weights
from tests.small import BEFORE, Counting, campaign, data, network, rows


@pytest.fixture(scope="module")
def table():
    """3,000 words, of which those of few channels may do harm."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Linear(60, 50, bias=False)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    faults = np.arange(len(space))
    _, words, variants = space.locate(faults)
    up = Directions(model, space).of(faults) == DIRECTIONS.index("up")
    chance = np.random.default_rng(0).random(len(space))
    harmful = words // 60 >= 45
    return Simulation(model, space, np.where(up & (variants >= 28) & harmful, chance, 0.0))


def scores_file(path, scores, level="channel", name="weight"):
    values = {name: {"shape": list(scores.shape), "scores": scores.reshape(-1).tolist()}}
    path.write_text(json.dumps({"format": "radhard scores 1", "level": level, "values": values}))
    return str(path)


def outcomes(table, sampler, seeds):
    classes = ScoreClasses(sampler.scores, table.space) if isinstance(sampler, Guided) else None
    census = FaultCensus.of(Directions(table.model, table.space), table.space, classes)
    division = sampler.divide(table.space, census)
    return [table.run(sampler, StageDraw(division, seed)) for seed in range(seeds)]


@pytest.mark.parametrize("kind", ["right", "wrong", "by element"])
def test_the_rate_is_held_whatever_the_scores(table, tmp_path, kind):
    scores = np.linspace(0, 1, 50) ** 4
    scores = {"right": scores, "wrong": scores[::-1].copy(), "by element": scores}[kind]
    if kind == "by element":
        scores = np.repeat(scores[:, None], 60, axis=1)
    sampler = Guided(scores_file(tmp_path / "s.json", scores), 0.01)
    found = outcomes(table, sampler, 5)
    held = [o.estimates[""].low <= table.harm.mean() <= o.estimates[""].high for o in found]
    assert sum(held) >= 4
    assert all(o.half_width <= 0.01 for o in found)
    # Wrong scores cost trials, and no more than those that were drawn in proportion to them.
    plain = np.mean([len(o.trials) for o in outcomes(table, Adaptive(0.01), 5)])
    assert np.mean([len(o.trials) for o in found]) < 1.7 * plain


def test_a_sixth_of_the_first_stage_is_drawn_in_proportion_to_the_scores(table, tmp_path):
    scores = np.linspace(0, 1, 50) ** 4
    sampler = Guided(scores_file(tmp_path / "s.json", scores), 0.002)
    census = FaultCensus.of(
        Directions(table.model, table.space), table.space, ScoreClasses(sampler.scores, table.space)
    )
    draw = StageDraw(sampler.divide(table.space, census), 0)
    plain, guided = (
        np.bincount(one.first_stage(draw).strata, minlength=len(draw.partition.strata))
        for one in (Adaptive(0.002), sampler)
    )
    more = guided - plain
    # Rounded up in every stratum.
    assert 0 <= more.sum() - plain.sum() / 5 <= len(more)
    of = np.array([stratum.number for stratum in draw.partition.strata])
    means = [0.0, *(scores[of_class].mean() for of_class in _classes_of(scores))]
    words = np.array([s.population * means[s.number] for s in draw.partition.strata])
    for number in range(1, 6):
        share = words[of == number].sum() / words.sum()
        rounding = (of == number).sum() / more.sum() + 0.01
        assert more[of == number].sum() / more.sum() == pytest.approx(share, abs=rounding)


def _classes_of(scores):
    """The channels of each class: up to the median, the 80th, 95th and 99th percentile, above."""
    edges = [-np.inf, *np.quantile(np.repeat(scores, 60), [0.5, 0.8, 0.95, 0.99]), np.inf]
    return [(scores >= low) & (scores < high) for low, high in itertools.pairwise(edges)]


def test_classes_are_quantiles_of_the_scores_of_words(table, tmp_path):
    scores = np.arange(50.0)
    scores[3] = np.nan
    classes = ScoreClasses(scores_file(tmp_path / "s.json", scores), table.space)
    faults = np.arange(len(table.space))
    codes, caps = classes.of(faults)
    assert (caps == 1).all()
    channels = table.space.locate(faults)[1] // 60
    assert set(codes[channels == 3]) == {0}
    order = [codes[channels == c][0] for c in range(50) if c != 3]
    assert order == sorted(order)
    assert np.mean(np.array(order) == 1) == pytest.approx(0.5, abs=0.03)
    assert (np.diff(classes.means[1:]) > 0).all()


def test_a_campaign_takes_the_file_of_an_analysis(tmp_path):
    model = network()
    scores = analyses.VulnerabilityGain()(model, data())
    path = tmp_path / "scores.json"
    scores.save(path)
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], BitFlip(), Float32())
    found = campaign(tmp_path / "run.db", sampler=Guided(str(path), 0.06), space=space)
    rate = found.rate()
    assert (rate.high - rate.low) / 2 <= 0.06
    exact = campaign(sampler="Exhaustive()", space=space).rate().value
    assert rate.low <= exact <= rate.high
    assert any("score class 5" in s.name for s in found.trials.strata)


def test_a_run_is_not_continued_with_scores_of_other_words(tmp_path):
    def stop(passes):
        if passes == BEFORE + 5:
            raise KeyboardInterrupt

    path, scores = tmp_path / "run.db", tmp_path / "scores.json"
    space = FaultSpace.of(Counting(network()), [Weights("inner.0.weight")], BitFlip(), Float32())
    values = np.arange(18.0).reshape(6, 3)
    scores_file(scores, values, "element", "inner.0.weight")
    # Few trials, so that strata are by class only. Scores are exchanged among words whose lowest
    # bit and sign are equal, so that strata keep their sizes and order, and have other faults.
    words = network()[0].weight.detach().numpy().view(np.int32).reshape(-1)
    other = np.arange(18.0)
    for kind in range(4):
        alike = np.flatnonzero((words & 1) + 2 * (words < 0) == kind)
        other[alike] = other[alike][::-1]
    sampler = Guided(str(scores), 0.2)
    with pytest.raises(KeyboardInterrupt):
        campaign(path, sampler=sampler, space=space, model=Counting(network(), stop))
    scores_file(scores, other.reshape(6, 3), "element", "inner.0.weight")
    begun = rows(path)
    with pytest.raises(InputError, match="other strata"):
        campaign(path, sampler=sampler, space=space, model=Counting(network()))
    assert rows(path) == begun
    scores_file(scores, values, "element", "inner.0.weight")
    assert campaign(path, sampler=sampler, space=space, model=Counting(network())).complete


def first_faults(scores, values, model, space):
    """The faults of the first stage with these scores of words."""
    scores_file(scores, values, "element", "inner.0.weight")
    classes = ScoreClasses(str(scores), space)
    census = FaultCensus.of(Directions(model, space), space, classes)
    sampler = Guided(str(scores), 0.3)
    return sampler.first_stage(StageDraw(sampler.divide(space, census), 0)).faults.tolist()


def test_other_scores_are_noticed_though_no_drawn_fault_is_affected(tmp_path):
    def stop(passes):
        if passes == BEFORE + 5:
            raise KeyboardInterrupt

    path, scores = tmp_path / "run.db", tmp_path / "scores.json"
    model = Counting(network())
    space = FaultSpace.of(model, [Weights("inner.0.weight")], BitFlip(), Float32())
    values = np.arange(18.0).reshape(6, 3)
    drawn = first_faults(scores, values, model, space)
    for one, two in itertools.combinations(range(18), 2):
        other = np.arange(18.0)
        other[[one, two]] = two, one
        changed = abs(one - two) > 8
        if changed and first_faults(scores, other.reshape(6, 3), model, space) == drawn:
            break
    else:
        raise AssertionError("no such pair")
    scores_file(scores, values, "element", "inner.0.weight")
    sampler = Guided(str(scores), 0.3)
    with pytest.raises(KeyboardInterrupt):
        campaign(path, sampler=sampler, space=space, model=Counting(network(), stop))
    scores_file(scores, other.reshape(6, 3), "element", "inner.0.weight")
    with pytest.raises(InputError, match="other strata"):
        campaign(path, sampler=sampler, space=space, model=Counting(network()))


def test_files_that_are_no_scores_are_refused_in_one_line(table, tmp_path):
    for text, problem in (
        ("{}", "cannot be|can be read"),
        ('{"format": "other", "level": "tensor", "values": {}}', "its format"),
    ):
        path = tmp_path / "bad.json"
        path.write_text(text)
        with pytest.raises(InputError, match=problem):
            ScoreClasses(str(path), table.space)
    with pytest.raises(InputError, match="no file"):
        ScoreClasses(str(tmp_path / "none.json"), table.space)
    with pytest.raises(InputError, match="of its words"):
        ScoreClasses(scores_file(tmp_path / "s.json", np.ones(7)), table.space)
    with pytest.raises(InputError, match="by bit"):
        ScoreClasses(scores_file(tmp_path / "s.json", np.ones(50), "bit"), table.space)
    with pytest.raises(InputError, match="margin=2"):
        Guided("scores.json", 2.0)
