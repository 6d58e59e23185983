"""Are figures that do not follow from predictions measured without bias, and is that said?"""

import shutil
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.cli.json_output import results_facts
from radhard.comparison import compare
from radhard.datasets import Data
from radhard.engines import FirstOrder, Replay, choice
from radhard.engines.audit_draw import Draw
from radhard.engines.measured_share import MeasuredShare
from radhard.errors import InputError
from radhard.hardenings import Ranger
from radhard.metrics import Critical, Metric, Outcome
from radhard.metrics.column import Column
from radhard.report import write
from radhard.results import Results
from radhard.samplers import Adaptive, Exhaustive, PerBit, Uniform, Words
from radhard.scores.agreement import agreement
from radhard.scores.neighbours import neighbours
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.store import Store
from radhard.targets import Activations, Weights
from radhard.verification import verify

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


@pytest.fixture
def worthwhile(monkeypatch):
    """Inference pays in campaigns of this size."""
    monkeypatch.setattr(choice, "_pays", lambda *_: True)
    monkeypatch.setattr(choice, "_inference_pays", lambda *_: "it does")


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


@pytest.mark.usefixtures("worthwhile")
def test_a_verification_infers_verdicts_if_the_campaign_before_does():
    hard = Ranger()(model(), data())
    for exact in (True, False):
        before = ran(Uniform(300), "auto", exact=exact)
        assert (before.measured is None) == exact
        again = verify(before, hard, data(), timed=False, added=0, progress=False)
        assert again.after.measured == before.measured
        (row,) = compare(before, again.after, "masked").rows
        assert row.lower + row.equal + row.higher == 300


# -- stages --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("worthwhile")
def test_stages_are_inferred_and_hold_the_exhausted_rates_of_all_figures():
    exact = ran(Exhaustive(), Replay())
    names, misses = ("critical", "masked", "noncritical", "accuracy"), 0
    for seed in range(4):
        found = ran(Adaptive(0.03), "auto", seed=seed)
        assert found.measured is not None
        assert found.rate().high - found.rate().low <= 0.06
        for name in names:
            low, high = found.rate(name).low, found.rate(name).high
            misses += not low <= exact.rate(name).value <= high
    # The figures of a campaign are not independent: two campaigns of four may miss with two each.
    assert misses <= 4


def test_stages_are_the_same_with_workers_and_after_an_interruption(tmp_path, monkeypatch):
    whole = ran(Adaptive(0.02))
    assert len(whole.trials.stages) > 1
    assert ran(Adaptive(0.02), workers=2).to_frame().equals(whole.to_frame())
    path, note = tmp_path / "run.db", Store.note
    count = iter(range(len(whole.trials.stages) - 2))

    def stopping(self, key, value):
        note(self, key, value)
        if key == "stages" and next(count, None) is None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Store, "note", stopping)
        with pytest.raises(KeyboardInterrupt):
            ran(Adaptive(0.02), store=path)
    begun = tmp_path / "begun.db"
    shutil.copy(path, begun)
    again = ran(Adaptive(0.02), store=path)
    assert again.to_frame().equals(whole.to_frame())
    assert again.rate("masked") == whole.rate("masked")
    # Executed verdicts leave no doubt, so that fewer trials may do from here on.
    other, common = ran(Adaptive(0.02), Replay(), store=begun).trials, len(whole.trials.stages) - 1
    for one, two in zip(other.stages[:common], whole.trials.stages[:common], strict=True):
        assert one.faults.tolist() == two.faults.tolist()


@pytest.mark.usefixtures("worthwhile")
def test_stages_whose_margin_is_of_a_measured_figure_are_executed():
    assert ran(Adaptive(0.1, figure="masked"), "auto").measured is None
    assert ran(Adaptive(0.1), "auto", exact=True).measured is None


def test_a_margin_of_a_measured_figure_is_noted_where_the_engine_is_given():
    kinds = {note.kind for note in ran(Adaptive(0.2, figure="masked")).notes}
    assert "margin of measured" in kinds
    for other in (ran(Adaptive(0.2)), ran(Adaptive(0.2, figure="masked"), Replay())):
        assert "margin of measured" not in {note.kind for note in other.notes}


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


# -- samplers, spaces and runs of other kinds ----------------------------------------------------


