"""Is the share of critical faults that is caught what counting says?"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from radhard.detection import assess, calibrate, detection_rate
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Detected, Outcome
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, PerTensor, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from tests.small import campaign, data, network

ALARM = Detected("energy", -0.2, most=0.9)


def run(**changed: Any) -> Results:
    return campaign(metrics=[Outcome(), ALARM], **changed)


@pytest.fixture(scope="module")
def whole() -> Results:
    """Every fault of the network."""
    return run(sampler=Exhaustive())


def counted(results: Results) -> tuple[float, float]:
    frame = results.to_frame()
    of = [frame[f"{ALARM!r}.{name}"].sum() for name in ("caught", "missed")]
    return of[0], sum(of)


def test_of_an_exhausted_space_the_share_is_exact(whole: Results) -> None:
    part, all_of_them = counted(whole)
    assert 0 < part < all_of_them
    found = detection_rate(whole)
    assert found.value == pytest.approx(part / all_of_them)
    assert found.low == pytest.approx(found.value)
    assert found.high == pytest.approx(found.value)
    assert whole.values("critical").sum() == pytest.approx(all_of_them)


def test_groups_split_the_share_and_those_without_critical_faults_are_left_out(
    whole: Results,
) -> None:
    frame = whole.to_frame()
    found = detection_rate(whole, by="bit")
    for bit, rows in frame.groupby("bit"):
        part, missed = (rows[f"{ALARM!r}.{n}"].sum() for n in ("caught", "missed"))
        assert (bit in found) == (part + missed > 0)
        if bit in found:
            assert found[bit].value == pytest.approx(part / (part + missed))
    assert 0 < len(found) < 32


def drawn(whole: Results, sampler: Sampler, seed: int) -> Results:
    """What a campaign of this sampler would have found, read from that of all faults."""
    trials = sampler.draw(whole.space, seed)
    faults = trials.at(np.arange(len(trials)))
    frame = pd.DataFrame({"trial": np.arange(len(faults)), "fault": faults, "faults": 1})
    for column in whole.columns:
        frame[column] = whole.values(column)[faults]
    changed = {"sampler": repr(sampler), "seed": seed, "planned": len(faults)}
    # Directions are those of the trials, and these are others.
    manifest = {key: value for key, value in whole.manifest.items() if key != "directions"}
    return Results({**manifest, **changed}, frame)


def test_intervals_hold_the_truth_as_often_as_they_say(whole: Results) -> None:
    truth = detection_rate(whole).value
    inside, widths = [], []
    for seed in range(30):
        found = detection_rate(drawn(whole, Uniform(300), seed), confidence=0.9)
        assert 0 <= found.low <= found.value <= found.high <= 1
        inside.append(found.low <= truth <= found.high)
        widths.append(found.high - found.low)
    # At 90 %, fewer than 21 of 30 happen less than once in 1,000 times.
    assert np.sum(inside) >= 21
    # Of 300 trials 28 are critical: 0.25 is the width of Wilson's interval for so many.
    assert 0.25 < np.mean(widths) < 0.5


def test_strata_weigh_by_their_faults() -> None:
    results = run(sampler=PerTensor(60))
    frame = results.to_frame()
    sizes = {site.name: site.words for site in results.space.sites}
    part = total = 0.0
    for name, rows in frame.groupby("tensor"):
        c, m = (rows[f"{ALARM!r}.{n}"].mean() for n in ("caught", "missed"))
        part += sizes[str(name)] * c
        total += sizes[str(name)] * (c + m)
    assert detection_rate(results).value == pytest.approx(part / total)


def test_single_samples_and_error_rates_have_shares_too() -> None:
    space = FaultSpace.of(network(), Activations("*"), BitFlip(), Float32(), data=data())
    one = run(space=space, sampler=Uniform(300))
    part, total = counted(one)
    assert detection_rate(one).value == pytest.approx(part / total)
    by_rate = detection_rate(run(sampler=ErrorRate((0.01, 0.1), 30)))
    assert list(by_rate) == ["0.01", "0.1"]


def test_the_metric_has_to_be_in_the_run_and_to_be_told_from_others(whole: Results) -> None:
    with pytest.raises(InputError, match="0 metrics Detected"):
        detection_rate(campaign())
    other = Detected("margin", 0.1)
    with pytest.raises(InputError, match="not a metric"):
        detection_rate(whole, other)
    both = campaign(metrics=[ALARM, other])
    with pytest.raises(InputError, match="specify"):
        detection_rate(both)
    assert detection_rate(both, ALARM).value >= 0


def test_without_a_critical_fault_there_is_nothing_to_catch() -> None:
    space = FaultSpace.of(network(), Weights("*"), BitFlip(bits=(0,)), Float32())
    with pytest.raises(InputError, match="no critical fault"):
        detection_rate(run(space=space, sampler=Exhaustive()))


def test_alarms_are_compared_in_the_same_trials() -> None:
    model = network()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    validation, unseen = data(samples=120), data(seed=9, samples=50)
    found = assess(model, validation, unseen, space, Uniform(200), false_alarms=0.1, progress=False)
    assert {alarm.detected.score for alarm in found.alarms} == {
        "energy", "entropy", "margin", "max_logit", "max_softmax",
    }  # fmt: skip
    shares = [watch.caught.value for watch in found.alarms]
    assert shares == sorted(shares, reverse=True)
    best = found.alarms[0]
    assert best.detected == calibrate(
        model, validation, score=best.detected.score, false_alarms=0.1
    )
    alarms = best.detected.alarms(model(unseen.inputs).detach())
    assert best.false_alarms.value == pytest.approx(float(alarms.double().mean()))
    assert found.to_frame()["caught"].tolist() == shares
    assert str(best) in str(found)
    with pytest.raises(InputError, match="give other data"):
        assess(model, validation, validation, space, Uniform(10))
