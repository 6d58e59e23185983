"""How much are the values of strata taken to vary, given what their trials have shown?"""

import numpy as np
import pytest

from radhard.samplers.stratum_deviations import stratum_deviations


@pytest.mark.parametrize(("trials", "rate"), [(2, 0.8), (6, 0.5), (15, 0.05), (40, 0.02)])
def test_strata_that_hide_what_others_show_are_taken_to_vary_as_they_do(trials, rate):
    rng, flat, every = np.random.default_rng(0), [], []
    for _ in range(40):
        values = (rng.random((30, trials)) < rate).astype(float)
        found = stratum_deviations(list(values), [1 / 30] * 30)
        flat += [one for own, one in zip(values, found, strict=True) if own.std() == 0]
        every += found
    true = np.sqrt(rate * (1 - rate))
    assert len(flat) > 50 or rate == 0.5
    assert np.mean(every) == pytest.approx(true, rel=0.2)
    if flat:
        assert np.sqrt(np.mean(np.square(flat))) == pytest.approx(true, rel=0.3)


def test_strata_without_harm_stay_so_where_harm_is_in_one():
    rng = np.random.default_rng(1)
    values = [np.zeros(40) for _ in range(29)] + [np.round(rng.random(40), 2)]
    found = stratum_deviations(values, [1 / 30] * 30)
    assert max(found[:-1]) < 1e-6
    assert found[-1] == pytest.approx(values[-1].std(ddof=1), rel=0.2)


@pytest.mark.parametrize("trials", [3, 400])
def test_a_stratum_that_looks_like_no_other_varies_as_it_has_shown(trials):
    values = [np.zeros(400), (np.arange(400) % 2).astype(float), np.zeros(trials)]
    found = stratum_deviations(values, [0.3, 0.3, 0.4])
    assert found[1] == pytest.approx(0.5, rel=0.01)
    assert found[0] < 1e-6


def test_strata_without_trials_are_no_obstacle():
    assert stratum_deviations([np.zeros(0), np.zeros(1)], [0.5, 0.5]) == [0.0, 0.0]
    found = stratum_deviations([np.zeros(0), np.array([0.0, 1.0, 0.0, 1.0])], [0.5, 0.5])
    assert np.isfinite(found).all()