def test_where_trials_of_one_sample_are_thinned_out_those_of_all_samples_are_too():
    both = space() | space(Activations("*"))
    options = {"audit": 0, "progress": False}
    fast, whole = (
        run(model(), data(), both, Uniform(6000), engine=engine, **options)
        for engine in (FirstOrder(), Replay())
    )
    places, _, _ = both.locate(fast.trials.at(fast.numbers))
    alone = np.array([site.samples is not None for site in both.sites])[places]
    known = fast.means.with_known(fast.column("masked")).numbers
    # As many of both kinds as there are in the space; with all of one kind the mean would be of it.
    assert alone[known].mean() == pytest.approx(alone.mean(), abs=0.06)
    assert fast.rate("masked").low < whole.rate("masked").value < fast.rate("masked").high


@pytest.mark.usefixtures("worthwhile")
def test_whole_words_of_single_samples_are_executed():
    with pytest.raises(InputError, match="whole words"):
        ran(Words(40), target=Activations("*"))
    found = ran(Words(40), "auto", Activations("*"))
    assert found.measured is None
    assert ran(Uniform(600), "auto", Activations("*")).measured is not None
    assert found.rate("masked").trials == len(found)
    assert ran(Words(8)).rate("masked").trials == 8 * 32


def test_every_bit_has_its_interval_where_few_trials_of_it_were_measured():
    found = ran(PerBit(7), target=Activations("*"))
    rates = found.rate("masked", by="bit")
    assert sum(rate.trials for rate in rates.values()) == found.rate("masked").trials < len(found)
    assert all(0 <= r.low <= r.value <= r.high <= 1 for r in rates.values())


def test_figures_of_single_trials_are_not_ordered_or_counted_where_they_were_not_measured():
    fast, whole = ran(Uniform(300)), ran(Uniform(300), Replay())
    with pytest.raises(InputError, match="exact"):
        fast.quantile("masked")
    assert whole.quantile("masked").value <= 1
    (mixed,), (same,) = compare(whole, fast, "masked").rows, compare(fast, fast, "masked").rows
    assert mixed.lower + mixed.equal + mixed.higher == 0
    assert same.equal == 300


def test_a_page_says_if_no_trial_of_an_unfinished_run_was_measured(tmp_path):
    found = ran(Uniform(3000), target=Activations("*"))
    known = found.means.with_known(found.column("masked")).numbers
    begun = found.only(np.setdiff1d(found.numbers, known))
    assert not begun.has_mean(begun.column("masked"))
    with pytest.raises(InputError, match="continue"):
        begun.rate("masked")
    left = results_facts(begun)["not estimated"]
    assert left.keys() == {"Outcome().masked", "Outcome().noncritical"}
    write(begun, tmp_path / "page.html")
    assert "not measured in any" in (tmp_path / "page.html").read_text()


def test_scores_are_compared_with_trials_whose_figure_is_known():
    results = ran(Uniform(3000), target=Activations("*"))
    rng = np.random.default_rng(0)
    scores = {site.name: rng.random(site.shape[-1]) for site in results.space.sites}
    found = agreement("chance", "channel", "share", scores, results, column="masked")
    assert np.isfinite(found.rank.value)
    assert found.trials == results.rate("masked").trials
    for group in neighbours("channel", scores, results, column="masked", groups=3):
        assert 0 <= group.rate.low <= group.rate.value <= group.rate.high <= 1


def test_an_exact_run_does_not_go_on_with_an_engine_that_infers(tmp_path):
    path = tmp_path / "run.db"
    ran(Uniform(40), store=path, metrics=Critical())
    # As after an interruption before the first verdict.
    with Store(path, write=True) as file:
        file.note("inferred", {})
    with pytest.raises(InputError, match="exact"):
        ran(Uniform(40), "auto", store=path, metrics=Critical(), exact=True)


@pytest.mark.usefixtures("worthwhile")
def test_metrics_of_whole_trials_leave_nothing_to_be_measured_on_one_sample():
    @component
    class Any(Metric):
        """Whether any prediction changes."""

        by_answer = True
        columns = (Column("any", "any prediction changed"),)

        def against(self, golden):
            return lambda faulty: faulty.changed.any(dim=1, keepdim=True).double()

    with pytest.raises(InputError, match="whole trials"):
        ran(Uniform(40), metrics=[Outcome(), Any()])
    assert ran(Uniform(40), "auto", metrics=[Outcome(), Any()]).measured is None
