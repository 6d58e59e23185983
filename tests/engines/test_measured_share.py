"""Are figures that do not follow from predictions measured without bias, and is that said?"""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.comparison import compare
from radhard.datasets import Data
from radhard.engines import FirstOrder, Replay
from radhard.engines.audit_draw import Draw
from radhard.engines.measured_share import MeasuredShare
from radhard.errors import InputError
from radhard.metrics import Critical, Outcome
from radhard.results import Results
from radhard.samplers import Adaptive, Exhaustive, Uniform
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.targets import Activations, Weights

SAMPLES = 30


@cache
def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)).eval()


@cache
def data() -> Data:
    rng = torch.Generator().manual_seed(5)
    inputs = torch.randn(SAMPLES, 6, generator=rng)
    with torch.no_grad():
        return Data(inputs, model()(inputs).argmax(1))


def space(target=None) -> FaultSpace:
    return FaultSpace.of(model(), target or Weights("*"), data=data())


def ran(sampler, engine=None, target=None, **options) -> Results:
    engine = engine or FirstOrder()
    options = {"audit": 0, "progress": False, "metrics": None, **options}
    return run(model(), data(), space(target), sampler, engine=engine, **options)


# -- the draw ------------------------------------------------------------------------------------


def test_one_sample_of_every_trial_is_measured_and_each_equally_often():
    draw = Draw(space=3_000, seed=3, samples=SAMPLES, trials=500, audit=0.02, measures=True)
    rows, samples = draw.measured(np.arange(3_000))
    assert rows.tolist() == list(range(3_000))
    assert np.bincount(samples).tolist() == [3_000 // SAMPLES] * SAMPLES
    again = draw.measured(np.arange(100, 200))[1]
    assert again.tolist() == samples[100:200].tolist()


@pytest.mark.parametrize(("samples", "audit"), [(50, 0.1), (20, 0.02), (4, 0.0), (1, 0.3)])
def test_measured_pairs_are_among_those_of_the_estimate_whose_share_is_the_one_recorded(
    samples, audit
):
    draw = Draw(20_000, 1, samples=samples, trials=10**6, audit=audit, measures=True)
    faults = np.arange(20_000)
    estimate, measured = (
        {(row, sample) for row, sample in zip(*(axis.tolist() for axis in pairs), strict=True)}
        for pairs in (draw.sample(faults), draw.measured(faults))
    )
    assert measured <= estimate
    assert len(estimate) == len(draw.sample(faults)[0])
    assert len(estimate) / (20_000 * samples) == pytest.approx(draw.sample_share, rel=0.02)


# -- the figures ---------------------------------------------------------------------------------


def test_measured_figures_are_those_of_one_sample_and_all_others_those_of_every_sample():
    fast, whole = ran(Uniform(400)), ran(Uniform(400), Replay())
    for name in ("critical", "due", "accuracy", "drop"):
        assert np.allclose(fast.values(name), whole.values(name))
    masked, truth = fast.values("masked"), whole.values("masked")
    sure = (truth == 0) | (truth == 1)
    assert np.array_equal(masked[sure], truth[sure])
    # Most others show one of their samples; where sums may overflow, all are executed.
    one = masked[~sure & (masked != truth)]
    assert len(one) > 20
    assert set(one.tolist()) == {0.0, 1.0}
    four = sum(fast.values(name) for name in ("masked", "noncritical"))
    assert (four <= 1).all()
    assert fast.rate("masked").low <= whole.rate("masked").value <= fast.rate("masked").high


def test_mean_over_all_faults_keeps_an_interval_as_not_all_verdicts_were_measured():
    fast, whole = ran(Exhaustive()), ran(Exhaustive(), Replay())
    measured, exact = fast.rate("masked"), whole.rate("masked")
    assert exact.low == exact.high
    assert measured.low < exact.value < measured.high
    # One sample of each of N faults: about 1 / sqrt(N), with p (1 - p) in front.
    width = 2 * 1.96 * np.sqrt(exact.value * (1 - exact.value) / len(fast))
    assert measured.high - measured.low == pytest.approx(width, rel=0.2)


def test_trials_of_one_sample_have_the_figures_only_if_they_were_drawn():
    fast, whole = (ran(Uniform(1500), e, Activations("*")) for e in (FirstOrder(), Replay()))
    known = ~np.isnan(fast.values("masked"))
    assert known.mean() == pytest.approx(200 / 1500, abs=0.03)
    for name in ("masked", "noncritical"):
        assert np.array_equal(fast.values(name)[known], whole.values(name)[known])
    assert fast.rate("masked").trials == known.sum()
    assert fast.rate("critical").trials == 1500
    assert fast.has_mean(fast.column("masked"))
    assert sum(e.trials for e in fast.rate("masked", by="layer").values()) == known.sum()
    assert np.array_equal(fast.values("critical"), whole.values("critical"))


def test_only_drawn_trials_count_whichever_engine_executed_them(tmp_path):
    @component
    class Half(Replay):
        """Executes the first half of the chunks, then is interrupted."""

        def prepare(self, campaign):
            session = super().prepare(campaign)
            whole = session.run

            def part(trials):
                if 0 in trials:
                    yield from whole(trials)
                raise KeyboardInterrupt

            session.run = part
            return session

    path, target = tmp_path / "run.db", Activations("*")
    with pytest.raises(KeyboardInterrupt):
        ran(Uniform(1500), Half(), target, store=path)
    begun = len(Results.open(path))
    assert 0 < begun < 1500
    mixed, fast = ran(Uniform(1500), target=target, store=path), ran(Uniform(1500), target=target)
    assert (~np.isnan(mixed.values("masked"))).sum() > (~np.isnan(fast.values("masked"))).sum()
    assert mixed.rate("masked") == fast.rate("masked")


def test_figures_are_the_same_with_workers_and_after_an_interruption(tmp_path):
    whole = ran(Uniform(600)).to_frame()
    assert ran(Uniform(600), workers=2).to_frame().equals(whole)

    @component
    class Stopping(FirstOrder):
        """FirstOrder, until somebody presses Ctrl-C after the first chunk."""

        def prepare(self, campaign):
            session = super().prepare(campaign)
            run_chunk, done = session.run, []

            def once(trials):
                if done:
                    raise KeyboardInterrupt
                done.append(trials)
                return run_chunk(trials)

            session.run = once
            return session

    path = tmp_path / "run.db"
    with pytest.raises(KeyboardInterrupt):
        ran(Uniform(600), Stopping(), store=path)
    assert 0 < len(Results.open(path)) < 600
    again = ran(Uniform(600), store=path)
    assert again.to_frame().equals(whole)
    assert again.rate("masked") == ran(Uniform(600)).rate("masked")


def test_audit_by_the_reference_leaves_out_what_was_measured():
    audited = ran(Uniform(300), audit=0.1).manifest["audit"]["columns"]
    assert {name.rpartition(".")[2] for name in audited} == {"critical", "due", "accuracy", "drop"}


def test_two_runs_are_compared_by_the_samples_measured():
    fast, whole = ran(Uniform(300)), ran(Uniform(300), Replay())
    (row,) = compare(whole, fast, "masked").rows
    assert row.difference.low < 0 < row.difference.high
    assert compare(fast, fast, "masked").rows[0].difference.value == 0
    some = ran(Uniform(1500), target=Activations("*"))
    assert compare(some, some, "masked").rows[0].before.trials == some.rate("masked").trials


# -- what is said, and what is refused -----------------------------------------------------------


def test_notes_say_on_how_many_samples_figures_were_measured():
    (note,) = [n for n in ran(Uniform(50)).notes if n.kind == "measured"]
    assert note.facts["samples"] == SAMPLES
    assert "share" not in note.facts
    (note,) = [n for n in ran(Uniform(50), target=Activations("*")).notes if n.kind == "measured"]
    assert note.facts["share"] == 1.0
    assert not [n for n in ran(Uniform(50), metrics=Critical()).notes if n.kind == "measured"]


def test_exact_runs_infer_nothing(tmp_path):
    with pytest.raises(InputError, match="infers verdicts"):
        ran(Uniform(20), exact=True)
    path = tmp_path / "run.db"
    ran(Uniform(40), store=path)
    with pytest.raises(InputError, match="exact"):
        ran(Uniform(40), "auto", store=path, exact=True)
    assert ran(Uniform(40), "auto", exact=True).measured is None


def test_stages_that_need_every_trial_are_refused():
    asked = {"metrics": [Outcome()], "target": Activations("*")}
    with pytest.raises(InputError, match="stages"):
        ran(Adaptive(margin=0.05), **asked)


@pytest.mark.parametrize("change", [{"samples": 0}, {"share": 0.0}, {"share": 2}, {"columns": 3}])
def test_records_that_cannot_be_are_refused(change):
    plain = MeasuredShare(("Outcome().masked",), 30, 0.1).to_dict()
    assert MeasuredShare.from_dict(plain).to_dict() == plain
    with pytest.raises((ValueError, TypeError)):
        MeasuredShare.from_dict({**plain, **change})
