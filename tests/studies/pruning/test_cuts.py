"""Is a network cut by every ranking as is said, and left whole?"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from radhard.analyses import VulnerabilityGain
from radhard.errors import InputError
from radhard.hardenings import VulnerabilityPruning
from radhard.studies import Plan
from radhard.studies.pruning import PruningDesign, Ranking, Tuning, measure_cuts
from tests.studies.tiny import tiny_network

RATIOS = (0.2, 0.5)
DESIGN = PruningDesign(
    rankings=(
        Ranking("gain", VulnerabilityGain(), "field2", "D"),
        Ranking("L1", "l1", "critical", "s"),
        Ranking("chance", "random", "mixed", "o", draws=2),
        Ranking("slow", VulnerabilityGain(rivals=1), "field3", "^", brief=False),
    ),
    ratios=RATIOS,
    tuning=Tuning(epochs=1, images=20, batch=5, rate=0.01),
    more=((0.2, 0.5), (0.2, 0.2)),
)


@pytest.fixture(scope="module")
def found():
    return measure_cuts(DESIGN, tiny_network(), Plan())


def answers(model):
    test = tiny_network().test
    with torch.no_grad():
        return (model(test.inputs).argmax(1) == test.labels).tolist()


@pytest.mark.parametrize("tuned", [False, True])
def test_cuts_are_those_of_the_hardening(found, tuned):
    network = tiny_network()
    scores = VulnerabilityGain()(network.model, network.train)
    more = {"finetune": 1, "rate": 0.01} if tuned else {}
    for name, by, pair in (("gain", "scores", (0.5, 0.0)), ("L1", "l1", (0.2, 0.5))):
        hardening = VulnerabilityPruning(conv=pair[0], linear=pair[1], by=by, **more)
        made = hardening(network.model, network.train.first(20), scores, batch=5)
        (cut,) = found.of(name, pair, tuned=tuned)
        assert cut.right.tolist() == answers(made)
        assert cut.cost.parameters == sum(p.numel() for p in made.parameters())


def test_every_pair_is_tried_once_without_and_with_fine_tuning(found):
    lines = {(0.2, 0.0), (0.5, 0.0), (0.0, 0.2), (0.0, 0.5), (0.2, 0.2), (0.5, 0.5)}
    for name, pairs, draws in (("gain", {*lines, (0.2, 0.5)}, 1), ("chance", lines, 2)):
        tried = [(cut.pair, cut.tuned, cut.draw) for cut in found.cuts if cut.ranking == name]
        assert len(tried) == len(set(tried)) == 2 * draws * len(pairs)
        assert {pair for pair, _, _ in tried} == pairs
    assert found.right.tolist() == answers(tiny_network().model)


def test_ranking_that_takes_long_is_left_out_where_passes_do(found):
    assert found.rankings == ("gain", "L1", "chance")
    quick = replace(DESIGN, rankings=DESIGN.rankings[3:], ratios=(0.5,), more=())
    assert measure_cuts(quick, tiny_network(brief=False), Plan()).rankings == ("slow",)


def test_draws_differ_and_follow_from_the_seed():
    def removed(seed):
        lines = replace(DESIGN, rankings=DESIGN.rankings[2:3])
        cuts = measure_cuts(lines, tiny_network(), Plan(seed=seed)).cuts
        return [(cut.draw, cut.pair, cut.tuned, cut.right.tolist()) for cut in cuts]

    state = torch.get_rng_state()
    one = removed(1)
    assert one == removed(1)
    assert one != removed(2)
    assert [r[1:] for r in one if r[0] == 0] != [r[1:] for r in one if r[0] == 1]
    assert torch.equal(torch.get_rng_state(), state)


def test_network_stays_whole_and_is_told_of():
    network, lines = tiny_network(), []
    before = {name: t.clone() for name, t in network.model.state_dict().items()}
    measure_cuts(replace(DESIGN, more=()), network, Plan(report=lines.append))
    assert all(torch.equal(t, before[n]) for n, t in network.model.state_dict().items())
    assert all(p.grad is None for p in network.model.parameters())
    assert lines == ["tiny: gain", "tiny: L1", "tiny: chance 1", "tiny: chance 2"]


def test_kind_of_layer_from_which_nothing_can_be_taken_is_left_out():
    network = tiny_network()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
    found = measure_cuts(DESIGN, replace(network, model=model.eval()), Plan())
    assert found.places == ("convolutions",)
    assert {pair for _, pair, _ in found.tried} == {(0.2, 0.0), (0.5, 0.0)}


def test_studies_and_rankings_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="draws=2"):
        Ranking("L1", "l1", "critical", "s", draws=2)
    with pytest.raises(InputError, match="ratio of 1 "):
        replace(DESIGN, ratios=(0.5, 1.0))
    with pytest.raises(InputError, match="ratio of 0 "):
        replace(DESIGN, more=((0.0, 0.5),))


def test_half_by_which_one_chooses_follows_from_the_seed_and_not_from_the_order():
    quick = replace(DESIGN, rankings=DESIGN.rankings[1:2], ratios=(0.5,), more=())
    halves = [
        measure_cuts(quick, tiny_network(), Plan(seed=seed)).choosing.tolist() for seed in (0, 0, 1)
    ]
    assert halves[0] == halves[1] != halves[2]
    assert all(sum(half) == 10 for half in halves)
    assert all(half[::2] != [half[0]] * 10 for half in halves)
