"""Do graphs of models with the positions in front have the samples there, and say the same?"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.evaluation import evaluating
from radhard.forward import plain
from radhard.replay.graph import graph_of
from radhard.replay.propagation import rows_are_independent
from radhard.tree import tree_leaves

TOKENS, SIZE = 5, 8

LAYERS = (torch.ops.aten.linear.default, torch.ops.aten.embedding.default)

Use = Callable[[Any, Tensor], Tensor]


class PositionsFirst(nn.Module):
    """A layer of attention that takes the positions first, and what is done around it."""

    def __init__(self, use: Use) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.use = use
        self.enter, self.fc = nn.Linear(6, SIZE), nn.Linear(SIZE, 3)
        self.learned = nn.Parameter(torch.randn(TOKENS, 1, SIZE))
        self.scale, self.table = nn.Parameter(torch.rand(1, SIZE)), nn.Embedding(9, SIZE)
        self.layer = nn.TransformerEncoderLayer(SIZE, 2, 16)
        self.conv = nn.Conv1d(SIZE, SIZE, 3)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.use(self, x))


WHOLLY: dict[str, Use] = {
    "mean": lambda m, x: m.layer(m.enter(x).transpose(0, 1) + m.learned).mean(0),
    "last": lambda m, x: m.layer(m.enter(x.transpose(1, 0)) * m.scale)[-1],
    "given back": lambda m, x: m.layer(m.enter(x).permute(1, 0, 2)).transpose(0, 1)[:, 2],
    "convolved": lambda m, x: m.conv(m.layer(m.enter(x).transpose(0, 1)).permute(1, 2, 0)).mean(2),
    "largest": lambda m, x: m.layer(m.enter(x).transpose(0, 1)[1:]).amax(0),
    "from channels": lambda m, x: m.layer(m.enter(x.mT.permute(2, 0, 1))).sum(0),
    "looked up": lambda m, x: m.layer(m.table((x[..., 0] > 0).long().t())).mean(dim=(0,)),
    "put together": lambda m, x: m.layer(torch.cat([m.enter(x).transpose(0, 1)] * 2)).mean(0),
    "halves": lambda m, x: torch.cat(m.enter(x).transpose(0, 1).chunk(2, -1)[::-1], -1).mean(0),
}

PARTLY: dict[str, Use] = {
    "positions added up": lambda m, x: m.layer(m.enter(x).transpose(0, 1)).cumsum(0)[-1],
    "without the samples": lambda m, x: (
        m.layer(m.enter(x).transpose(0, 1))
        .flatten(1)
        .mT[:SIZE]
        .mT.reshape(TOKENS, -1)[:, :SIZE]
        .mean(0)
        * 0
        + m.enter(x).mean(1)
    ),
    "one for each sample": lambda m, x: (
        (m.enter(x).transpose(0, 1) + m.enter(x).mean(1)).tanh().mean(0)
    ),
    "moved twice": lambda m, x: m.enter(x).permute(1, 2, 0).tanh().permute(2, 0, 1).mean(1),
}


def inputs(samples: int = 6) -> Tensor:
    return torch.randn(samples, TOKENS, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("use", [*WHOLLY, *PARTLY])
def test_outputs_are_those_of_the_model(use):
    model, x = PositionsFirst({**WHOLLY, **PARTLY}[use]), inputs()
    with evaluating(model), torch.no_grad():
        graph = graph_of(model, plain, Data(x))
        values = graph.values(tree_leaves(x))
        torch.testing.assert_close(values[graph.output], model(x), rtol=1e-5, atol=1e-6)
    for slot in graph.by_sample & values.keys():
        assert len(values[slot]) == len(x)


@pytest.mark.parametrize("use", WHOLLY)
def test_each_sample_has_a_row_behind_every_operation(use):
    model, x = PositionsFirst(WHOLLY[use]), inputs()
    with evaluating(model), torch.no_grad():
        graph = graph_of(model, plain, Data(x))
    assert graph.source == "a recorded pass"
    layers = [node.slot for node in graph.nodes if node.op in LAYERS]
    assert rows_are_independent(graph, graph.downstream(layers))


def test_models_with_the_samples_in_front_keep_their_operations():
    class Usual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(TOKENS, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.transpose(1, 2).relu()).mean(1)

    model, x = Usual().eval(), inputs()
    with evaluating(model), torch.no_grad():
        graph = graph_of(model, plain, Data(x))
    names = [str(node.op) for node in graph.nodes]
    assert names == [
        "aten.transpose.int",
        "aten.relu.default",
        "aten.linear.default",
        "aten.mean.dim",
    ]
