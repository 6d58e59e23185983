"""Is the graph of an export that was kept the graph that a new export would give?"""

import pytest
import torch
from torch import Tensor, nn

from radhard.forward import plain
from radhard.replay.graph import exported_graph
from tests.exports import one_export_of_networks_alike


class Kept(nn.Module):
    """Parameters, buffers of both kinds, and a constant."""

    def __init__(self, seed: int, factor: float = 2.0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)
        self.register_buffer("saved", torch.randn(3))
        self.register_buffer("passing", torch.randn(3), persistent=False)
        self.factor = torch.full((3,), factor)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x) + self.saved) * self.passing + self.factor


@pytest.fixture
def exports(monkeypatch):
    """The modules that really go through the exporter."""
    seen, export = [], torch.export.export
    monkeypatch.setattr(
        torch.export, "export", lambda m, *a, **k: seen.append(m) or export(m, *a, **k)
    )
    return seen


@pytest.fixture(scope="module", autouse=True)
def one_export() -> None:
    """Here it is entered by the tests."""


def graph_is_right(model: nn.Module) -> None:
    x = torch.randn(5, 3)
    graph = exported_graph(model.eval(), plain, torch.randn(3, 3))
    with torch.no_grad():
        assert torch.equal(graph.values([x])[graph.output], model(x))


def test_networks_that_differ_in_values_share_an_export_and_keep_their_own(exports):
    with one_export_of_networks_alike():
        for seed in range(3):
            graph_is_right(Kept(seed))
    assert len(exports) == 1


def test_what_the_exporter_sees_is_exported_anew(exports):
    tied, thawed, local = Kept(0, 5.0), Kept(0, 5.0), Kept(0, 5.0)
    tied.two.weight = tied.one.weight
    thawed.one.weight.requires_grad_(False)
    local.one = nn.Sequential(nn.Linear(3, 3))
    with one_export_of_networks_alike():
        for model in (Kept(0, 4.0), Kept(0, 5.0), tied, thawed, local):
            graph_is_right(model)
    assert len(exports) == 5


def test_an_error_is_raised_again_and_others_exports_are_their_own(exports):
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    model = Branching().eval()
    with one_export_of_networks_alike():
        for _ in range(2):
            with pytest.raises(Exception, match=r"torch\.export"):
                exported_graph(model, plain, torch.randn(3, 3))
        for _ in range(2):
            torch.export.export(nn.Linear(3, 2), (torch.randn(3, 3),))
    assert len(exports) == 3
