"""Do faults accumulate, one a step, in independent histories?"""

import sqlite3
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from radhard.comparison import accumulation
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.samplers import Cumulative, Uniform, cumulative
from tests import small


@given(steps=st.integers(1, 12), repeats=st.integers(1, 5), seed=st.integers(0, 2**40))
def test_every_step_keeps_the_faults_of_the_one_before_and_adds_one(steps, repeats, seed):
    space = small.space((3, 5), BitFlip(bits=(0, 31)))
    trials = Cumulative(steps, repeats=repeats).draw(space, seed)
    assert len(trials) == steps * repeats
    for history in range(repeats):
        before: list[int] = []
        for step in range(steps):
            faults = trials[step * repeats + history].tolist()
            assert faults[:-1] == before
            assert len(set(faults)) == step + 1
            assert trials.strata[trials.stratum(step * repeats + history)].name == (
                f"errors {step + 1}"
            )
            before = faults


def test_a_history_does_not_depend_on_how_many_steps_or_histories_there_are():
    space = small.space((30, 50))
    some, more = Cumulative(4, repeats=3), Cumulative(9, repeats=7)
    for history in range(3):
        short = some.draw(space, 5)[3 * 3 + history]
        long = more.draw(space, 5)[8 * 7 + history]
        assert short.tolist() == long[:4].tolist()


def test_every_fault_is_as_likely_as_any_other_at_every_step():
    space = small.space((2, 4))
    trials = Cumulative(3, repeats=1200).draw(space, 1)
    for step in range(3):
        last = Counter(int(trials[step * 1200 + history][-1]) for history in range(1200))
        assert chisquare([last[fault] for fault in range(len(space))]).pvalue > 1e-4


def test_more_steps_than_faults_are_refused():
    with pytest.raises(InputError, match="there are 8; take fewer steps"):
        Cumulative(9).draw(small.space((3, 5)), 0)
    for wrong in ({"steps": 0}, {"steps": 3, "repeats": 0}):
        with pytest.raises(InputError, match="at least 1"):
            Cumulative(**wrong)


def test_accumulation_is_what_the_trials_show():
    space = small.space((3, 5))
    # The harm of a trial is the share of its faults in the first tensor.
    found = small.prepared(
        space, Cumulative(4, repeats=6), lambda faults: (np.asarray(faults) < 3).mean()
    )
    table = accumulation(found).frame
    assert table["errors"].tolist() == [1, 2, 3, 4]
    for row in table.itertuples():
        mine = [(found.trials[(row.errors - 1) * 6 + h] < 3).mean() for h in range(6)]
        assert row.mean == pytest.approx(np.mean(mine))
        assert row.std == pytest.approx(np.std(mine, ddof=1))
        assert (row.best, row.worst) == (min(mine), max(mine))
        assert row.low <= row.mean <= row.high
        estimate = found.rate(by="errors")[str(row.errors)]
        assert (row.low, row.high) == (estimate.low, estimate.high)
    assert accumulation(found).first(2.0) is None
    worst = table["worst"].tolist()
    assert accumulation(found).first(0.4) == 1 + next(n for n, w in enumerate(worst) if w > 0.4)


@pytest.mark.parametrize("repeats", [1, 2])
def test_spread_of_histories_takes_two_of_them(repeats):
    space = small.space((3, 5))
    found = small.prepared(
        space, Cumulative(2, repeats=repeats), lambda faults: np.asarray(faults).mean() / 8
    )
    for row in accumulation(found).frame.itertuples():
        assert np.isnan(row.std) == (repeats == 1)
        if repeats == 2:
            assert row.std == pytest.approx((row.worst - row.best) / 2**0.5)


def test_accumulation_of_a_score_is_worst_where_it_is_lowest():
    found = small.campaign(sampler=Cumulative(3, repeats=4), metrics=["Accuracy()"])
    table = accumulation(found, "accuracy").frame
    assert (table["best"] >= table["worst"]).all()
    assert len(accumulation(found, "drop").frame) == 3
    drops = accumulation(found, "drop").frame
    assert (drops["best"] <= drops["worst"]).all()


