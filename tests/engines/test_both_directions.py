"""Are recurrent layers in two directions taken step by step as those in one?"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radhard.engines import Replay
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.replay.graph import exported_graph
from radhard.replay.recurrent import separate_recurrent_layers
from radhard.samplers import Uniform
from radhard.targets import Activations, Biases, HiddenStates, Weights
from tests.engines.campaigns import campaign_of
from tests.engines.test_recurrent import KINDS, STEPWISE, check_same_harm, padded


class Both(nn.Module):
    """A layer in two directions that is read at one end, at all steps, or by its last states."""

    def __init__(self, kind: Any, use: str, layers: int, *, first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.use, self.kind = use, kind
        self.enter = nn.Linear(3, 3)
        self.rnn = kind(3, 4, layers, bidirectional=True, batch_first=first)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        sequence, states = self.rnn(x if self.rnn.batch_first else x.transpose(0, 1))
        state = states[0] if self.kind is nn.LSTM else states
        if self.use == "ends":
            return self.fc(torch.cat([state[-2], state[-1]], dim=1))
        axis = 1 if self.rnn.batch_first else 0
        return self.fc(sequence.select(axis, -1) if self.use == "last" else sequence.mean(axis))


def network(kind: Any, use: str, layers: int, *, first: bool = True) -> nn.Module:
    return Both(kind, use, layers, first=first).eval()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("use", "layers"), [("last", 1), ("mean", 2), ("ends", 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_says_what_the_model_says(kind, use, layers, first):
    model, x = network(kind, use, layers, first=first), padded(2)
    with torch.inference_mode():
        graph = separate_recurrent_layers(exported_graph(model, plain, x))
        values = graph.values([x])
        torch.testing.assert_close(values[graph.output], model(x), rtol=1e-5, atol=1e-6)
    assert sum(node.op in STEPWISE for node in graph.nodes) == 2 * layers
    for node in graph.nodes:
        assert node.slot not in graph.by_sample or len(values[node.slot]) == len(x)


@pytest.mark.parametrize(
    "target",
    [[Weights("rnn.*"), Biases("rnn.*")], HiddenStates("rnn"), Activations("enter|fc")],
    ids=["stored", "states", "activations"],
)
@pytest.mark.parametrize(("kind", "use", "layers"), [(nn.LSTM, "mean", 2), (nn.GRU, "ends", 1)])
def test_faults_are_those_of_the_reference(kind, use, layers, target):
    model = network(kind, use, layers)
    one = campaign_of(model, padded(3), target, Uniform(100), fault=BitFlip(), call=plain)
    session = Replay().open(one)
    assert not [note for note in session.notes if note.kind == "serial"]
    parts = [part for chunk in session.chunks() for part in session.run(chunk)]
    assert not [note for part in parts for note in part.notes]
    expected = check_same_harm(one)
    assert (expected[:, -1] > 0).any()


@pytest.mark.parametrize("step", [0, 2, -1])
def test_a_state_backwards_is_followed_towards_the_beginning(step):
    model = network(nn.LSTM, "mean", 1)
    target = HiddenStates("rnn:*_reverse", state="c", steps=step)
    fault = BitFlip((27, 31))
    one = campaign_of(model, padded(3), target, Uniform(40), fault=fault, call=plain)
    assert [site.name for site in one.space.sites] == ["rnn:c_l0_reverse"]
    expected = check_same_harm(one)
    # The first step is the last one in this direction: nobody reads its cell state.
    assert (expected[:, -1] > 0).any() == (step != 0)
