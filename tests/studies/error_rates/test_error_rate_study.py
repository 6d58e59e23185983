"""Do all variants have the faults that are stated, and does a stopped study go on?"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from radhard.campaign import run
from radhard.cost import cost
from radhard.errors import InputError
from radhard.formats import Fixed, Float32, stored_as
from radhard.hardenings import ChannelDuplication, Ranger
from radhard.metrics import Accuracy
from radhard.samplers import ErrorRate
from radhard.studies import NETWORKS, Plan, conduct, study_named
from radhard.studies import network_campaign as module
from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.error_rates import (
    ErrorRateDesign,
    ErrorRateStudy,
    Variant,
    everything_stored,
)
from tests.studies.interruption import conduct_after_interrupt
from tests.studies.tiny import tiny_network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

RATES = (1e-3, 1e-2)
STUDY = ErrorRateStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda _: [],
    design=ErrorRateDesign(
        variants=(
            Variant("none", "", "mixed", "o"),
            Variant("bounded", "Ranger()", "field1", "s"),
            Variant("twice", "ChannelDuplication(share=1.0)", "field2", "D"),
        ),
        rates=RATES,
        format=Fixed(15, 16),
    ),
)


def with_variants(variants):
    return replace(STUDY, design=replace(STUDY.design, variants=variants))


QUIET = Plan(runs=3, timed=False, progress=False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())


def test_every_stored_bit_is_faulty_thresholds_and_copies_included():
    network = tiny_network()
    for hardening in (Ranger(), ChannelDuplication(share=1.0)):
        hard = hardening(network.model, network.train)
        space = everything_stored(hard, Float32())
        assert len(space) == cost(hard, network.test).bits
        assert len(space) > len(everything_stored(network.model, Float32()))


def test_common_faults_are_those_of_the_unprotected_network_on_every_variant():
    network = tiny_network()
    found = STUDY.measure(network, QUIET)
    base = stored_as(network.model, STUDY.design.format)
    hard = stored_as(Ranger()(base, network.train), STUDY.design.format)
    space = everything_stored(base, STUDY.design.format)
    data = network.test.first(12)
    alone = run(hard, data, space, ErrorRate(RATES, trials=3), metrics=[Accuracy()], progress=False)
    bounded = found.measured["bounded"]
    values = np.concatenate([bounded.common.accuracy[rate] for rate in RATES])
    assert values.tolist() == alone.values("accuracy").tolist()
    assert {m.common.faults for m in found.measured.values()} == {len(space)}
    assert bounded.own.faults == len(space) + 2 * 32
    assert found.base.own is found.base.common


def test_network_comes_back_as_it_was():
    network = tiny_network()
    before = {name: t.clone() for name, t in network.model.state_dict().items()}
    STUDY.measure(network, QUIET)
    assert all(torch.equal(t, before[n]) for n, t in network.model.state_dict().items())
    assert not network.model.training


def test_stopped_study_continues_to_the_same_numbers(tmp_path, monkeypatch):
    whole = conduct(STUDY, QUIET, tmp_path / "whole")
    kept = replace(QUIET, store=tmp_path / "store")

    def forbid_hardening() -> None:
        monkeypatch.setattr(Ranger, "harden", lambda *_: pytest.fail("it lies in the store"))

    parts = conduct_after_interrupt(
        STUDY, kept, tmp_path / "parts", calls=(module, "run"), at=3, between=forbid_hardening
    )
    assert [p.name for p in whole] == [p.name for p in parts]
    assert [p.read_text("utf-8") for p in whole] == [p.read_text("utf-8") for p in parts]


def test_store_of_another_seed_or_size_is_refused(tmp_path):
    kept = replace(QUIET, store=tmp_path)
    network = tiny_network()
    bounded = with_variants(STUDY.design.variants[:2])
    bounded.measure(network, kept)
    with pytest.raises(InputError, match="run with other settings"):
        bounded.measure(network, replace(kept, runs=4))
    only = with_variants(STUDY.design.variants[1:2])
    with pytest.raises(InputError, match="seed differs; choose another --store"):
        only.measure(network, replace(kept, seed=1))


def test_plan_without_trials_is_refused():
    with pytest.raises(InputError, match="runs=0"):
        Plan(runs=0)


@pytest.mark.parametrize("study", [ACTIVATION_BOUNDS, CHANNEL_DUPLICATION], ids=lambda s: s.name)
def test_study_of_a_paper_goes_all_the_way(study, tmp_path):
    files = conduct(study, replace(QUIET, runs=2), tmp_path, networks=["tiny"], command="a line")
    page, numbers = files[0].read_text("utf-8"), json.loads(files[1].read_text("utf-8"))
    assert "`a line`" in page
    claims = numbers["networks"][0]["claims"]
    assert all(page.count(claim["text"]) >= 1 for claim in claims)
    assert {c["verdict"] for c in claims} <= {"holds", "does not hold", "cannot be told"}
    names = [v["name"] for v in numbers["networks"][0]["variants"]]
    assert names == [variant.name for variant in study.design.variants]
    assert study_named(study.name) is study


def test_unknown_study_and_network_are_told():
    with pytest.raises(InputError, match="activation-bounds"):
        study_named("activation-bound")
    with pytest.raises(InputError, match="lenet5"):
        conduct(STUDY, QUIET, "nowhere", networks=["lenet"])
