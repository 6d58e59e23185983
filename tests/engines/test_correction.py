"""Are means over inferred verdicts put right, and do their intervals hold?"""

import copy
from functools import cache

import numpy as np
import pytest

from radhard.campaign import run
from radhard.comparison import compare
from radhard.engines import Bracket, FirstOrder, Serial
from radhard.engines.audit_draw import Draw
from radhard.engines.inference import Inference, Tally, inference_notes
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float16
from radhard.metrics import Accuracy, Critical
from radhard.results import Results
from radhard.samplers import Exhaustive, PerBit, Uniform
from radhard.space import FaultSpace
from radhard.stats import clopper_pearson
from radhard.targets import Weights
from tests.engines.small_margins import small_margins

RASH = {"safety": 1.0, "reach": 1e9, "threshold": 1.0}
"""Bounds within which much is inferred that is wrong."""

NETWORKS = 5


def small(seed: int):
    """A network with small margins, its samples, and faults."""
    model, data = small_margins(seed)
    fault = BitFlip(field=("sign", "exponent"))
    return model, data, FaultSpace.of(model, Weights("*"), fault, Float16())


def ran(network: int, engine, sampler, *, seed: int = 0, **changed) -> Results:
    model, data, space = small(network)
    asked = {"metrics": [Critical(), Accuracy()], "audit": 0, "seed": seed, "progress": False}
    return run(model, data, space, sampler, engine=engine, **asked, **changed)


@cache
def truth(network: int) -> Results:
    return ran(network, Serial(), Exhaustive())


# -- the draw ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "audit"), [(50, 0.02), (10, 0.3), (7, 1.0), (1, 0.2)])
def test_every_pair_is_drawn_equally_often_whatever_else_is(samples, audit):
    draw = Draw(space=4_000, seed=3, samples=samples, trials=10**9, audit=audit)
    faults = np.arange(4_000)
    for pairs, share in (
        (draw.pilot(faults), draw.pilot_share),
        (draw.sample(faults), draw.sample_share),
    ):
        assert len(set(zip(*(axis.tolist() for axis in pairs), strict=True))) == len(pairs[0])
        of_sample = np.bincount(pairs[1], minlength=samples)
        assert (np.abs(of_sample - 4_000 * share) <= 1).all()  # every start is there once
        some = faults[::-7]
        again = draw.sample(some) if pairs[0] is not draw.pilot(faults)[0] else draw.pilot(some)
        assert set(again[0].tolist()) <= set(range(len(some)))
    whole = set(zip(*(axis.tolist() for axis in draw.sample(faults)), strict=True))
    part = draw.sample(faults[5:900])
    assert {(row + 5, sample) for row, sample in zip(*(p.tolist() for p in part), strict=True)} == {
        pair for pair in whole if 5 <= pair[0] < 900
    }
    both = 1 - (1 - draw.pilot_share) * (1 - draw.sample_share)
    assert both == pytest.approx(draw.share)


def test_a_small_campaign_tries_a_pair_a_trial():
    assert Draw(10**6, 0, samples=20, trials=500, audit=0.02).share == pytest.approx(1 / 20)
    assert Draw(10**6, 0, samples=20, trials=10**6, audit=0.02).share == 0.02
    assert Draw(10**6, 0, samples=4, trials=500, audit=0.02).share == 0.1
    assert Draw(10**6, 0, samples=20, trials=500, audit=0.0).share == 0


# -- the estimate --------------------------------------------------------------------------------


def test_a_corrected_rate_errs_to_both_sides_where_what_was_found_errs_to_one():
    raw, corrected = [], []
    for network in range(NETWORKS):
        found = ran(network, FirstOrder(**RASH, audit=0.2), Exhaustive(), seed=network)
        true = truth(network).rate("critical").value
        raw.append(found.values("critical").mean() - true)
        corrected.append(found.rate("critical").value - true)
        accuracy = found.rate("accuracy")
        assert accuracy.low < truth(network).rate("accuracy").value < accuracy.high
    assert min(raw) < 0 == round(max(max(raw), 0), 12)
    assert min(corrected) < 0 < max(corrected)
    # By chance alone the mean of so many errors lies within three of its standard deviations.
    deviation = np.std(corrected, ddof=1) / np.sqrt(NETWORKS)
    assert abs(np.mean(corrected)) < 3 * deviation < abs(np.mean(raw))


@cache
def campaign(seed: int) -> Results:
    return ran(0, FirstOrder(**RASH), Uniform(500) if seed % 2 else PerBit(20), seed=seed)


@pytest.mark.parametrize("by", [None, "bit"])
def test_intervals_of_corrected_rates_hold_what_was_exhausted(by):
    true = truth(0).estimates("Critical().critical", by, 0.95)
    held = cells = 0
    for seed in range(12):
        for key, estimate in campaign(seed).estimates("Critical().critical", by, 0.95).items():
            held += estimate.low <= true[key].value <= estimate.high
            cells += 1
    # Of 12 intervals all hold, of 72 at least 67.
    assert held >= 0.93 * cells


