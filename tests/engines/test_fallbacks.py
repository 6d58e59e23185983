"""Does the engine that starts at the fault do so where torch.export makes no graph?"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.engines import Campaign, Replay, Serial
from radhard.engines.replay import modules as modules_room
from radhard.engines.replay.modules import ModulesSession
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.replay.graph import NoGraphError, exported_graph, model_graph
from radhard.replay.graph.fx_graph import fx_graph
from radhard.samplers import Uniform
from radhard.targets import Activations, Biases, Buffers, Inputs, Target, Weights
from tests.engines import graphless
from tests.engines.campaigns import campaign_of
from tests.engines.test_replay import check_equal, figures
from tests.zoo import NETWORKS, Network


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks here are so small that leaving modules out never pays; it is tried anyway."""
    monkeypatch.setattr(modules_room, "_CALL", 0)
    monkeypatch.setattr(modules_room, "_CHECKS", 0)


_TARGETS: dict[str, list[Target]] = {
    "stored": [Weights("*"), Biases("*"), Buffers("*")],
    "flowing": [Activations("*")],
    "permanent": [Activations("*", sample="every")],
    "inputs": [Inputs("*")],
}


def made(make: Callable[[], nn.Module], target: str, trials: int = 60) -> Campaign:
    torch.manual_seed(1)
    model, inputs = make().eval(), torch.randn(5, 2, 6, 6)
    targets = _TARGETS[target]
    if not list(model.buffers()):
        targets = [one for one in targets if not isinstance(one, Buffers)]
    return campaign_of(model, inputs, targets, Uniform(trials), fault=BitFlip(), call=plain)


@pytest.mark.parametrize("target", _TARGETS)
@pytest.mark.parametrize("make", [graphless.Fickle, graphless.Borrowing, graphless.Revisiting])
def test_without_a_graph_modules_give_what_whole_passes_give_to_the_last_bit(
    make: Callable[[], nn.Module], target: str
) -> None:
    found = made(make, target, 24)
    session = Replay().open(found)
    note, *_ = session.notes
    assert note.kind == "no graph"
    assert "torch.export: " in note.facts["why"]
    assert "torch.fx: " in note.facts["why"]
    trials = range(len(found.trials))
    np.testing.assert_array_equal(figures(session, found, trials), figures(Serial(), found, trials))


def test_modules_before_the_fault_do_not_run() -> None:
    found = made(graphless.Fickle, "stored")
    modules = ModulesSession(found, 2**30, "made without")
    ran: list[str] = []
    for name, module in found.workload.model.named_modules():
        own = module.forward
        module.forward = lambda *a, own=own, name=name: ran.append(name) or own(*a)  # type: ignore[method-assign]
    place = next(n for n, site in enumerate(found.space.sites) if site.name == "second.weight")
    assert modules.takes(place)
    ran.clear()
    trial = next(n for n in range(60) if found.space.locate(found.trials[n])[0][0] == place)
    figures(modules, found, [trial])
    assert ran == ["", "second", "last"] * 3  # batches of two


def test_modules_that_leave_something_behind_are_not_left_out() -> None:
    found = made(graphless.Forgetful, "stored")
    modules = ModulesSession(found, 2**30, "made without")
    taken = {site.name: modules.takes(n) for n, site in enumerate(found.space.sites)}
    assert taken == {"last.weight": False, "second.weight": False} | {
        name: taken[name] for name in taken if name not in ("last.weight", "second.weight")
    }
    trials = range(len(found.trials))
    np.testing.assert_array_equal(
        figures(Replay(), found, trials), figures(Serial(), found, trials)
    )


@pytest.mark.parametrize("target", ["stored", "flowing"])
def test_modules_that_a_gradient_goes_through_are_not_left_out(target: str) -> None:
    found = made(graphless.Descending, target, 24)
    trials = range(len(found.trials))
    np.testing.assert_array_equal(
        figures(Replay(), found, trials), figures(Serial(), found, trials)
    )


def test_the_model_keeps_its_own_forward() -> None:
    found = made(graphless.Forgetful, "flowing")
    before = [dict(vars(module)) for module in found.workload.model.modules()]
    figures(Replay(), found, range(20))
    after = [dict(vars(module)) for module in found.workload.model.modules()]
    assert [set(names) for names in after] == [set(names) for names in before]
    assert isinstance(found.workload.model, graphless.Forgetful)
    assert found.workload.model.first.forward == found.workload.model._first


@pytest.mark.parametrize("target", ["stored", "flowing", "permanent"])
def test_with_a_graph_of_torch_fx_verdicts_are_those_of_whole_passes(target: str) -> None:
    with pytest.raises(NoGraphError, match=r"torch\.export"):
        exported_graph(graphless.Opaque().eval(), plain, torch.randn(3, 2, 6, 6))
    found = made(graphless.Opaque, target)
    session = Replay().open(found)
    assert "through the graph of torch.fx" in str(session.notes[0])
    trials = range(len(found.trials))
    check_equal(found, figures(session, found, trials), figures(Serial(), found, trials))


_TRACEABLE = [
    network
    for network in NETWORKS
    if network.name
    in ("residual", "convolutions", "layer_norm", "concatenation", "twice", "double", "transposed")
]


@pytest.mark.parametrize("network", _TRACEABLE, ids=repr)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_any_graph_of_torch_fx_does_as_well_as_one_of_torch_export(
    network: Network, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:

        def refused(*_: object) -> None:
            raise NoGraphError("refused")

        for other in ("recorder_graph", "exported_graph"):
            patch.setattr(model_graph, other, refused)
        for target in ([Weights("*"), Biases("*")], [Activations("*")]):
            found = campaign_of(
                network.build().eval(),
                network.inputs(),
                target,
                Uniform(40),
                fault=BitFlip(),
                call=network.call,
            )
            session = Replay().open(found)
            assert "through the graph of torch.fx" in str(session.notes[0])
            trial = st.integers(0, 39)
            trials = data.draw(st.lists(trial, min_size=1, max_size=10, unique=True))
            check_equal(found, figures(session, found, trials), figures(Serial(), found, trials))


def test_a_model_that_writes_into_what_it_still_needs_has_no_graph_of_torch_fx() -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x * 2
            return nn.functional.relu(y, inplace=True) + y

    with pytest.raises(NoGraphError, match="writes in place"):
        fx_graph(Twice(), plain, torch.randn(3, 2))
    with pytest.raises(NoGraphError, match="several tensors"):
        fx_graph(Twice(), plain, (torch.randn(3, 2),))
