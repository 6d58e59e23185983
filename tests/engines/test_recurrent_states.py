"""Are faults in hidden states executed by fast engines as the reference executes them?"""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.engines import Bracket, Campaign, FirstOrder, Replay, Serial
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.metrics import Critical
from radhard.replay import recurrent
from radhard.samplers import Uniform
from radhard.targets import Activations, HiddenStates
from tests.engines.campaigns import campaign_of, execute_all
from tests.engines.test_recurrent import KINDS, USES, built, check_same_harm, padded


def state_campaign(model: nn.Module, n: int, *, bits: Any = None, **options: Any) -> Campaign:
    target = HiddenStates("rnn", **options)
    fault = BitFlip() if bits is None else BitFlip(bits)
    return campaign_of(model, padded(1), target, Uniform(n), fault=fault, call=plain)


def by_graph(one: Campaign) -> list[bool]:
    """Whether each site is executed step by step."""
    session = Replay().prepare_graph(one)
    return [session.plans[at].replayer.has_states(at) for at in range(len(one.space.sites))]


def check_followed(one: Campaign, engine: Replay | None = None) -> np.ndarray:
    """Same harm, and no pass failed, whose trials would be executed by the reference."""
    session = (engine or Replay()).open(one)
    parts = [part for chunk in session.chunks() for part in session.run(chunk)]
    assert not [note for part in parts for note in part.notes]
    return check_same_harm(one, engine)


@settings(max_examples=6, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    use=st.sampled_from(USES),
    layers=st.integers(1, 2),
    bias=st.booleans(),
    state=st.sampled_from("hc"),
    bits=st.sampled_from([None, None, (20, 21), 30, 31, (28, 29, 30)]),
    seed=st.integers(0, 10_000),
)
def test_faults_in_states_are_those_of_the_reference(kind, use, layers, bias, state, bits, seed):
    model = built(kind, use, seed, num_layers=layers, bias=bias)
    one = state_campaign(model, 60, bits=bits, state=state if kind is nn.LSTM else "h")
    assert by_graph(one) == [True] * layers
    check_followed(one)


@pytest.mark.parametrize(("kind", "state"), [(nn.LSTM, "c"), (nn.GRU, "h")])
def test_faults_in_the_states_of_every_sample_are_those_of_the_reference(kind, state):
    one = state_campaign(built(kind, "last", 3), 60, state=state, sample="every")
    session = Replay().open(one)
    assert not [note for note in session.notes if note.kind == "serial"]
    check_followed(one)


@pytest.mark.parametrize("step", [0, 3, -1])
@pytest.mark.parametrize("state", ["h", "c"])
def test_a_fault_at_one_step_is_followed_from_there(state, step):
    one = state_campaign(built(nn.LSTM, "sequence", 4), 40, bits=(27, 31), state=state, steps=step)
    expected = check_followed(one)
    # In the cell state after the last step nobody reads it.
    assert (expected[:, -1] > 0).any() == ((state, step) != ("c", -1))


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (nn.LSTM, {"proj_size": 2}),
        (nn.RNN, {}),
    ],
)
def test_layers_that_are_not_taken_step_by_step_are_left_to_the_reference(kind, options):
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn = kind(3, 4, batch_first=True, **options)
            self.fc = nn.Linear(2 if options else 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.rnn(x)[0].mean(1))

    one = state_campaign(Reader().eval(), 30)
    assert not any(by_graph(one))
    session = Replay().open(one)
    assert [note for note in session.notes if note.kind == "serial"]
    check_followed(one)


def test_states_and_activations_share_passes_and_samples_are_taken_in_pieces():
    model = built(nn.GRU, "last", 5)
    targets = [HiddenStates("rnn"), Activations("enter|fc")]
    one = campaign_of(model, padded(2), targets, Uniform(200), fault=BitFlip(), call=plain)
    check_followed(one)
    check_followed(one, Replay(memory=400))
    assert Replay(memory=400).prepare_graph(one).plans[0].replayer.pieces[0] == slice(0, 2)


@pytest.mark.parametrize("engine", [Bracket(audit=0), FirstOrder(audit=0)])
def test_engines_that_infer_execute_faults_in_states(engine):
    model = built(nn.LSTM, "last", 6)
    one = campaign_of(
        model, padded(2), HiddenStates("*"), Uniform(150), fault=BitFlip((26, 27, 31)),
        call=plain, metrics=[Critical()],
    )  # fmt: skip
    found, expected = (execute_all(each, one).figures for each in (engine, Serial()))
    assert np.array_equal(found, expected)
    assert expected.any()


def test_a_repeated_layer_is_left_to_the_reference():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn, self.fc = nn.GRU(3, 3, batch_first=True), nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.rnn(self.rnn(x)[0])[0][:, -1])

    one = state_campaign(Twice().eval(), 30)
    assert not any(by_graph(one))
    check_followed(one)


def test_the_golden_memory_is_that_of_the_layer():
    torch.manual_seed(0)
    layer, x = nn.LSTM(3, 4, batch_first=True), padded(3)
    weights = [getattr(layer, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih")]
    with torch.no_grad():
        trajectory = recurrent.trajectory.golden_trajectory(
            "lstm", x, *weights, layer.bias_hh_l0, False
        )
        for t, (step, memory) in enumerate(zip(trajectory.steps, trajectory.memories, strict=True)):
            _, (_, expected) = layer(x[:, : t + 1])
            torch.testing.assert_close(memory[step.of], expected[0])
