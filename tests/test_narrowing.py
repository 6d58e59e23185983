"""Is the stratum that limits a rate found, and do as many trials as told halve the interval?"""

import math

import numpy as np
import pandas as pd
import pytest

from radhard.narrowing import is_wide, narrowing
from radhard.results import Results
from radhard.samplers import ErrorRate, PerBit, PerTensor, Uniform
from radhard.stats import Estimate
from tests import small


def outcome_of(results, harmful):
    """The results with other verdicts: ``harmful`` numbers of trials are harmful."""
    frame = pd.DataFrame(
        {"trial": results.numbers, "fault": [results.trials[n][0] for n in results.numbers]}
    )
    for column in results.columns:
        frame[column] = [float(number in harmful) for number in results.numbers]
    frame["faults"] = 1
    return Results(results.manifest, frame)


def test_without_events_in_one_stratum_it_is_what_wilson_needs():
    results = outcome_of(small.campaign(sampler=Uniform(100), metrics="Sdc()"), set())
    found = narrowing(results)
    # The upper limit z^2 / (n + z^2) is halved at 2 n + z^2, in an infinite population.
    z2, population = 1.959964**2, len(results.space)
    effective = 2 * 100 * (population - 1) / (population - 100) + z2
    more = effective * population / (population - 1 + effective) - 100
    assert found.stratum == "all" or found.share == 1
    assert found.trials == pytest.approx(more, rel=0.05)


def test_told_number_of_trials_halves_the_interval_of_a_campaign():
    few = small.campaign(sampler=Uniform(60), metrics="Sdc()")
    found = narrowing(few)
    more = small.campaign(sampler=Uniform(60 + math.ceil(1.05 * found.trials)), metrics="Sdc()")
    before, after = few.rate(), more.rate()
    # What further trials show differs by chance.
    assert after.high - after.low < 0.65 * (before.high - before.low)


def test_stratum_with_most_faults_and_fewest_trials_is_the_one_that_is_named():
    results = small.campaign(sampler=PerTensor(n=20), metrics="Sdc()")
    sizes = {s.name: s.population for s in results.trials.strata}
    found = narrowing(outcome_of(results, set()))
    assert found.stratum == max(sizes, key=sizes.get)
    assert found.share == pytest.approx(max(sizes.values()) / sum(sizes.values()))


def test_the_stratum_that_varies_most_is_found_among_many():
    results = small.campaign(sampler=PerBit(n=3), metrics="Sdc()")
    strata = results.trials.strata
    assert len({stratum.population for stratum in strata}) > 1
    largest = max(range(len(strata)), key=lambda at: strata[at].population)
    own = results.trials.strata_of(np.array(results.numbers)) == largest
    number = np.array(results.numbers)[own][0]
    found = narrowing(outcome_of(results, {number}))
    assert found is not None
    assert found.stratum == strata[largest].name


def test_it_is_not_known_for_trials_of_many_faults():
    assert narrowing(small.campaign(sampler=ErrorRate((1e-3,), trials=5), metrics="Sdc()")) is None


def test_an_interval_is_wide_if_it_is_wider_than_the_rate():
    assert is_wide(Estimate(0.0, 0.0, 0.01, confidence=0.95, trials=300))
    assert not is_wide(Estimate(0.5, 0.4, 0.6, confidence=0.95, trials=100))
