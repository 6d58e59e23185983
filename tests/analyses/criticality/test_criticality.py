"""Are the words to protect those with a critical bit, and is all that was not seen reported?"""

import numpy as np
import pytest
import torch

from radhard.analyses import Criticality
from radhard.analyses.criticality import measurements, selective_memory
from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Fixed, Float32, stored_as
from radhard.metrics import Accuracy, Outcome
from radhard.samplers import Exhaustive, PerTensor, Uniform, Words
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.analyses.criticality.planted import model
from tests.small import data, network

FORMAT = Fixed(2, 5)


def stored():
    """A network of 108 words of eight bits, with samples that it classifies correctly."""
    net = stored_as(model(), FORMAT)
    inputs = torch.randn(40, 6, generator=torch.manual_seed(1))
    return net, Data(inputs, net(inputs).argmax(1).detach())


def space_of(net):
    return FaultSpace.of(net, Weights("*"), BitFlip(), FORMAT)


@pytest.fixture(scope="module")
def exhausted(tmp_path_factory):
    """All 864 flips, in a run file."""
    net, samples = stored()
    path = tmp_path_factory.mktemp("runs") / "all.db"
    results = run(
        net, samples, space_of(net), Exhaustive(), metrics=[Accuracy()], store=path, progress=False
    )
    return path, measurements(results)


def analysis(*args, **changed):
    return Criticality(*args, **{"format": FORMAT, "trees": 10, "folds": 4, **changed})


def test_from_a_run_of_all_bits_every_critical_word_is_known(exhausted):
    path, truth = exhausted
    net, samples = stored()
    scores = analysis(0.2, run=str(path))(net, samples, progress=False)
    critical = np.unique(truth.word_numbers[truth.critical(0.2)])
    found = np.concatenate([scores[site.name].ravel() for site in truth.space.sites])
    assert 5 < len(critical) < 100
    assert (found[critical] == 1).all()
    assert ((found >= 0) & (found <= 1)).all()
    facts = scores.facts
    exact = truth.critical(0.2).mean()
    assert facts["critical bits"] == pytest.approx({"value": exact, "low": exact, "high": exact})
    assert facts["bits measured"] == facts["bits of the space"] == 108 * 8
    tenth = truth.critical(0.1).mean()
    assert facts["critical bits by tolerance"]["10 %"]["value"] == pytest.approx(tenth)
    assert facts["words to protect"] == (found >= 0.5).sum()
    held_out = facts["held out"]
    cells = ("true_negative", "false_positive", "false_negative", "true_positive")
    assert sum(held_out[cell] for cell in cells) == pytest.approx(1)
    memory = facts["memory"]["8 bits"]
    assert memory["share"] == pytest.approx((found >= 0.5).mean())
    assert memory["gain"] == selective_memory(8, memory["share"]).gain


def test_words_that_were_not_seen_are_predicted_better_than_by_chance(exhausted):
    _, truth = exhausted
    net, samples = stored()
    chosen = analysis(0.2, "balanced", "all", sampler=Words(50), trees=30)
    scores = chosen(net, samples, seed=1, progress=False)
    assert scores.facts["words measured"] == 50
    words = Words(50).draw(truth.space, 1).at(np.arange(0, 400, 8)) // 8
    unseen = np.setdiff1d(np.arange(108), words)
    critical = np.isin(np.arange(108), truth.word_numbers[truth.critical(0.2)])
    found = np.concatenate([scores[site.name].ravel() for site in truth.space.sites])
    better = found[unseen][critical[unseen]].mean() - found[unseen][~critical[unseen]].mean()
    assert better > 0.2
    assert scores.facts["held out"]["area"]["value"] > 0.7


def test_miss_rate_that_the_words_allow_is_promised_and_another_is_refused(exhausted):
    path, _ = exhausted
    net, samples = stored()
    scores = analysis(0.2, run=str(path), miss_rate=0.4)(net, samples, progress=False)
    promised = scores.facts["guarantee"]
    assert promised["limit"] <= 0.4
    assert promised["threshold"] == scores.facts["threshold"]
    with pytest.raises(InputError, match="368 held-out words with critical bits"):
        analysis(0.2, run=str(path), miss_rate=0.01)(net, samples, progress=False)


def test_nothing_is_promised_for_bits_drawn_with_unequal_probability():
    net, samples = stored()
    with pytest.raises(InputError, match=r"Uniform\(n\), not with PerTensor"):
        analysis(0.2, sampler=PerTensor(100), miss_rate=0.5)(net, samples, progress=False)


def test_run_of_another_model_or_without_accuracy_is_refused(tmp_path, exhausted):
    path, _ = exhausted
    net, samples = stored()
    with pytest.raises(InputError, match="another model"):
        analysis(run=str(path))(network(), data(), progress=False)
    other = tmp_path / "other.db"
    run(net, samples, space_of(net), Uniform(5), metrics=[Outcome()], store=other, progress=False)
    with pytest.raises(InputError, match="Accuracy"):
        analysis(run=str(other))(net, samples, progress=False)
    with pytest.raises(InputError, match="labels"):
        analysis()(net, Data(samples.inputs), progress=False)


def test_tensors_without_measurements_are_reported():
    net, samples = stored()
    some = analysis(
        0.2, sampler=Words(30), targets=(Weights("2"),), model="forest"
    )(net, samples, progress=False)  # fmt: skip
    assert list(some.values) == ["2.weight"]
    assert some.facts["not analyzed"] == {"0": "not selected"}


@pytest.mark.parametrize(
    "asked",
    [
        {"tolerance": 1.0},
        {"tolerance": -0.1},
        {"miss_rate": 0.0},
        {"trees": 0},
        {"folds": 1},
        {"model": "tree"},
        {"format": "Float7()"},
    ],
)
def test_argument_that_is_not_allowed_is_refused(asked):
    with pytest.raises(InputError):
        Criticality(**asked)


def test_default_is_the_tolerance_and_the_format_of_the_paper():
    assert Criticality() == Criticality(0.005, "balanced", "structural", format=Float32())


def test_a_network_of_fewer_bits_than_are_flipped_by_default_is_tried_whole():
    net, samples = stored()
    assert analysis(0.2)(net, samples, progress=False).facts["bits measured"] == 108 * 8
    with pytest.raises(InputError, match="distinct faults"):
        analysis(0.2, sampler=Uniform(1000))(net, samples, progress=False)
