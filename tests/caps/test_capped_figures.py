"""What do the figures of a run say where caps left faults untried?"""

import json
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.caps import Certified
from radhard.cli.json_output import results_facts
from radhard.cli.run_tables import show_results
from radhard.cli.terminal import Terminal
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.report.pages import html
from radhard.samplers import Adaptive, Until


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))


def capped(sampler, samples):
    return run(network(), samples, sampler=sampler, seed=0, progress=False)


@pytest.fixture(scope="module")
def samples():
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def exhausted(samples):
    return capped("Exhaustive()", samples)


CERTIFIED = [Adaptive(0.02, caps=Certified()), Until(0.02, caps=Certified())]


@pytest.mark.parametrize("sampler", CERTIFIED, ids=repr)
def test_a_rate_that_caps_prove_to_be_0_needs_no_trial(sampler, capsys):
    # Without inputs, the outputs are the biases, whatever the first weights are.
    results = capped(sampler, torch.zeros(8, 3))
    assert (len(results), results.complete) == (0, True)
    rate = results.rate()
    assert (rate.value, rate.low, rate.high, rate.trials) == (0, 0, 0, 0)
    assert str(rate) == "0 % (exact: no trial needed)"
    assert list(results.rate(by="tensor")) == ["0.weight", "2.weight"]
    with pytest.raises(InputError, match="masked is not estimated"):
        results.rate("masked")
    assert "no trial needed" in repr(results)
    assert "critical" in results._repr_html_()
    assert "no trial needed" in html(results)
    json.dumps(results_facts(results))
    show_results(results, Terminal())
    assert "no trial needed" in capsys.readouterr().out


def test_groups_that_caps_prove_to_be_harmless_have_rates(samples, exhausted):
    results = capped(CERTIFIED[0], samples)
    rates, exact = results.rate(by="bit"), exhausted.rate(by="bit")
    tried = [bit for bit, rate in rates.items() if rate.trials]
    assert 0 < len(tried) < len(rates) - 10
    for bit, rate in rates.items():
        if bit not in tried:
            assert rate.low == rate.high == exact[bit].value == 0


@pytest.mark.parametrize("sampler", CERTIFIED, ids=repr)
def test_figures_that_caps_do_not_hold_for_are_not_estimated(sampler, samples, exhausted, capsys):
    data = Data(samples, network()(samples).argmax(1))
    results = capped(sampler, data)
    rate = results.rate()
    assert rate.low <= exhausted.rate().value <= rate.high
    left = f"caps left {results.untried} of 768 faults untried"
    assert results.untried == sum(s.population for s in results.trials.strata if s.cap == 0) > 700
    for figure in ("masked", "due", "drop"):
        for by in (None, "tensor"):
            with pytest.raises(InputError, match="is not estimated"):
                results.rate(figure, by=by)
    show_results(results, Terminal())
    facts = results_facts(results)
    assert list(facts["figures"]) == [results.headline]
    assert len(facts["not estimated"]) == len(results.columns) - 1
    for text in (repr(results), html(results), json.dumps(facts)):
        assert left in text
    assert left in capsys.readouterr().out.replace("\n", " ")
    assert results._repr_html_().count("not estimated") == len(results.columns) - 1
    assert any(note.kind == "untried faults" for note in results.notes)


@pytest.mark.parametrize("sampler", CERTIFIED, ids=repr)
def test_one_trial_above_its_cap_ends_the_use_of_all_caps(sampler, samples, exhausted, monkeypatch):
    harm = np.zeros(len(exhausted))
    harm[exhausted.trials.at(exhausted.numbers)] = exhausted.values()

    class Wrong:
        notes = ()

        def of(self, faults):
            # Of harmful faults the caps are too small, and of every second one 0.
            return np.where((harm[faults] > 0) & (faults % 64 >= 32), 0.01, 0.0)

    monkeypatch.setattr(Certified, "find", lambda *_: Wrong())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = capped(sampler, samples)
    rate = results.rate()
    assert results.means.above_caps > 0
    assert rate.low <= exhausted.rate().value <= rate.high
    # Faults are drawn also where the caps were 0, and the margin is reached.
    assert any(s.cap == 0 and s.trials for s in results.trials.strata)
    assert rate.high - rate.low <= 2 * sampler.margin * (1 + 1e-9)
    found = [note for note in results.notes if note.kind == "contradicted caps"]
    assert [note.facts["trials"] for note in found] == [results.means.above_caps]
    assert len(results.only(results.numbers).notes) == len(results.notes)
    html(results)
