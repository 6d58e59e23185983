"""Are recurrent layers with the time in front taken step by step as those with the samples?"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.engines import Replay
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.replay.graph import exported_graph
from radhard.replay.recurrent import separate_recurrent_layers
from radhard.samplers import Uniform
from radhard.targets import Activations, Biases, HiddenStates, Target, Weights
from tests.engines.campaigns import campaign_of
from tests.engines.test_recurrent import KINDS, STEPWISE, check_same_harm, padded

STEPWISE_USES = ["last", "mean", "sum", "states", "transposed", "both"]


class TimeFirst(nn.Module):
    """A recurrent layer between two transposes, or one."""

    def __init__(self, kind: Any, use: str, layers: int) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.use, self.kind = use, kind
        self.enter = nn.Linear(3, 3)
        self.rnn, self.fc = kind(3, 4, layers), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        sequence, states = self.rnn(self.enter(x).transpose(0, 1))
        state = states[0] if self.kind is nn.LSTM else states
        used = {
            "last": lambda: sequence[-1],
            "mean": lambda: sequence.mean(0),
            "sum": lambda: sequence.sum(0),
            "states": lambda: state[-1],
            "transposed": lambda: sequence.permute(1, 0, 2)[:, 2],
            "both": lambda: sequence[-1] * 2 + state[0],
            "largest": lambda: sequence.amax(0),
        }
        return self.fc(used[self.use]())


def network(kind: Any, use: str, layers: int = 1) -> nn.Module:
    return TimeFirst(kind, use, layers).eval()


@pytest.mark.parametrize("use", STEPWISE_USES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_says_what_the_model_says(kind, use):
    layers = 2 if use in ("last", "states") else 1
    model, x = network(kind, use, layers), padded(2)
    with torch.inference_mode():
        graph = separate_recurrent_layers(exported_graph(model, plain, x))
        values = graph.values([x])
        torch.testing.assert_close(values[graph.output], model(x), rtol=1e-5, atol=1e-6)
    assert sum(node.op in STEPWISE for node in graph.nodes) == layers
    for node in graph.nodes:
        assert node.slot not in graph.by_sample or len(values[node.slot]) == len(x)


@pytest.mark.parametrize(
    "target",
    [[Weights("rnn.*"), Biases("rnn.*")], HiddenStates("rnn"), Activations("enter|fc")],
    ids=["stored", "states", "activations"],
)
@pytest.mark.parametrize(("kind", "use"), [(nn.LSTM, "last"), (nn.GRU, "mean")])
def test_faults_are_those_of_the_reference(kind, use, target: Target):
    model = network(kind, use)
    one = campaign_of(model, padded(3), target, Uniform(80), fault=BitFlip(), call=plain)
    session = Replay().open(one)
    assert not [note for note in session.notes if note.kind == "serial"]
    parts = [part for chunk in session.chunks() for part in session.run(chunk)]
    assert not [note for part in parts for note in part.notes]
    assert np.isfinite(check_same_harm(one)).any()


def test_other_uses_leave_the_layer_as_it_is():
    model, x = network(nn.LSTM, "largest"), padded(2)
    with torch.inference_mode():
        graph = separate_recurrent_layers(exported_graph(model, plain, x))
    assert not any(node.op in STEPWISE for node in graph.nodes)
    one = campaign_of(model, x, HiddenStates("rnn"), Uniform(20), fault=BitFlip(), call=plain)
    check_same_harm(one)
