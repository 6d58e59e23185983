"""Are instances trained from their seeds, and does a stopped study of them continue?"""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import Int
from radhard.samplers import ErrorRate
from radhard.studies import NETWORKS, Plan, conduct, trained_network
from radhard.studies.encodings import Encoding
from radhard.studies.instances import InstanceDesign, InstanceStudy, instance_training
from radhard.studies.instances import instance_study as module
from radhard.studies.instances.instance_training import trained_instance
from tests.studies.encodings.test_encoding_study import network
from tests.studies.interruption import conduct_after_interrupt

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

STUDY = InstanceStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda _: [],
    design=InstanceDesign(
        encodings=(
            Encoding("plain", Int(8), "mixed", "o"),
            Encoding("sign", Int(8, code="sign_magnitude"), "field1", "s"),
        ),
        rates=(1e-3, 1e-2, 1e-1),
        increases=(0.1, 0.5),
        instances=3,
    ),
)
QUIET = Plan(runs=4, progress=False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network())


def test_instances_differ_by_seed_and_repeat():
    given, state = network(), torch.get_rng_state()
    one, other, again = (
        trained_instance(given.model, given.train, seed=seed, path=None).state_dict()
        for seed in (1, 2, 1)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], again[name]) for name in one)
    names = [name for name in one if name.endswith("weight")]
    assert not any(torch.equal(one[name], other[name]) for name in names)
    assert all(
        torch.equal(t, network().model.state_dict()[n]) for n, t in given.model.state_dict().items()
    )


def test_parameters_that_cannot_be_drawn_anew_are_refused():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return self.factor * x

    given = network()
    model = nn.Sequential(given.model, Scale())
    with pytest.raises(InputError, match=r"1 \(Scale\).*reset_parameters"):
        trained_instance(model, given.train, seed=1, path=None)


def test_every_instance_is_tried_in_every_encoding_with_the_same_faults(monkeypatch):
    campaigns = []

    def kept(*given, **options):
        campaigns.append(run(*given, **options))
        return campaigns[-1]

    run = module.network_campaign
    monkeypatch.setattr(module, "network_campaign", kept)
    found = STUDY.measure(network(), QUIET)
    assert [len(curves) for curves in found.curves.values()] == [3, 3]
    assert len(set(found.fingerprints)) == 3
    assert {each.sampler for each in campaigns} == {ErrorRate((1e-3, 1e-2, 1e-1), trials=4)}
    faults = [[each.trials[n].tolist() for n in range(len(each))] for each in campaigns]
    assert all(each == faults[0] for each in faults)
    assert len({each.manifest["model fingerprint"] for each in campaigns}) >= 3


def test_stopped_study_continues_to_the_same_numbers_without_training_again(tmp_path, monkeypatch):
    whole = conduct(STUDY, QUIET, tmp_path / "whole")
    kept = replace(QUIET, store=tmp_path / "store")

    def forbid_training() -> None:
        monkeypatch.setattr(trained_network, "_train", lambda *_: pytest.fail("trained again"))

    parts = conduct_after_interrupt(
        STUDY,
        kept,
        tmp_path / "parts",
        calls=(module, "network_campaign"),
        at=6,
        between=forbid_training,
    )
    assert [path.name for path in whole] == ["small.md", "small.json"]
    assert [path.read_text("utf-8") for path in parts] == [p.read_text("utf-8") for p in whole]
    facts = json.loads(whole[1].read_text("utf-8"))
    assert facts["training"] == repr(instance_training.RECIPE)
    assert len(facts["networks"][0]["encodings"][0]["spreads"]) == 4
