"""Are faults injected into the sets of weights, at the rates, and under the protections named?"""

import json
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.metrics import F1, Accuracy, Outcome
from radhard.studies import NETWORKS, Network, Plan, conduct
from radhard.studies import network_campaign as module
from radhard.studies.error_rates import Variant
from radhard.studies.outcomes import OutcomeDesign, OutcomeStudy, Point, Scenario
from radhard.targets import Weights

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

STUDY = OutcomeStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda _: [],
    design=OutcomeDesign(
        scenarios=(
            Scenario("all weights", (Weights("*"),), "mixed", "o"),
            Scenario("last", (Weights("fc2*"),), "field1", "s"),
        ),
        variants=(
            Variant("unprotected", "", "mixed", "o"),
            Variant("checked", "WeightRangeCheck()", "accent", "P"),
            Variant("clipped", "WeightBitClip()", "field2", "D"),
        ),
        rates={"word": (0.05, 0.1, 1.0), "bit": (0.01,), "faults": (3.0,)},
        outcome=Outcome(),
        accuracy=Accuracy(),
        score=F1("binary"),
        score_name="F1",
        bit_wise=True,
    ),
)
QUIET = Plan(runs=8, progress=False)


def network(*, scale: float = 1.0) -> Network:
    """Is the sum of the left half larger than that of the right? 24 weights."""
    chance = torch.Generator().manual_seed(3)
    inputs = torch.rand(60, 6, generator=chance)
    labels = (inputs[:, :3].sum(1) > inputs[:, 3:].sum(1)).long()
    model = nn.Sequential(
        OrderedDict(fc1=nn.Linear(6, 3), relu=nn.ReLU(), fc2=nn.Linear(3, 2))
    ).eval()
    with torch.no_grad():
        model.fc1.weight.copy_(
            torch.tensor([[1.0] * 3 + [-1.0] * 3, [-1.0] * 3 + [1.0] * 3, [0.5] * 6])
        )
        model.fc2.weight.copy_(torch.tensor([[-1.0, 1.0, 0.25], [1.0, -1.0, 0.25]]) * scale)
        model.fc1.bias.zero_()
        model.fc2.bias.zero_()
    data = Data(inputs, labels, "halves")
    return Network("tiny", "a tiny network", model, data.first(40), data.first(20), 20)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network())


@pytest.fixture(scope="module")
def found():
    return STUDY.measure(network(), QUIET)


def at(scenario, reading, rate, variant="unprotected"):
    return Point(scenario, variant, reading, rate)


def test_campaigns_are_those_of_the_design(found):
    bare = {(p.scenario, p.reading, p.rate) for p in found.arms if p.variant == "unprotected"}
    assert bare == {
        (scenario, reading, rate)
        for scenario in ("all weights", "last")
        for reading, rates in STUDY.design.rates.items()
        for rate in rates
    }
    for variant in ("checked", "clipped"):
        protected = {p for p in found.arms if p.variant == variant}
        assert {p.scenario for p in protected} == {"all weights"}
        assert {p.reading for p in protected} == {"word", "bit"}
    assert found.weights == {"all weights": 24, "last": 6}
    assert found.fault_free == {"accuracy": 1.0, "score": 1.0}
    assert found.largest == 1.0


def test_number_of_faults_is_that_of_the_rate(found):
    # One faulty bit in every weight, exactly.
    assert found.arms[at("all weights", "word", 1.0)].faults == 24
    assert found.arms[at("last", "word", 1.0)].faults == 6
    for scenario in ("all weights", "last"):
        assert found.arms[at(scenario, "faults", 3.0)].faults == pytest.approx(3, abs=1.5)
    assert found.arms[at("all weights", "bit", 0.01)].faults == pytest.approx(24 * 0.32, abs=4)


def test_further_trials_are_others_and_are_evaluated_together(found):
    design = replace(STUDY.design, further=2, variants=STUDY.design.variants[:1], bit_wise=False)
    more = replace(STUDY, design=design).measure(network(), QUIET)
    for point, arm in more.arms.items():
        highest = point.reading == "word" and point.rate == 1.0
        assert {len(values) for values in arm.figures.values()} == {24 if highest else 8}
        for name, values in arm.figures.items():
            assert np.array_equal(values[:8], found.arms[point].figures[name])
    masked = more.arms[at("all weights", "word", 1.0)].figures["critical"].reshape(3, 8)
    assert not any(np.array_equal(masked[0], others) for others in masked[1:])
    assert "8 trials at each rate, 16 more" in replace(STUDY, design=design).amount(QUIET)


