"""Do cells in parts compute what torch's cells compute, and are faults in them followed?"""

import pytest
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.replay.graph import graph_of
from radhard.samplers import Uniform
from radhard.targets import Biases, Weights
from tests.engines.campaigns import campaign_of
from tests.engines.test_replay import check_equal, figures

CELLS = {
    "lstm": lambda: nn.LSTMCell(3, 4),
    "gru": lambda: nn.GRUCell(3, 4),
    "tanh": lambda: nn.RNNCell(3, 4),
    "relu": lambda: nn.RNNCell(3, 4, nonlinearity="relu", bias=False),
}


class Looped(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell, self.last = cell, nn.Linear(4, 3)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 4)
        memory = state
        for step in x.unbind(1):
            if isinstance(self.cell, nn.LSTMCell):
                state, memory = self.cell(step, (state, memory))
            else:
                state = self.cell(step, state)
        return self.last(state)


def looped(name: str) -> Looped:
    torch.manual_seed(0)
    return Looped(CELLS[name]())


@pytest.mark.parametrize("name", CELLS)
def test_outputs_are_those_of_the_cell_to_the_last_bit(name):
    model = looped(name)
    x = torch.randn(7, 5, 3)
    graph = graph_of(model, plain, Data(x))
    names = [str(node.op) for node in graph.nodes]
    assert not any("cell" in op for op in names)
    assert sum("linear" in op for op in names) == 11
    assert graph.output in graph.by_sample
    with torch.no_grad():
        assert torch.equal(graph.values([x])[graph.output], model(x))


@pytest.mark.parametrize("name", CELLS)
def test_faults_are_those_of_the_reference(name):
    found = campaign_of(
        looped(name),
        torch.randn(9, 5, 3),
        [Weights("*"), Biases("*")],
        Uniform(150),
        fault=BitFlip(),
        call=plain,
    )
    session = Replay().open(found)
    assert all(plan.replayer.shares_passes(place) for place, plan in session.plans.items())
    check_equal(found, figures(session, found), figures(Serial(), found))
