"""Does a trial that continues another one give what it gives by itself?"""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.engines import Folded, Serial
from radhard.faults import BitFlip, FaultModel, Line, Replace, StuckAt
from radhard.forward import plain
from radhard.samplers import Cumulative
from radhard.targets import Biases, Buffers, Weights
from tests.engines.campaigns import campaign_of, execute_all
from tests.traces import traces

FAULTS: list[FaultModel] = [BitFlip(), StuckAt(1, field="exponent"), Replace("zero")]


def model(seed: int) -> nn.Module:
    """Convolutions, normalised or not, beside one another, and a linear layer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = nn.Sequential(
            nn.Conv2d(2, 4, 3, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 3, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(48, 3),
        )
        found[1].running_mean.uniform_(-0.5, 0.5)
        found[1].running_var.uniform_(0.5, 1.5)
    return found.eval()


@settings(max_examples=8, deadline=None)
@given(
    fault=st.sampled_from([*FAULTS, Line(BitFlip(bits=(20, 30)), 2)]), seed=st.integers(0, 10**4)
)
def test_histories_give_what_single_trials_and_the_reference_give(fault, seed):
    targets = (
        [Weights("*")] if isinstance(fault, Line) else [Weights("*"), Biases("*"), Buffers("*")]
    )
    inputs = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(7))
    one = campaign_of(
        model(3), inputs, targets, Cumulative(6, repeats=3), fault=fault, call=plain, seed=seed,
        batch=3,
    )  # fmt: skip
    before = traces(one.workload.model)
    whole = execute_all(Folded(), one).figures
    assert traces(one.workload.model) == before
    session = Folded().open(one)
    alone = np.concatenate(
        [part.figures for trial in range(18)[::-1] for part in session.run([trial])]
    )[::-1]
    assert np.array_equal(whole, alone, equal_nan=True)
    expected = execute_all(Serial(), one).figures
    critical = [n for n, c in enumerate(one.panel.columns) if c.endswith((".critical", ".due"))]
    assert np.array_equal(whole[:, critical], expected[:, critical])
    (distance,) = (n for n, c in enumerate(one.panel.columns) if c.endswith(".distance"))
    mine, others = whole[:, distance], expected[:, distance]
    assert np.array_equal(np.isfinite(mine), np.isfinite(others))
    finite = np.isfinite(others)
    np.testing.assert_allclose(mine[finite], others[finite], rtol=1e-2, atol=1e-4)


def test_a_fault_that_undoes_another_is_computed_again():
    """All bits of one word, stuck at 0 and then at 1: the value changes with every fault."""
    linear = nn.Sequential(nn.Linear(1, 2, bias=False)).eval()
    nn.init.constant_(linear[0].weight, 1.0)
    one = campaign_of(
        linear, torch.tensor([[1.0], [2.0]]), [Weights("*")], Cumulative(64, repeats=4),
        fault=BitFlip(), call=plain, seed=1,
    )  # fmt: skip
    found, expected = (execute_all(engine, one).figures for engine in (Folded(), Serial()))
    assert np.array_equal(found, expected, equal_nan=True)


def test_histories_are_the_chunks():
    inputs = torch.randn(2, 2, 6, 6)
    one = campaign_of(
        model(1), inputs, [Weights("*")], Cumulative(5, repeats=3), fault=BitFlip(), call=plain
    )
    (chunk,) = Folded().open(one).chunks()
    assert chunk == [trial for history in range(3) for trial in range(history, 15, 3)]
    before = one.trials[chunk[3]].tolist()
    assert one.trials[chunk[4]].tolist()[:-1] == before