def test_outcomes_are_of_all_samples(found):
    for arm in found.arms.values():
        of = arm.figures
        whole = of["masked"] + of["noncritical"] + of["critical"] + of["due"]
        assert np.allclose(whole, 1)
        assert np.array_equal(of["harmful"], of["critical"] + of["due"])
        assert np.allclose(of["accuracy"] + of["accuracy drop"], 1)


def test_protections_meet_the_same_faults_and_repair_what_they_promise(found):
    assert found.changed == {"unprotected": 0, "checked": 0, "clipped": 0}
    for rate in (0.05, 0.1, 1.0):
        bare, clipped = (
            found.arms[at("all weights", "word", rate, v)] for v in ("unprotected", "clipped")
        )
        assert bare.faults == clipped.faults
        # Without the highest bit of the exponent, no weight reaches 2, let alone infinity.
        assert not clipped.figures["due"].any()
    # A magnitude of 1 with this bit becomes infinite.
    assert found.arms[at("all weights", "word", 1.0)].figures["due"].any()


def test_figures_of_the_findings_follow_from_the_trials(found):
    first, second = at("all weights", "word", 1.0), at("last", "word", 1.0)
    for name in ("masked", "critical", "due"):
        values = found.arms[first].figures[name]
        assert found.mean(first, name).value == pytest.approx(values.mean())
        more = found.more(first, second, name)
        expected = 100 * (values - found.arms[second].figures[name]).mean()
        assert more.value == pytest.approx(expected)
    count, share = found.seen([first, second], "due")
    assert count == sum((found.arms[p].figures["due"] > 0).sum() for p in (first, second))
    assert share.value == pytest.approx(count / 16)
    assert found.lost(first).value == pytest.approx(
        100 * found.arms[first].figures["accuracy drop"].mean()
    )
    assert found.fraction(first, at("all weights", "word", 0.05, "clipped"), "due") is None


def test_constant_bits_are_those_of_all_tensors(found):
    # All magnitudes are 1/4, 1/2 or 1: zero mantissas, and exponents 125, 126 and 127.
    expected = dict.fromkeys(range(23), 0) | {25: 1, 26: 1, 27: 1, 28: 1, 29: 1, 30: 0}
    assert found.constant_bits == expected
    assert len(found.bits["all tensors"]["accuracy"]) == 32


def test_protection_that_a_network_cannot_have_is_left_out_and_named(tmp_path, monkeypatch):
    # A weight of 3 has the bit that is to be kept at 0.
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network(scale=3.0))
    page, *_ = conduct(STUDY, replace(QUIET, runs=2), tmp_path)
    text = page.read_text("utf-8")
    assert "clipped is left out: WeightBitClip()" in text
    assert "all weights, checked" in text
    assert "all weights, clipped" not in text


def test_more_faults_than_weights_are_refused():
    design = replace(STUDY.design, rates={"faults": (7.0,)})
    with pytest.raises(InputError, match="a set of 6 weights cannot have 7 faulty ones"):
        replace(STUDY, design=design).measure(network(), QUIET)


def test_page_and_numbers_have_every_point(tmp_path):
    quick = replace(QUIET, quick=True)
    page, numbers, figure = conduct(STUDY, quick, tmp_path)
    text = page.read_text("utf-8")
    for head in (
        "Rates per weight",
        "Rates per bit",
        "Equal numbers of faults",
        "One bit position",
    ):
        assert f"#### {head}" in text
    facts = json.loads(numbers.read_text("utf-8"))
    assert facts["rates"] == {"word": [0.05, 1.0], "bit": [0.01], "faults": [3.0]}
    (of_tiny,) = facts["networks"]
    # Two sets at four points each, and two protections at three.
    assert len(of_tiny["points"]) == 2 * 4 + 2 * 3
    assert all(0 <= point["due"]["value"] <= 1 for point in of_tiny["points"])
    assert of_tiny["fingerprints"]
    assert "last" in figure.read_text("utf-8")


def test_stopped_study_continues_to_the_same_numbers(tmp_path, monkeypatch):
    design = replace(STUDY.design, bit_wise=False, variants=STUDY.design.variants[:1])
    study, kept = replace(STUDY, design=design), replace(QUIET, store=tmp_path / "store")
    calls = []

    def stopped(*given, **more):
        calls.append(more["store"])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*given, **more)

    monkeypatch.setattr(module, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        conduct(study, kept, tmp_path / "parts")
    monkeypatch.setattr(module, "run", run)
    parts = conduct(study, kept, tmp_path / "parts")
    whole = conduct(study, QUIET, tmp_path / "whole")
    assert [p.read_text("utf-8") for p in parts] == [p.read_text("utf-8") for p in whole]
