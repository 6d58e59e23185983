"""Do many faults at once do in the folded model what they do in the model itself?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.engines import Campaign, Engine, Serial
from radhard.engines.folded import Folded
from radhard.engines.folded.faulty_model import FaultyModel
from radhard.engines.replay.plan import ReplayPlan
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.replay.graph import exported_graph
from radhard.samplers import ErrorRate, Uniform
from radhard.targets import Activations, Biases, Buffers, Target, Weights
from tests.engines.campaigns import campaign, campaign_of, execute_all
from tests.traces import raw, traces
from tests.zoo import NETWORKS, Network, named

networks = pytest.mark.parametrize("network", NETWORKS, ids=repr)


def everything(network: Network) -> list[Target]:
    """All stored tensors that a network has."""
    lacks = {Buffers: network.name not in ("residual", "dropout"), Biases: network.name == "tied"}
    return [t for t in (Weights("*"), Biases("*"), Buffers("*")) if not lacks.get(type(t), False)]


def figures_of(engine: Engine, one: Campaign) -> np.ndarray:
    """The figures of all trials in order."""
    return execute_all(engine, one).figures


def column(one: Campaign, figures: np.ndarray, name: str) -> np.ndarray:
    """The figures of a column whose name ends so."""
    return figures[:, next(n for n, c in enumerate(one.panel.columns) if c.endswith(name))]


def check_same_harm(one: Campaign, found: np.ndarray, expected: np.ndarray) -> None:
    """Verdicts are equal; distances within what adding up in another order makes."""
    for name in (".critical", ".due"):
        assert np.array_equal(column(one, found, name), column(one, expected, name)), name
    mine, other = column(one, found, ".distance"), column(one, expected, ".distance")
    assert np.array_equal(np.isfinite(mine), np.isfinite(other))
    finite = np.isfinite(other)
    coarse = next(one.workload.model.parameters()).dtype in (torch.float16, torch.bfloat16)
    np.testing.assert_allclose(
        mine[finite], other[finite], rtol=1e-2, atol=1e-2 if coarse else 1e-4
    )


@networks
def test_every_network_is_harmed_as_by_the_reference_and_left_as_it_was(network):
    one = campaign(network, everything(network), ErrorRate((1e-3, 0.01), trials=6), seed=4)
    before = traces(one.workload.model)
    found = figures_of(Folded(), one)
    assert traces(one.workload.model) == before
    check_same_harm(one, found, figures_of(Serial(), one))


def normalised(seed: int) -> nn.Module:
    """Convolutions with and without bias, normalised or not, grouped, beside one another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(2, 4, 3, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 6, 3, groups=2, padding=1),
            nn.BatchNorm2d(6, affine=False),
            nn.Conv2d(6, 4, 1),
            nn.ReLU(),
            nn.BatchNorm2d(4),
            nn.Flatten(),
            nn.Linear(64, 3),
        )
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.uniform_(-0.5, 0.5)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return model.eval()


def normalised_campaign(
    rate: float, bits: int | tuple[int, ...] | None, trials: int, seed: int
) -> Campaign:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        inputs = torch.randn(5, 2, 6, 6)
    return campaign_of(
        normalised(seed),
        inputs,
        [Weights("*"), Biases("*"), Buffers("*")],
        ErrorRate(rate, trials=trials),
        fault=BitFlip() if bits is None else BitFlip(bits),
        call=plain,
        seed=seed,
        batch=3,
    )


@settings(max_examples=8, deadline=None)
@given(
    rate=st.sampled_from([1e-4, 1e-3, 1e-2]),
    bits=st.sampled_from([None, 30, 31, (22, 23, 24), (28, 29, 30)]),
    seed=st.integers(0, 10_000),
)
def test_normalised_convolutions_are_harmed_as_by_the_reference(rate, bits, seed):
    one = normalised_campaign(rate, bits, 4, seed)
    check_same_harm(one, figures_of(Folded(), one), figures_of(Serial(), one))


@settings(max_examples=8, deadline=None)
@given(order=st.lists(st.integers(0, 7), min_size=2, max_size=8), seed=st.integers(0, 100))
def test_a_trial_does_not_depend_on_the_trials_before(order, seed):
    one = normalised_campaign(0.01, None, 8, seed)
    with torch.inference_mode():
        graph = exported_graph(
            one.workload.model, one.workload.call, one.workload.data.rows(slice(0, 3))
        )
        plan = ReplayPlan.of(one, graph, (), 2**30)
        golden = plan.replayer.golden(plan.replayer.pieces[0])
        fresh = [FaultyModel(plan, graph).outputs(one.trials[t], golden) for t in order]
        used = FaultyModel(plan, graph)
        assert [raw(used.outputs(one.trials[t], golden)) for t in order] == [raw(f) for f in fresh]
        assert raw(used.outputs(one.trials[0][:0], golden)) == raw(plan.replayer.golden_outputs)


def test_a_trial_without_faults_is_golden_to_the_last_bit():
    one = normalised_campaign(0.0, None, 3, 1)
    assert (column(one, figures_of(Folded(), one), ".masked") == 1).all()


def test_samples_in_pieces_give_the_figures_of_all_at_once():
    one = normalised_campaign(0.005, None, 6, 2)
    whole, pieces = figures_of(Folded(), one), figures_of(Folded(memory=1), one)
    check_same_harm(one, pieces, whole)


def test_what_overflows_before_the_normalisation_is_detected_as_in_the_model():
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.BatchNorm2d(2), nn.Flatten()).eval()
    with torch.no_grad():
        model[0].weight.fill_(1.5)  # bit 30 makes it infinite but for one mantissa bit: NaN
        model[0].weight[1] = 1.25e-19
        model[1].running_var.fill_(1e10)
    x = torch.tensor([[[[30.0]]], [[[2.0]]]])
    one = campaign_of(
        model, x, Weights("0"), ErrorRate(0.7, trials=12), fault=BitFlip((29, 30)), call=plain
    )
    expected = figures_of(Serial(), one)
    due = column(one, expected, ".due")
    assert 0 < due.sum() < len(due)
    check_same_harm(one, figures_of(Folded(), one), expected)


def test_flowing_values_are_faulty_by_the_reference_and_the_results_say_so():
    one = campaign(
        named("residual"), [Weights("conv1"), Activations("conv1")], ErrorRate(1e-3, trials=5)
    )
    found = execute_all(Folded(), one)
    assert np.array_equal(found.figures, figures_of(Serial(), one), equal_nan=True)
    (note,) = found.notes
    assert note.kind == "unfollowed"
    assert note.facts == {"tensors": ["conv1"]}
    assert "Serial()" in str(note)


def test_single_faults_are_as_those_of_the_reference():
    one = campaign(named("convolutions"), Weights("*"), Uniform(20))
    check_same_harm(one, figures_of(Folded(), one), figures_of(Serial(), one))


class Branching(nn.Module):
    """Asks a value of its batch which way to go: no graph can be had."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 0 else -self.fc(x)


def test_a_model_without_a_graph_is_an_error_that_names_the_reference():
    one = campaign_of(
        Branching(), torch.ones(2, 6), Weights("*"), ErrorRate(0.1), fault=BitFlip(), call=plain
    )
    with pytest.raises(InputError, match=r"use Serial\(\)"):
        figures_of(Folded(), one)
    assert raw(one.panel.golden.outputs) == raw(one.workload.model(torch.ones(2, 6)))