def test_intervals_are_no_more_than_twice_as_wide_as_without_anything_inferred():
    for engine in (FirstOrder(), Bracket()):
        fast, plain = (ran(1, one, Uniform(600)).rate("critical") for one in (engine, Serial()))
        assert fast.high - fast.low <= 2 * (plain.high - plain.low)


def test_a_wrong_verdict_moves_the_rate_the_way_it_was_wrong():
    found = ran(2, FirstOrder(**RASH, audit=0.1), Exhaustive())
    raw = found.values("critical").mean()
    missed = sum(max(by[0], 0) for record in found.inferences for _, by in record.wrong)
    assert missed > 0
    share = found.inferences[0].share
    # What each stands for beside itself, as a mean over trials and samples.
    wanted = raw + missed * (1 / share - 1) / (10 * len(found))
    assert found.rate("critical").value == pytest.approx(wanted, abs=1e-12)
    assert raw < wanted


@pytest.mark.parametrize(("too_low", "farther"), [(True, "high"), (False, "low")])
def test_an_interval_grows_to_the_side_to_which_a_verdict_may_be_wrong(too_low, farther):
    found = ran(3, Serial(), Exhaustive())
    trials = np.bincount(found.to_frame()["fault"] % found.space.variants[0]).tolist()
    every, none = tuple(10 * n for n in trials), tuple(0 for _ in trials)
    some = tuple(min(n, 20) for n in trials)
    of = ((every, none), (some, none)) if too_low else ((none, every), (none, some))
    record = Inference(
        found.space.sites[0].name, "pairs", 10, 0.1, tuple(trials), (of[0],) * 4, (of[1],) * 4, (),
        Tally(100, 10, 0), Tally(0, 0, 0), all_tried=False,
    )  # fmt: skip
    manifest = {**found.manifest, "inferred": {"a": record.to_dict()}}
    rate = Results(manifest, found._outcomes).rate("critical")
    other = {"high": "low", "low": "high"}[farther]
    assert getattr(rate, farther) != rate.value == getattr(rate, other)
    assert abs(getattr(rate, farther) - rate.value) < 0.1


def test_both_sides_of_a_comparison_are_corrected():
    found = ran(2, FirstOrder(**RASH, audit=0.1), Exhaustive())
    for before, after, sign in ((truth(2), found, 1), (found, truth(2), -1)):
        (row,) = compare(before, after, "critical").rows
        assert row.difference.value == pytest.approx(row.after.value - row.before.value)
        assert row.difference.low < 0 < row.difference.high
        assert sign * row.difference.value != 0


def test_a_part_of_the_trials_is_corrected_by_its_own_part():
    found = ran(2, FirstOrder(**RASH, audit=0.2), Exhaustive())
    half = found.only(found.numbers[::2]).rate("critical")
    true = truth(2).only(truth(2).numbers[::2]).values("critical").mean()
    assert half.low <= true <= half.high


# -- records -------------------------------------------------------------------------------------


def test_records_survive_json_and_those_that_cannot_be_are_refused():
    found = ran(2, FirstOrder(**RASH, audit=0.2), Uniform(300))
    for plain in found.manifest["inferred"].values():
        assert (
            Inference.from_dict(plain).to_dict()
            == Inference.from_dict(Inference.from_dict(plain).to_dict()).to_dict()
        )
        for wrong in (
            {"kind": "both"},
            {"samples": 0},
            {"share": 1.5},
            {"share": 0, "wrong": [[0, [0.5] * 4]]},
            {"wrong": [[0, [0.5]]]},
            {"wrong": [[0, [7.0] * 4]]},
            {"sample": plain["open"], "open": plain["sample"]},
            {"harmless": {"inferred": 1, "tried": 2, "wrong": 0}},
        ):
            broken = {**copy.deepcopy(plain), **wrong}
            if broken == plain:
                continue
            with pytest.raises((ValueError, TypeError)):
                Inference.from_dict(broken)
            with pytest.raises(InputError, match="cannot be read"):
                Results({**found.manifest, "inferred": {"a": broken}}, found._outcomes)


def test_records_of_earlier_versions_still_widen_the_interval():
    found = ran(3, Serial(), Uniform(300))
    variants = int(found.space.variants[0])
    old = {
        "tensor": found.space.sites[0].name,
        "faults": [9] * variants,
        "inferred": [9] * variants,
        "checked": [3] * variants,
        "wrong": [[0, 0.5]],
        "tried": False,
    }
    plain, older = (
        Results({**found.manifest, "inferred": records}, found._outcomes).rate("critical")
        for records in ({}, {"a": old})
    )
    assert older.value == plain.value
    assert older.low <= plain.low <= plain.high < older.high


def test_none_of_some_is_not_said_to_be_none_of_all():
    record = ran(1, FirstOrder(), Uniform(300)).inferences[0]
    assert record.harmless.wrong == 0 < record.harmless.tried < record.harmless.inferred
    (note,) = inference_notes([record])
    limit = clopper_pearson(0, record.harmless.tried)[1]
    assert note.facts["harmless"]["at_most"] == limit > 0
    assert note.facts["unit"] == "verdicts"
    assert "0 %" not in str(note).replace("0 % are", "")
    assert f"none of {record.harmless.tried:,} was wrong (at most" in str(note)
