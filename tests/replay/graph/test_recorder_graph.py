"""Is the graph of a recorded pass that of the model, and is it refused where it may not be?"""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from radhard.datasets import Data
from radhard.forward import plain
from radhard.internals import is_tracing, operations_passed_to
from radhard.replay.graph import NoGraphError, exported_graph, graph_of
from radhard.replay.graph.recorder_graph import recorder_graph
from radhard.tree import tree_leaves
from tests.zoo import NETWORKS

X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class Of(nn.Module):
    """A model that computes what a function makes of its layer's outputs."""

    def __init__(self, function) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.function = nn.Linear(3, 3), function
        self.register_buffer("held", torch.ones(3))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, self.layer(x))


def layers(graph):
    """The operations that read parameters, and hold a row for each sample."""
    stored = set(graph.tensors.values())
    return [n.op for n in graph.nodes if stored & set(n.inputs) and n.slot in graph.by_sample]


@pytest.mark.parametrize("network", [n for n in NETWORKS if not n.training], ids=repr)
def test_it_computes_what_the_model_does_and_shows_what_an_export_shows(network):
    model, batch = network.build().eval(), network.inputs()
    graph = recorder_graph(model, network.call, batch)
    with torch.no_grad():
        found = graph.values(tree_leaves(batch))[graph.output]
        assert torch.allclose(found, network.call(model, batch), rtol=1e-5, atol=1e-6)
    if network.name == "inference":
        return  # there is no export of it
    other = exported_graph(model, network.call, batch)
    assert graph.tensors.keys() == other.tensors.keys()
    assert [str(op) for op in layers(graph)] == [str(op) for op in layers(other)]


@pytest.mark.parametrize(
    "function",
    [
        lambda _, x: x.relu_().add_(1) * 2,
        lambda _, x: torch.zeros_like(x).masked_fill_(x > 0, 2.0) + x,
        lambda _, x: x.view(len(x), -1) / len(x),
        lambda _, x: x + torch.tensor([1.0, 2.0, 3.0]),
        lambda _, x: torch.stack(x.unbind(1), 1),
        lambda _, x: torch.cat(x.split([1, 2], 1)[::-1], 1),
        lambda _, x: x + x.data,
        lambda _, x: x.max(1).values.unsqueeze(1) - x,
        lambda _, x: torch.empty_like(x).copy_(x) + torch.empty_like(x).fill_(2.0),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 7])
def test_writes_lengths_and_parts_are_the_models(function, size):
    model, batch = Of(function), torch.randn(size, 3)
    with torch.no_grad():
        graph = recorder_graph(model, plain, X)
        assert torch.equal(graph.values([batch])[graph.output], model(batch))
    assert graph.output in graph.by_sample


def _caught(model: Of, x: Tensor) -> Tensor:
    try:
        return x * float(x.sum())
    except Exception:
        return x


REFUSED = {
    "a branch": lambda _, x: x if x.sum() > 0 else -x,
    "an item": lambda _, x: x * x[0, 0].item(),
    "a list": lambda _, x: x + torch.tensor(x.tolist()),
    "an array": lambda _, x: x + torch.from_numpy(x.numpy() * 2),
    "caught": _caught,
    "a choice of rows": lambda _, x: torch.cat([x[x > 0], x[x <= 0]]).view(len(x), 3),
    "chance": lambda _, x: x + torch.rand_like(x),
    "dropout": lambda _, x: nn.functional.dropout(x),
    "a write to the input": lambda m, x: m.held.add_(x.sum()) * x,
    "a write to a view": lambda _, x: x[:, 0].add_(1).unsqueeze(1) + x,
    "a squared length": lambda _, x: x * len(x) ** 2,
    "other operations": lambda _, x: x * 2 if len(x) > 5 else x + 1,
    "a transform": lambda _, x: torch.vmap(lambda row: row * 2)(x),
    "no operation": lambda m, _: 3.0,
    # In the three passes all rows are alike, so that as many are found as there are.
    "as many rows as are found": lambda _, x: torch.zeros_like(x).index_put(
        torch.where(x[:, 0] > -99)[:1], x
    ),
    "as many repeats as values": lambda _, x: x.repeat_interleave((x[:, 0] > -99).long(), 0),
    "another thread": lambda m, x: x * _elsewhere(lambda: m.held * 2),
    "memory as it is": lambda _, x: torch.empty_like(x) * 0 + x,
    "another type": lambda _, x: x.clone().gt_(0) + x.clone().gt_(1),
    "another shape": lambda _, x: x.detach().unsqueeze_(0)[0],
}


def _elsewhere(compute) -> Tensor:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(compute).result()


@pytest.mark.parametrize("why", REFUSED)
def test_what_an_export_may_know_better_is_refused(why):
    model = Of(REFUSED[why])
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(NoGraphError, match="a recorded pass: "):
        recorder_graph(model, plain, X)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_an_autocast_is_refused():
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(NoGraphError, match="autocast"):
        recorder_graph(Of(lambda _, x: x), plain, X)


def test_what_a_pass_keeps_for_later_ones_is_computed_in_the_graph():
    def kept(model: Of, x: Tensor) -> Tensor:
        if not hasattr(model, "twice"):
            model.twice = model.layer.weight * 2
        return functional.linear(x, model.twice)

    model = Of(kept)
    graph = graph_of(model, plain, Data(X))
    assert not hasattr(model, "twice")
    weight = graph.tensors["layer.weight"]
    assert sum(weight in node.inputs for node in graph.nodes) == 2


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_behind_by_an_exception(raised):
    def fail(model: Of, x: Tensor) -> Tensor:
        str(x)  # printing turns all modes off for a while
        raise raised

    model = Of(fail)
    expected = NoGraphError if raised is ValueError else KeyboardInterrupt
    with pytest.raises(expected):
        recorder_graph(model, plain, X)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not is_tracing()
    # Operations are carried out by torch alone again.
    assert float(torch.ones(2).sum()) == 2
    with operations_passed_to(lambda op, args, kwargs: op(*args, **kwargs)):
        assert is_tracing()
