"""Do caps save trials, and are intervals right with them?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.groups import Groups
from radhard.injection import DIRECTIONS, Directions
from radhard.samplers import Adaptive, StageDraw, Until
from radhard.space import FaultSpace
from radhard.stats import stratified_mean
from radhard.studies.exhausted.simulation import Simulation
from radhard.targets import Weights


class Table:
    """Caps that are looked up."""

    notes = ()

    def __init__(self, caps):
        self.caps = caps

    def of(self, faults):
        return self.caps[faults]


@pytest.fixture(scope="module")
def table():
    """3,000 words; most faults are known to be harmless, and others have loose caps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Linear(60, 50, bias=False)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    faults = np.arange(len(space))
    _, _, variants = space.locate(faults)
    up = Directions(model, space).of(faults) == DIRECTIONS.index("up")
    chance = np.random.default_rng(0).random((2, len(space)))
    harm = np.where(up & (variants >= 29), chance[0] ** 2, 0.0)
    caps = np.where(variants < 27, 0.0, np.minimum(1.0, harm + 0.3 * chance[1]))
    return Simulation(model, space, harm, Table(caps))


def outcome(simulation, sampler, seed):
    division = sampler.divide(simulation.space, simulation.census)
    return simulation.run(sampler, StageDraw(division, seed, "critical"))


@pytest.mark.parametrize("sampler", [Adaptive(0.004), Until(0.006)], ids=repr)
def test_caps_save_trials_and_intervals_hold_the_rate(table, sampler):
    held, trials, plain = 0, [], []
    for seed in range(12):
        found = outcome(table, sampler, seed)
        assert found.half_width <= sampler.margin * (1 + 1e-9)
        estimate = found.estimates[""]
        held += estimate.low <= table.harm.mean() <= estimate.high
        trials.append(len(found.trials))
        # Of faults that are known to be harmless none is tried.
        faults = found.trials.at(np.arange(len(found.trials)))
        assert (table.caps.of(faults) > 0).all()
        if seed < 3:
            plain.append(len(outcome(replace(table, caps=None), sampler, seed).trials))
    assert held >= 10
    assert np.mean(trials) < 0.5 * np.mean(plain)


def test_without_caps_for_a_figure_what_was_not_drawn_is_unknown(table):
    found = outcome(table, Adaptive(0.01), 0)
    trials, numbers = found.trials, np.arange(len(found.trials))
    groups = Groups(table.space, trials, numbers, None)
    ((_, parts),) = groups.split()
    values = table.harm[trials.at(numbers)]
    known = np.mean(table.caps.caps == 0)
    assert stratified_mean(groups.cells(parts, values)).high > known
    assert stratified_mean(groups.cells(parts, values, capped=True)).high < 0.1
    # The mean counts the faults that are known to be harmless.
    assert groups.mean(parts, values, capped=True) == pytest.approx(found.estimates[""].value)
    # What a figure says where nothing was drawn may be anything, also at any moment.
    trials = outcome(table, Until(0.01), 0).trials
    values = table.harm[trials.at(np.arange(len(trials)))]
    low, high = Until(0.01).anytime(trials, values, 0.95, capped=False)
    assert low < 0.1
    assert high > known


def test_a_cap_that_a_trial_contradicts_is_not_used(table):
    found = outcome(table, Adaptive(0.01), 0)
    trials, numbers = found.trials, np.arange(len(found.trials))
    groups = Groups(table.space, trials, numbers, None)
    ((_, parts),) = groups.split()
    values = table.harm[trials.at(numbers)]
    at = next(n for n, s in enumerate(trials.strata) if 0 < s.cap <= 0.3 and s.trials)
    wrong = values.copy()
    wrong[np.flatnonzero(trials.strata_of(numbers) == at)[0]] = 0.9
    right, after = (
        stratified_mean(groups.cells(parts, some, capped=True)).high for some in (values, wrong)
    )
    # One larger value of so many trials alone would not raise the limit so far.
    share = trials.strata[at].population / len(table.space) / trials.strata[at].trials
    assert after > right + share


def test_a_note_counts_the_faults_that_caps_leave_untried(table):
    found = outcome(table, Adaptive(0.01), 0)
    (note,) = [note for note in found.trials.notes if note.kind == "untried faults"]
    assert note.facts["faults"] == int((table.caps.caps == 0).sum())
    assert note.facts["of"] == len(table.space)
