"""Is a parameter known whose changes go into nothing but gates?"""

import torch
from torch import Tensor, nn

from radhard.forward import plain
from radhard.replay.graph import exported_graph
from radhard.replay.saturation import saturates


class Gated(nn.Module):
    def __init__(self, after):
        super().__init__()
        self.one, self.other, self.after = nn.Linear(4, 6), nn.Linear(4, 6), after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.one(x), self.other(x))


def is_known(after, layers=("one",)):
    graph = exported_graph(Gated(after).eval(), plain, torch.randn(3, 4))
    slots = [graph.tensors[f"{layer}.weight"] for layer in layers]
    uses = [node.slot for node in graph.nodes if set(slots) & set(node.inputs)]
    assert len(uses) == len(layers)
    return saturates(graph, slots, uses)


def test_sums_and_slices_that_end_in_gates_are_known():
    assert is_known(lambda a, b: (a + b)[:, 2:].sigmoid() * (a + b)[:, :2].softmax(1).sum())
    assert is_known(lambda a, b: b + a.tanh())


def test_sums_that_go_elsewhere_are_not():
    assert not is_known(lambda a, b: a + b)
    assert not is_known(lambda a, b: (a * b).sigmoid())
    assert not is_known(lambda a, b: a.sigmoid() + a.relu())
    assert not is_known(lambda a, b: (a - b).sigmoid())


def test_two_infinities_that_may_meet_are_not():
    assert is_known(lambda a, b: a.sigmoid() + b.sigmoid(), ("one", "other"))
    assert not is_known(lambda a, b: (a + b).sigmoid(), ("one", "other"))
    assert not is_known(lambda a, b: (a + a).sigmoid() * b)
