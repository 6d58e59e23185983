"""Do many faults in the values of single samples do what they do in whole passes?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.engines import Campaign, Folded, Serial
from radhard.engines.folded.hit_samples import HitSamples
from radhard.faults import BitFlip, FaultModel, Noise, Replace
from radhard.forward import plain
from radhard.metrics import Critical, Distance, Outcome
from radhard.samplers import ErrorRate, PerBit, PerTensor, Sampler, Uniform, UpsetRate
from radhard.targets import Activations, Weights
from tests.engines.campaigns import campaign_of, execute_all


def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        found = nn.Sequential(
            nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3),
        )  # fmt: skip
        found[1].running_mean.uniform_(-0.5, 0.5)
    return found.eval()


def campaign(sampler: Sampler, fault: FaultModel, seed: int = 1, pattern: str = "*") -> Campaign:
    inputs = torch.randn(12, 2, 6, 6, generator=torch.Generator().manual_seed(7))
    return campaign_of(
        model(), inputs, [Activations(pattern)], sampler, fault=fault, call=plain,
        seed=seed, batch=5, metrics=(Outcome(), Critical(), Distance()),
    )  # fmt: skip


def check(one: Campaign) -> None:
    found, expected = (execute_all(engine, one) for engine in (Folded(), Serial()))
    assert not [note for note in found.notes if note.kind == "unfollowed"]
    for at, name in enumerate(one.panel.columns):
        mine, other = found.figures[:, at], expected.figures[:, at]
        if name.endswith((".critical", ".due")):
            assert np.array_equal(mine, other), name
        if name.endswith(".distance"):
            assert np.array_equal(np.isfinite(mine), np.isfinite(other))
            finite = np.isfinite(other)
            np.testing.assert_allclose(mine[finite], other[finite], rtol=1e-3, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(
    fault=st.sampled_from([BitFlip(), Replace("zero"), Noise(2.0), BitFlip(bits=30)]),
    count=st.integers(1, 3),
    seed=st.integers(0, 10**4),
)
def test_upsets_in_all_layers_are_judged_as_by_the_reference(fault, count, seed):
    check(campaign(UpsetRate((0.05, 0.4), count=count, trials=4), fault, seed))


def test_error_rates_in_activations_are_judged_as_by_the_reference():
    check(campaign(ErrorRate((1e-4, 2e-3), trials=6), BitFlip()))


@pytest.mark.parametrize("sampler", [Uniform(80), PerTensor(20), PerBit(2)], ids=repr)
def test_a_single_fault_is_judged_by_the_sample_that_it_hits(sampler):
    check(campaign(sampler, BitFlip()))


def test_only_samples_with_faults_are_computed_and_the_others_stay_golden():
    one = campaign(UpsetRate(0.2, trials=8), Replace("max"), pattern="0")
    session = Folded().open(one)
    hits = HitSamples(session.plan)
    golden = session.plan.replayer.golden_outputs
    outputs = golden.expand(8, *golden.shape).clone()
    with torch.inference_mode():
        hits.write([one.trials[trial] for trial in range(8)], outputs)
    changed = (outputs != golden).any(dim=2).numpy()
    inner = np.array([np.prod(site.shape) for site in one.space.sites])
    for trial in range(8):
        places, words, _ = one.space.locate(one.trials[trial])
        assert set(np.flatnonzero(changed[trial])) <= set(words // inner[places])
    assert changed.any()
    assert not changed.all()


def test_faults_that_change_nothing_leave_the_outputs_golden_to_the_last_bit():
    """ReLU gives zeros, and zero of zero is masked in whatever company it passes."""
    one = campaign(UpsetRate(1.0, trials=3), Replace("zero"), pattern="2")
    found, expected = (execute_all(engine, one).figures for engine in (Folded(), Serial()))
    masked = next(n for n, c in enumerate(one.panel.columns) if c.endswith(".masked"))
    assert np.array_equal(found[:, masked], expected[:, masked])


def test_faults_in_weights_and_activations_at_once_are_left_to_the_reference():
    inputs = torch.randn(6, 2, 6, 6, generator=torch.Generator().manual_seed(7))
    one = campaign_of(
        model(), inputs, [Activations("0"), Weights("5")], ErrorRate(0.01, trials=4),
        fault=BitFlip(), call=plain, batch=5,
    )  # fmt: skip
    found, expected = (execute_all(engine, one).figures for engine in (Folded(), Serial()))
    assert np.array_equal(found, expected, equal_nan=True)
