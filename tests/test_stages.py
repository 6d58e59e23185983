"""Are the stages of a campaign the same, however it is executed?"""

import copy
import json

import numpy as np
import pytest
from torch import nn

from radhard.engines import FirstOrder, Replay, Serial
from radhard.errors import InputError
from radhard.metrics import Accuracy, Critical, Distance, Outcome
from radhard.results import Results
from radhard.samplers import Adaptive, StagedTrials, Until
from radhard.samplers.array_text import numbers_of, text_of
from radhard.stats import percent
from tests.small import BEFORE, Counting, campaign, network, rows

SAMPLER = Adaptive(0.06)


def drawn(results):
    return results.trials.at(np.arange(results.planned)).tolist()


@pytest.fixture(scope="module")
def reference():
    return campaign(sampler=SAMPLER)


def test_a_campaign_stops_at_its_margin_and_is_complete(reference):
    rate = reference.rate()
    assert (rate.high - rate.low) / 2 <= 0.06
    assert len(reference.trials.stages) > 1
    assert reference.complete
    assert (
        len(reference)
        == reference.planned
        == sum(len(stage.faults) for stage in reference.trials.stages)
    )
    # Rates by other groups have their own, wider intervals.
    assert set(reference.rate(by="tensor")) == {"0.weight", "2.weight"}
    assert set(reference.rate(by="bit, direction")) >= {"30, up"}


def test_rates_are_those_of_all_faults(reference):
    exact = campaign(sampler="Exhaustive()").rate().value
    rate = reference.rate()
    assert rate.low <= exact <= rate.high


def test_another_engine_and_two_workers_have_the_same_trials(reference):
    other = campaign(sampler=SAMPLER, engine=Replay(), workers=2)
    assert drawn(other) == drawn(reference)
    assert (other.values() == reference.values()).all()


def test_inferred_verdicts_decide_on_stages_with_any_number_of_workers():
    one, two = (
        campaign(sampler=SAMPLER, engine=FirstOrder(), metrics=[Critical()], workers=workers)
        for workers in (1, 2)
    )
    assert drawn(two) == drawn(one)
    assert two.values().tolist() == one.values().tolist()
    assert two.rate() == one.rate()
    # The records of every stage count.
    recorded = sum(sum(r.trials) for r in one.inferences if r.kind == "pairs")
    assert len(one.trials.stages[0].faults) < recorded <= len(one)
    rate = one.rate()
    assert (rate.high - rate.low) / 2 <= 0.06


@pytest.mark.parametrize("after", [20, 40, 52])
def test_a_killed_campaign_is_continued_with_the_same_trials(tmp_path, reference, after):
    path = tmp_path / "run.db"

    def stop(passes):
        if passes == BEFORE + after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        campaign(path, sampler=SAMPLER, model=Counting(network(), stop))
    begun = Results.open(path)
    assert not begun.complete
    assert 0 < len(begun) <= after
    done = len(begun)
    # The rest with another engine, and several workers.
    whole = campaign(path, sampler=SAMPLER, model=Counting(network()), engine=Serial(), workers=2)
    assert whole.complete
    assert drawn(whole) == drawn(reference)
    assert whole.values().tolist() == reference.values().tolist()
    assert len(rows(path)) > done
    # Nothing is left to do.
    again = campaign(path, sampler=SAMPLER, model=Counting(network()))
    assert again.values().tolist() == reference.values().tolist()


def test_a_file_says_its_stages_and_opens_without_the_model(tmp_path, reference):
    path = tmp_path / "run.db"
    campaign(path, sampler=SAMPLER)
    opened = Results.open(path)
    assert drawn(opened) == drawn(reference)
    assert opened.rate() == reference.rate()
    assert opened.rate(by="bit").keys() == reference.rate(by="bit").keys()
    assert opened.only(opened.numbers[:40]).planned == opened.planned


def put(plain, fault):
    """Another fault instead of the first that was drawn."""
    stage = plain["drawn"][0]
    faults = numbers_of(stage["faults"], np.int64, stage["trials"])
    faults[0] = fault
    stage["faults"] = text_of(faults)


@pytest.mark.parametrize("end", [0, -1])
def test_the_first_and_the_last_fault_of_a_space_may_have_been_drawn(reference, end):
    fault = range(len(reference.space))[end]
    assert fault not in drawn(reference)
    plain = json.loads(json.dumps(reference.trials.to_dict()))
    put(plain, fault)
    assert StagedTrials.from_dict(plain, reference.space, reference.seed).at(np.arange(1)) == fault


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: put(plain, -1),
        lambda plain: put(plain, sum(n for _, n, _ in plain["strata"])),
        lambda plain: plain["drawn"][0].update(trials=3),
        lambda plain: plain["drawn"][0].update(faults=plain["drawn"][0]["strata"]),
        lambda plain: plain["strata"][0].__setitem__(1, 5),
        lambda plain: plain["strata"][0].__setitem__(2, 2.0),
        lambda plain: plain.update(kinds=1),
        lambda plain: plain.update(kinds=True),
        lambda plain: plain["drawn"].append(plain["drawn"][0]),
        lambda plain: plain.pop("directions"),
    ],
)
def test_stages_that_cannot_be_are_refused(reference, change):
    plain = json.loads(json.dumps(reference.trials.to_dict()))
    again = StagedTrials.from_dict(plain, reference.space, reference.seed)
    assert again.at(np.arange(len(again))).tolist() == drawn(reference)
    change(plain)
    with pytest.raises((ValueError, LookupError, TypeError)):
        StagedTrials.from_dict(plain, reference.space, reference.seed)
    manifest = copy.deepcopy(reference.manifest) | {"stages": plain}
    with pytest.raises(InputError, match="cannot be read"):
        Results(manifest, reference.to_frame()[["trial"]].assign(fault=drawn(reference), faults=1))


def test_a_figure_that_there_is_not_or_without_bounds_is_refused():
    with pytest.raises(InputError, match="is not a figure"):
        campaign(sampler=Adaptive(0.1, figure="accurate"))
    with pytest.raises(InputError, match="with bounds"):
        campaign(sampler=Adaptive(0.1), metrics=[Distance()])
    with pytest.raises(InputError, match="while they are executed"):
        Adaptive(0.1).draw(campaign().space, 0)


def test_another_figure_may_decide():
    found = campaign(sampler=Adaptive(0.1, figure="masked"))
    rate = found.rate("masked")
    assert (rate.high - rate.low) / 2 <= 0.1
    with pytest.raises(InputError, match=r"is not a figure"):
        campaign(sampler=Adaptive(0.1, figure="masked"), metrics=[Critical()])


def test_a_network_of_another_kind(tmp_path):
    with_dropout = nn.Sequential(*network(), nn.Dropout()).eval()
    found = campaign(tmp_path / "run.db", sampler=SAMPLER, model=with_dropout)
    assert found.complete


def test_a_running_interval_is_one_of_the_figure_and_not_of_its_range():
    shown = []
    found = campaign(
        sampler=Until(0.05, figure="drop"),
        metrics=[Outcome(), Accuracy()],
        progress=lambda state: shown.append(state.so_far),
        audit=0.0,
    )
    rate = found.rate("drop")
    assert f"{percent(rate.low)} to {percent(rate.high)}" in shown[-1]
