"""Does the audit find what differs, and say how sure it is?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.engines import Engine, Replay, Serial
from radhard.engines.audit import audit_result, audit_trials
from radhard.engines.serial import SerialSession
from radhard.errors import InputError
from radhard.metrics import Distance, Outcome, Sdc
from radhard.notes import Note
from radhard.results import Results
from radhard.samplers import ErrorRate, Uniform
from radhard.spec import component
from radhard.stats import clopper_pearson
from tests.small import AFTER, BEFORE, Counting, campaign, network


@component
class Wrong(Engine):
    """Serial, but for trials below ``limit`` the verdicts are turned round."""

    limit: int

    def prepare(self, campaign):
        return WrongSession(campaign, self.limit)


class WrongSession(SerialSession):
    def __init__(self, campaign, limit):
        super().__init__(campaign)
        self.limit = limit

    def run(self, trials):
        for trial in trials:
            part = self.trial(trial)
            yield replace(part, figures=1 - part.figures) if trial < self.limit else part


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 10))
def test_audit_repeats_its_share_of_distinct_trials_and_at_least_twenty(trials, share, seed):
    share = min(share, 2000 / max(trials, 1))
    chosen = audit_trials(trials, share, seed)
    expected = 0 if share == 0 else min(trials, max(20, round(share * trials)))
    assert len(chosen) == len(set(chosen.tolist())) == expected
    assert (np.diff(chosen) > 0).all()
    assert ((chosen >= 0) & (chosen < trials)).all()
    assert np.array_equal(chosen, audit_trials(trials, share, seed))


def test_audit_depends_on_the_seed_and_takes_every_trial_alike():
    counts = np.zeros(100)
    for seed in range(500):
        counts[audit_trials(100, 0.2, seed)] += 1
    assert counts.sum() == 500 * 20
    assert abs(counts - 100).max() < 5 * np.sqrt(500 * 0.2 * 0.8)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="from 0 to 1"):
        campaign(audit=share)


FIGURES = st.lists(
    st.tuples(*[st.sampled_from([0.0, 0.25, 1.0, np.nan])] * 2), min_size=1, max_size=30
)


@given(FIGURES, st.randoms())
def test_differences_are_counted_by_column(figures, chance):
    found = np.array(figures)
    reference = found.copy()
    changed = [chance.random() < 0.3 for _ in figures]
    reference[changed, 1] += 0.5
    said = audit_result(["a", "b"], [(0, 1), (0, 2)], found, reference, of=1000)
    count = sum(1 for hit, (_, b) in zip(changed, figures, strict=True) if hit and b == b)
    assert said["columns"]["a"]["differing"] == 0
    assert said["columns"]["b"]["differing"] == count
    assert said["columns"]["b"]["at_most"] == clopper_pearson(count, len(figures))[1]
    assert said["columns"]["b"]["mean_difference"] == pytest.approx(-0.5 * count / len(figures))


def test_figure_without_bounds_may_differ_in_its_last_digits():
    found = np.array([[1.0], [1.0], [np.inf], [np.inf]])
    reference = np.array([[1.0005], [1.005], [np.inf], [1.0]])
    said = audit_result(["Distance().distance"], [(0, np.inf)], found, reference, of=9)
    assert said["columns"]["Distance().distance"]["differing"] == 2
    assert said["columns"]["Distance().distance"]["mean_difference"] is None
    assert "Distance().distance in 2 (at most 93.2 % of trials)" in str(Note("audit", said))


@pytest.mark.parametrize("number", [1, 2])
def test_audit_finds_an_engine_that_is_wrong(number):
    results = campaign(engine=Wrong(30), metrics=[Sdc()], audit=1.0, workers=number)
    audit = results.manifest["audit"]
    assert audit["trials"] == 60
    assert audit["columns"]["Sdc().sdc"]["differing"] == 30
    # All trials were repeated, so that nothing is left open.
    assert audit["columns"]["Sdc().sdc"]["at_most"] == 0.5
    assert results.notes[-1] == Note("audit", audit)
    assert "Sdc().sdc in 30 (at most 50 % of trials)" in str(results.notes[-1])


def test_audit_of_a_right_engine_finds_nothing():
    results = campaign(engine=Wrong(0), audit=0.5)
    assert results.manifest["audit"]["trials"] == 30
    found = results.manifest["audit"]["columns"].values()
    assert [f["differing"] for f in found] == [0] * len(results.columns)
    assert results.notes[-1].kind == "audit"
    assert "Different" not in str(results.notes[-1])


def test_replay_passes_its_audit_where_verdicts_count():
    results = campaign(
        engine=Replay(), metrics=[Outcome(), Distance()], sampler=Uniform(200), audit=1.0
    )
    found = results.manifest["audit"]["columns"]
    assert found["Outcome().critical"]["differing"] == found["Outcome().due"]["differing"] == 0


def test_trials_of_many_faults_are_audited_too():
    results = campaign(engine=Wrong(10), sampler=ErrorRate(0.01, 20), metrics=[Sdc()])
    assert results.manifest["audit"]["trials"] == 20
    assert results.manifest["audit"]["columns"]["Sdc().sdc"]["differing"] == 10


def test_reference_is_not_audited_and_nobody_is_without_a_share():
    for options in ({"engine": Serial()}, {"engine": Wrong(0), "audit": 0}):
        model = Counting(network())
        results = campaign(model=model, **options)
        assert results.manifest["audit"] is None
        assert model.passes == BEFORE + 60 + AFTER
        assert "audit" not in [note.kind for note in results.notes]


def test_audit_that_was_interrupted_is_made_when_the_run_is_continued_and_only_once(tmp_path):
    def stop(n):
        if n == BEFORE + 60 + AFTER + 5:
            raise KeyboardInterrupt

    path, model = tmp_path / "run.db", Counting(network(), stop)
    with pytest.raises(KeyboardInterrupt):
        campaign(path, model=model, engine=Wrong(0))
    assert Results.open(path).complete
    assert Results.open(path).manifest["audit"] is None
    for passes in (BEFORE + 20 + AFTER, BEFORE):
        model = Counting(network())
        again = campaign(path, model=model, engine=Wrong(0))
        assert model.passes == passes
        assert again.manifest["audit"]["trials"] == 20
        assert [note.kind for note in again.notes].count("audit") == 1
    whole = campaign(model=Counting(network()), engine=Wrong(0))
    assert again.manifest["audit"] == whole.manifest["audit"]