def test_other_samplers_do_not_accumulate():
    found = small.campaign(sampler=Uniform(5))
    with pytest.raises(InputError, match=r"not of Uniform\(5\)"):
        accumulation(found)
    with pytest.raises(InputError, match="of many faults, as of Cumulative"):
        found.rate(by="errors")
    several = small.campaign(sampler=Cumulative(2, repeats=2))
    with pytest.raises(InputError, match="only by='errors'"):
        several.rate(by="rate")
    assert list(several.to_frame()["errors"]) == ["errors 1"] * 2 + ["errors 2"] * 2


def test_a_killed_and_resumed_campaign_and_several_workers_find_the_same(tmp_path):
    sampler = Cumulative(3, repeats=4)
    whole = small.campaign(tmp_path / "whole.db", sampler=sampler)
    small.campaign(tmp_path / "part.db", sampler=sampler)
    small.without_checksums(tmp_path / "part.db")
    with sqlite3.connect(tmp_path / "part.db") as db:
        db.execute("DELETE FROM trials WHERE trial % 3 = 1")
    db.close()
    again = small.campaign(tmp_path / "part.db", sampler=sampler)
    assert np.array_equal(again.values(), whole.values())
    both = small.campaign(sampler=sampler, workers=2)
    assert np.array_equal(both.values(), whole.values())


@pytest.mark.parametrize("repeats", [1, 4])
def test_first_is_none_where_all_histories_agree_that_there_is_no_harm(repeats):
    found = small.prepared(small.space(), Cumulative(3, repeats=repeats), lambda faults: 0.0)
    assert accumulation(found).first(0.1) is None
    scores = small.prepared(
        small.space(),
        Cumulative(3, repeats=repeats),
        lambda faults: 1.0 - 0.25 * len(faults),
        columns=("Accuracy().accuracy",),
    )
    assert accumulation(scores).first(0.6) == 2
    harm = small.prepared(
        small.space(), Cumulative(3, repeats=repeats), lambda faults: 0.25 * len(faults)
    )
    assert accumulation(harm).first(0.6) == 3


@pytest.mark.parametrize(
    ("column", "harmful"),
    [
        ("ConfidenceShift(0.1).shifted", True),
        ("ObservedSafe().observed_unsafe", True),
        ("ObservedSafe().masked", False),
        ("Detected('max_logit', 0.5).missed", True),
        ("Detected('max_logit', 0.5).needless", True),
        ("Detected('max_logit', 0.5, decoders=True).quiet", False),
        ("Corrections().miscorrected", True),
        ("Corrections().silent", True),
        ("Corrections().corrected", False),
        ("Critical().due", True),
        ("Outcome().masked", False),
        ("Corneliou().beneficial_correct", False),
        ("Corneliou().due", True),
    ],
)
def test_the_worst_history_is_the_one_with_the_most_harm(column, harmful):
    found = small.prepared(
        small.space(),
        Cumulative(2, repeats=6),
        lambda faults: (np.asarray(faults) < 3).mean(),
        columns=(column,),
    )
    row = accumulation(found).frame.iloc[1]
    values = found.values()[6:]
    assert values.min() < values.max()
    assert (row["worst"] == values.max()) == harmful
    assert (row["best"] == values.min()) == harmful


@pytest.mark.parametrize("column", ["Corneliou().noimpact_misclassified", "elsewhere:Mine().moved"])
def test_a_figure_without_a_direction_has_no_worst_history(column):
    found = small.prepared(
        small.space(), Cumulative(2, repeats=3), lambda faults: 0.5, columns=(column,)
    )
    table = accumulation(found)
    assert table.frame["worst"].isna().all()
    assert table.frame["mean"].tolist() == [0.5, 0.5]
    with pytest.raises(InputError, match="higher_is_better"):
        table.first(0.1)


def test_histories_that_are_too_many_to_be_kept_are_the_same(monkeypatch):
    space = small.space((3, 5), BitFlip())
    kept = Cumulative(steps=6, repeats=3).draw(space, 4)
    expected = [kept[trial].tolist() for trial in reversed(range(len(kept)))]
    monkeypatch.setattr(cumulative, "_KNOWN", 0)
    anew = Cumulative(steps=6, repeats=3).draw(space, 4)
    assert [anew[trial].tolist() for trial in reversed(range(len(anew)))] == expected
