"""Do weights have faults in every encoding, and does a stopped study of encodings continue?"""

import json
from dataclasses import replace

import pytest
import torch

from radhard.errors import InputError
from radhard.formats import Float32, Int, Oracle, SecDed
from radhard.samplers import ErrorRate
from radhard.studies import NETWORKS, Plan, conduct
from radhard.studies import network_campaign as module
from radhard.studies.encodings import Encoding, EncodingDesign, EncodingStudy, stored_weights
from radhard.studies.encodings.encoding_campaigns import smaller_changes
from tests.studies.interruption import conduct_after_interrupt
from tests.studies.tiny import tiny_network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

SIGN = Int(8, code="sign_magnitude")
STUDY = EncodingStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda _: [],
    design=EncodingDesign(
        encodings=(
            Encoding("plain", Int(8), "mixed", "o"),
            Encoding("sign", SIGN, "field1", "s"),
            Encoding("oracle", Oracle(Int(8)), "critical", "^"),
            Encoding("coded", SecDed(Int(8), block=8), "field2", "D"),
        ),
        rates=tuple(10.0 ** (n / 7 - 4) for n in range(15)),
    ),
)
QUIET = Plan(runs=3, quick=True, progress=False)
WEIGHTS = 3 * 9 + 48 * 6 + 6 * 2


def network():
    """The tiny network, with two labels changed: an error of 0 has no relative increase."""
    found = tiny_network()
    labels = found.test.labels.clone()
    labels[:2] = 1 - labels[:2]
    return replace(found, test=replace(found.test, labels=labels), brief=False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network())


@pytest.fixture(scope="module")
def found():
    return STUDY.measure(network(), QUIET)


def test_all_bits_of_weights_and_check_words_are_faulty(found):
    blocks = sum(-(-n // 8) for n in (27, 288, 12))
    check = SecDed(Int(8), block=8).check_bits
    bits = {name: each.bits for name, each in found.measured.items()}
    plain = 8 * WEIGHTS
    assert bits == {"plain": plain, "sign": plain, "oracle": plain, "coded": plain + check * blocks}
    assert found.images == 20


def test_encodings_of_one_width_have_the_same_faults_trial_by_trial(found):
    drawn = [
        [results.trials[n].tolist() for n in range(len(results))]
        for results in (found.measured[name].results for name in ("plain", "sign", "oracle"))
    ]
    assert drawn[0] == drawn[1] == drawn[2]
    assert sum(map(len, drawn[0])) > 0


def test_trials_are_added_beyond_the_sweep_and_near_the_tolerable_rate():
    rates = STUDY.design.rates
    short = replace(
        STUDY.design, rates=rates[:3], beyond=rates[3:], near=1, near_paired=2, paired=3, most=4
    )
    found = replace(STUDY, design=short).measure(network(), Plan(runs=3, progress=False))
    runs = {name: each.campaigns for name, each in found.measured.items()}
    for name, (sweep, beyond, *rest) in runs.items():
        assert sweep.sampler == ErrorRate(rates[:3], trials=3)
        assert beyond.sampler == ErrorRate(rates[3:], trials=3)
        assert found.tolerable(name).most == rates[-1]
        # No trial of the code was harmful at any rate, so that there is no rate to go near to.
        assert len(rest) == (name != "coded")
        for near in rest:
            assert near.sampler.trials == 6
            assert set(near.sampler.each) <= set(rates)
            assert len({each.seed for each in (sweep, beyond, near)}) == 3
            # Figures are over the trials of all campaigns.
            for rate in near.sampler.each:
                assert found.accuracy(name)[rate].trials == near.sampler.trials + 3
    faults = [
        [near.trials[n].tolist() for n in range(len(near))]
        for near in (runs[name][-1] for name in ("plain", "sign", "oracle"))
    ]
    assert faults[0] == faults[1] == faults[2]


def test_quick_study_and_one_that_finds_its_rate_in_the_sweep_go_no_further(found):
    assert all(not each.further for each in found.measured.values())
    design = replace(STUDY.design, encodings=STUDY.design.encodings[:1], beyond=(0.5,))
    more = replace(STUDY, design=design).measure(network(), replace(QUIET, quick=False))
    assert more.tolerable("plain").high < max(STUDY.design.rates)
    assert not more.measured["plain"].further


def test_only_weights_are_rounded():
    model = tiny_network().model
    stored = stored_weights(model, Int(8))
    for name, tensor in model.named_parameters():
        same = torch.equal(tensor, stored.get_parameter(name))
        assert same == name.endswith("bias")


def test_change_by_the_sign_is_counted_over_all_weights():
    model = tiny_network().model
    expected = 0
    for name, weight in model.named_parameters():
        if name.endswith("weight"):
            steps = (weight / weight.abs().max() * 127).round().abs()
            # 2 |q| in sign-magnitude, 128 in two's complement.
            expected += int((20 * steps < 128).sum())
    assert smaller_changes(model, SIGN, Int(8)) == expected / WEIGHTS
    assert smaller_changes(model, Int(8), Int(8)) is None
    assert smaller_changes(model, Oracle(Int(8)), Int(8)) is None
    assert smaller_changes(model, Float32(), Int(8)) is not None


def test_quick_study_tries_a_few_rates_over_the_same_range():
    full, few = (STUDY.design.rates_of(quick=quick) for quick in (False, True))
    assert (len(full), len(few)) == (15, 3)
    assert (full[0], full[-1]) == (few[0], few[-1])
    assert set(few) < set(full)


def test_network_without_errors_is_refused_before_any_campaign(monkeypatch):
    found = tiny_network()
    with torch.inference_mode():
        labels = stored_weights(found.model, Int(8))(found.test.inputs).argmax(1)
    right = replace(found, test=replace(found.test, labels=labels.clone()))
    monkeypatch.setattr(module, "run", lambda *_, **__: pytest.fail("a campaign was started"))
    with pytest.raises(InputError, match="--images"):
        STUDY.measure(right, QUIET)


def test_stopped_study_continues_to_the_same_numbers(tmp_path):
    whole = conduct(STUDY, QUIET, tmp_path / "whole")
    kept = replace(QUIET, store=tmp_path / "store")
    parts = conduct_after_interrupt(STUDY, kept, tmp_path / "parts", calls=(module, "run"), at=3)
    assert [path.name for path in whole] == ["small.md", "small.json", "small-tiny.svg"]
    assert [path.read_text("utf-8") for path in parts] == [p.read_text("utf-8") for p in whole]


def test_numbers_are_valid_json_with_every_rate(tmp_path):
    def refuse(constant):
        raise AssertionError(constant)

    files = conduct(STUDY, QUIET, tmp_path)
    facts = json.loads(files[1].read_text("utf-8"), parse_constant=refuse)
    assert facts["rates"] == list(STUDY.design.rates_of(quick=True))
    for encoding in facts["networks"][0]["encodings"]:
        assert [at["rate"] for at in encoding["accuracy"]] == facts["rates"]
        assert encoding["fingerprints"]
