"""Does an audit on a few samples find what differs, and is its limit one of pairs?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import FirstOrder, Replay, Serial
from radhard.engines.audit import audit_result
from radhard.engines.measured_share import MeasuredShare
from radhard.engines.sampled_audit import SampledAudit, SampledTrials
from radhard.engines.serial import SerialSession
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.metrics import Outcome
from radhard.notes import Note
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.stats import clopper_pearson
from radhard.targets import Weights
from tests.engines.campaigns import campaign_of

SAMPLES = 30
KEPT = ("critical", "due")


class OverTheBatch(nn.Module):
    """Outputs of a sample depend on the others."""

    def forward(self, x):
        return x - x.mean(0)


def model(*after: nn.Module) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4), *after).eval()


def inputs() -> torch.Tensor:
    return torch.randn(SAMPLES, 6, generator=torch.Generator().manual_seed(5))


def campaign(net: nn.Module | None = None, trials: int = 300):
    return campaign_of(
        net or model(),
        inputs(),
        Weights("*"),
        Uniform(trials),
        fault=BitFlip(),
        call=plain,
        metrics=[Outcome()],
        batch=SAMPLES,
    )


def kept(of) -> list[int]:
    return [n for n, c in enumerate(of.panel.columns) if c.rpartition(".")[2] in KEPT]


def test_a_trial_that_agrees_on_its_samples_is_golden_and_any_other_is_repeated_as_a_whole():
    of = campaign()
    serial = np.concatenate([SerialSession(of).trial(n).figures for n in range(300)])
    golden = of.panel.score(of.panel.golden.outputs.unsqueeze(0))[0]
    audit = SampledAudit.of_campaign(of, ["masked"])
    rows = audit.rows(np.arange(300), seed=1)
    session = SampledTrials(of, rows, kept(of))
    found = np.concatenate([session.trial(n).figures for n in range(300)])
    harmed = (serial[:, kept(of)] != 0).any(axis=1)
    seen = (found[:, kept(of)] == serial[:, kept(of)]).all(axis=1)
    assert 10 < harmed.sum() < 200
    assert 0 < (~seen).sum() < harmed.sum()
    # What is not seen is taken for harmless, and nothing else is.
    assert np.array_equal(found[~seen], np.tile(golden, ((~seen).sum(), 1)))
    assert not (~seen & ~harmed).any()
    # Where every sample is harmed no draw misses it.
    assert seen[serial[:, kept(of)].sum(axis=1) == 1].all()


def test_a_differing_trial_is_found_at_least_as_often_as_its_pairs_differ():
    audit = SampledAudit(4, SAMPLES)
    truth = np.random.default_rng(0).random(SAMPLES) < 0.2
    draws = [audit.rows(np.array([0]), seed)[0] for seed in range(4000)]
    times = np.bincount(np.concatenate([np.array(rows) for rows in draws]), minlength=SAMPLES)
    expected = 4000 * 4 / (SAMPLES * audit.widening)
    assert np.abs(times - expected).max() < 5 * np.sqrt(expected)
    found = np.mean([truth[rows.start : rows.stop].any() for rows in draws])
    assert found * audit.widening >= truth.mean()
    assert SampledAudit(5, SAMPLES).widening == 1


@component
class Harmless(FirstOrder):
    """Says of every trial that no prediction changes, and checks nothing of it."""

    def prepare(self, campaign):
        return HarmlessSession(campaign)


class HarmlessSession(SerialSession):
    def __init__(self, campaign):
        super().__init__(campaign)
        columns = tuple(c for c in campaign.panel.columns if c.rpartition(".")[2] not in KEPT)
        self.measured = MeasuredShare(columns, SAMPLES, 1 / SAMPLES)

    def passed(self, *given):
        return replace(super().passed(*given), outputs=self.campaign.panel.golden.outputs)


def ran(engine, trials=1000, net=None, **options):
    net, x = net or model(), inputs()
    with torch.no_grad():
        data = Data(x, net(x).argmax(1))
    options = {"metrics": "Outcome()", "progress": False, **options}
    space = FaultSpace.of(net, Weights("*"), data=data)
    return run(net, data, space, Uniform(trials), engine=engine, **options)


def test_an_engine_that_takes_everything_for_harmless_is_found_out_and_its_limit_holds():
    audits = [ran(Harmless(), seed=seed).manifest["audit"] for seed in range(2)]
    truth = ran(Serial(), audit=0).rate("critical").value
    for audit in audits:
        assert (audit["trials"], audit["few"], audit["samples"]) == (40, 40, 4)
        critical = audit["columns"]["Outcome().critical"]
        assert critical["at_most"] >= truth
        assert critical["mean_difference"] is None
    assert sum(a["columns"]["Outcome().critical"]["differing"] for a in audits) > 1


def test_an_audit_says_on_how_many_samples_it_repeated_how_many_trials():
    results = ran(FirstOrder())
    audit = results.manifest["audit"]
    assert audit["trials"] == 40
    assert 0 < audit["few"] < 40
    critical = audit["columns"]["Outcome().critical"]
    limit = clopper_pearson(0, 40)[1] * SampledAudit(4, SAMPLES).widening
    assert critical == {"differing": 0, "at_most": limit, "mean_difference": None}
    words = str(Note("audit", audit))
    assert f"{audit['few']} of them" in words
    assert "4 of 30 samples each" in words
    assert "pairs of a trial and a sample" in words
    assert "on 4 samples each" in Note("audit", audit).brief(["Outcome().critical"])


@pytest.mark.parametrize(
    ("engine", "options"),
    [(Replay(), {}), (FirstOrder(), {"audit": 0.5}), (FirstOrder(), {"metrics": "Critical()"})],
)
def test_whole_trials_are_repeated_where_all_figures_are_known_or_many_trials_are_asked(
    engine, options
):
    assert "few" not in ran(engine, trials=200, **options).manifest["audit"]


def test_samples_that_depend_on_each_other_are_not_repeated_by_themselves():
    assert SampledAudit.of_campaign(campaign(model(OverTheBatch())), ["masked"]) is None
    assert SampledAudit.of_campaign(campaign(), []) is None


def test_all_repeated_on_some_samples_still_leave_a_limit():
    figures = np.zeros((40, 1))
    said = audit_result(
        ["a"], [(0, 1)], figures, figures, of=40, sampled=SampledAudit(4, 30), few=40
    )
    assert said["columns"]["a"]["at_most"] > 0
