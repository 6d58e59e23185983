"""What do the figures of a run say where caps left faults untried?"""

import json

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.caps import Certified
from radhard.cli.json_output import results_facts
from radhard.cli.run_tables import show_results
from radhard.cli.terminal import Terminal
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
    with pytest.raises(InputError, match="no trial has been executed"):
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
