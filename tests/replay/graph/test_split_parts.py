"""Are the parts into which a model splits a tensor slices of it?"""

import operator

import pytest
import torch
from torch import Tensor, nn

from radhard.forward import plain
from radhard.replay.graph import exported_graph


class Splitting(nn.Module):
    def __init__(self, split):
        super().__init__()
        self.split = split

    def forward(self, x: Tensor) -> Tensor:
        parts = self.split(x)
        return parts[0].sum(-1) + parts[-1].mean(-1)


@pytest.mark.parametrize(
    "split",
    [
        lambda x: x.chunk(3, dim=1),
        lambda x: x.chunk(2, dim=-1),
        lambda x: x.split(4, 1),
        lambda x: x.split([1, 4, 2], dim=1),
        lambda x: x.split([3, 4], -1),
    ],
)
def test_parts_are_slices_with_the_values_that_the_model_has(split):
    model, x = Splitting(split).eval(), torch.randn(3, 7)
    graph = exported_graph(model, plain, x)
    assert operator.getitem not in [node.op for node in graph.nodes]
    assert all(node.slot in graph.by_sample for node in graph.nodes)
    for batch in (x, torch.randn(5, 7)):
        assert torch.equal(graph.values([batch])[graph.output], model(batch))


def test_parts_of_the_samples_stay_parts():
    model = Splitting(lambda x: (x.chunk(1, dim=0)[0],)).eval()
    graph = exported_graph(model, plain, torch.randn(3, 7))
    assert operator.getitem in [node.op for node in graph.nodes]
