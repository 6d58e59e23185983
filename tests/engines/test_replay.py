"""Does the engine that starts at the fault say what whole passes say?"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.engines import Campaign, Engine, Replay, Serial
from radhard.engines.base import Figures, Session, UnsuitableError
from radhard.engines.replay import ReplaySession
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.samplers import ErrorRate, Exhaustive, Uniform
from radhard.targets import Activations, Biases, Buffers, Target, Weights
from tests.engines import oddities
from tests.engines.campaigns import campaign, campaign_of, execute_all, execute_session
from tests.engines.graphless import Fickle
from tests.zoo import NETWORKS, Network, named

_TRIALS = 600


def _images() -> Tensor:
    return torch.randn(3, 2, 6, 6)


_WITHOUT_GRAPH = ("inference",)
_TARGETS: dict[str, list[Target]] = {
    "stored": [Weights("*"), Biases("*"), Buffers("*")],
    "flowing": [Activations("*")],
    "permanent": [Activations("*", sample="every")],
}
_OTHERWISE: dict[str, list[Target]] = {
    "residual": [Weights("*"), Biases("*")],  # so that its norms are folded
}


def figures(
    engine: Engine | Session, campaign: Campaign, trials: Sequence[int] | None = None
) -> Figures:
    """The figures of trials in their order; of all trials, chunk by chunk, if none are named."""
    if isinstance(engine, Engine):
        return execute_all(engine, campaign, trials).figures
    assert engine.campaign is campaign
    return execute_session(engine, trials).figures


def check_equal(campaign: Campaign, mine: Figures, reference: Figures) -> None:
    """Verdicts to the last one; distances but for the order of additions."""
    columns = campaign.panel.columns
    for name in ("critical", "due"):
        at = columns.index(f"Outcome().{name}")
        np.testing.assert_array_equal(mine[:, at], reference[:, at], err_msg=name)
    golden = campaign.panel.golden.outputs.double()
    ulps = 200 * torch.finfo(campaign.panel.golden.outputs.dtype).eps
    size = float(golden.abs().max()) + 1
    at = columns.index("Distance().distance")
    np.testing.assert_allclose(mine[:, at], reference[:, at], rtol=1e-3, atol=ulps * size)


@cache
def made(network: str, target: str) -> Session | None:
    """A session with a trial for many faults; None where no fault can be injected."""
    targets = _OTHERWISE[network] if target == "folded" else _TARGETS[target]
    model = named(network)
    there = [one for one in targets if _admits(model, one)]
    if not there:
        return None
    size = len(campaign(model, there, Uniform(1)).space)
    return Replay().open(campaign(model, there, Uniform(min(_TRIALS, size)), seed=5))


def _admits(network: Network, target: Target) -> bool:
    try:
        campaign(network, target, Uniform(1))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("network", "target"),
    [
        # Every network meets two kinds of faults of three, in turn.
        pytest.param(net.name, target, marks=() if (at + turn) % 3 < 2 else pytest.mark.slow)
        for at, net in enumerate(NETWORKS)
        if net.name not in _WITHOUT_GRAPH
        for turn, target in enumerate(_TARGETS)
    ],
)
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_verdicts_are_those_of_whole_passes(network: str, target: str, data: st.DataObject) -> None:
    session = made(network, target)
    if session is None:
        return
    found = session.campaign
    trial = st.integers(0, len(found.trials) - 1)
    trials = data.draw(st.lists(trial, min_size=1, max_size=12, unique=True))
    check_equal(found, figures(session, found, trials), figures(Serial(), found, trials))


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_folded_norms_change_no_verdict(data: st.DataObject) -> None:
    session = made("residual", "folded")
    assert isinstance(session, ReplaySession)
    assert any(plan.replayer.factors for plan in session.plans.values())
    found = session.campaign
    trial = st.integers(0, len(found.trials) - 1)
    trials = data.draw(st.lists(trial, min_size=1, max_size=12, unique=True))
    check_equal(found, figures(session, found, trials), figures(Serial(), found, trials))


def test_differences_pass_layers_that_compute_several_rows_of_a_sample() -> None:
    network = next(one for one in oddities.NETWORKS if one.name == "Pieces")
    target = [Weights("first"), Biases("first")]
    found = campaign_of(
        network.build(), network.inputs(), target, Uniform(30), fault=BitFlip(), call=network.call
    )
    trials = range(len(found.trials))
    mine = figures(Replay(), found, trials)
    check_equal(found, mine, figures(Serial(), found, trials))
    assert mine[:, found.panel.columns.index("Distance().distance")].any()


class Awkward(nn.Module):
    """Edges, strides, dilation, rounding up, groups, channels that pass and windows that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.wide = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.narrow = nn.Conv2d(4, 4, 1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.down = nn.Conv2d(8, 4, 3, stride=2)
        self.average = nn.AvgPool2d(2)
        self.relu, self.fc = nn.ReLU(), nn.Linear(40, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = torch.cat([self.wide(x) + self.narrow(x), self.depthwise(self.relu(x))], dim=1)
        aside = nn.functional.pad(x[:, 2:6, ::2, 1::2], (1, 0, 0, 0, 2, 2))
        x = self.pool(x)[:, :, : aside.shape[2], : aside.shape[3]] - aside
        return self.fc(torch.cat([self.down(x).flatten(1), self.average(x)[:, :, 1].flatten(1)], 1))


@cache
def awkward(target: Target, memory: int = 2**31, rows: int = 6400) -> Campaign:
    torch.manual_seed(4)
    model = Awkward().eval()
    inputs = torch.randn(4, 2, 21, 19)
    with torch.no_grad():
        model.fc = nn.Linear(_features(model, inputs), 3)
    model.requires_grad_(False)
    return campaign_of(
        model,
        inputs,
        target,
        Uniform(3000),
        fault=BitFlip(bits=tuple(range(18, 32))),
        call=plain,
        seed=2,
    )


@cache
def awkward_session(target: Target) -> Session:
    return Replay().open(awkward(target))


def _features(model: Awkward, inputs: Tensor) -> int:
    seen = []
    model.fc = nn.Identity()  # type: ignore[assignment]
    seen.append(model(inputs).shape[1])
    return int(seen[0])


@pytest.mark.parametrize("target", [Weights("*"), Activations("*")], ids=repr)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_windows_are_right_at_edges_strides_and_meetings(
    target: Target, data: st.DataObject
) -> None:
    session, found = awkward_session(target), awkward(target)
    trials = data.draw(st.lists(st.integers(0, 2999), min_size=4, max_size=40, unique=True))
    check_equal(found, figures(session, found, trials), figures(Serial(), found, trials))


@pytest.mark.parametrize("target", [Weights("*"), Activations("*")], ids=repr)
@pytest.mark.parametrize("engine", [Replay(memory=1), Replay(rows=3)], ids=repr)
def test_little_memory_and_few_rows_change_no_result(target: Target, engine: Replay) -> None:
    found = awkward(target)
    trials = list(range(0, 240, 3))
    session = awkward_session(target)
    check_equal(found, figures(engine, found, trials), figures(session, found, trials))


@pytest.mark.parametrize("target", [Weights("*"), Activations("*")], ids=repr)
def test_company_changes_no_verdict(target: Target) -> None:
    session, found = awkward_session(target), awkward(target)
    trials = list(range(60))
    together = figures(session, found, trials)
    alone = np.concatenate([figures(session, found, [trial]) for trial in trials])
    check_equal(found, together, alone)


@pytest.mark.parametrize("target", [Weights("*"), Activations("*")], ids=repr)
def test_every_trial_is_in_one_chunk_and_a_chunk_repeats_to_the_last_bit(target: Target) -> None:
    session, found = awkward_session(target), awkward(target)
    chunks = list(session.chunks())
    assert sorted(trial for chunk in chunks for trial in chunk) == list(range(3000))
    for chunk in (chunks[0], chunks[-1]):
        first = figures(session, found, chunk)
        np.testing.assert_array_equal(first, figures(session, found, chunk))
        np.testing.assert_array_equal(first, figures(Replay(), found, chunk))


def test_one_weight_of_a_shared_layer_is_faulty_in_both_calls() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    model = nn.Sequential(layer, layer).eval()
    fault = BitFlip(bits=23)  # 1 becomes 0.5
    found = campaign_of(
        model, torch.tensor([[8.0]]), Weights("*"), Exhaustive(), fault=fault, call=plain
    )
    distance = found.panel.columns.index("Distance().distance")
    assert figures(Replay(), found, [0])[0, distance] == 8.0 - 0.25 * 8.0


def test_one_activation_of_a_shared_layer_is_faulty_in_its_call_only() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 2.0)
    model = nn.Sequential(layer, layer).eval()
    found = campaign_of(
        model,
        torch.tensor([[1.0]]),
        Activations("*"),
        Exhaustive(),
        fault=BitFlip(bits=31),
        call=plain,
    )
    assert len(found.trials) == 2
    distance = found.panel.columns.index("Distance().distance")
    # The sign of 2 or of 4 turns: either way -4 stands where 4 was.
    np.testing.assert_array_equal(figures(Replay(), found, [0, 1])[:, distance], [8.0, 8.0])


def test_a_hand_computed_window_reaches_the_output() -> None:
    model = nn.Sequential(nn.Identity(), nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Flatten())
    nn.init.constant_(model[1].weight, 1.0)
    inputs = torch.zeros(1, 1, 4, 4)
    inputs[0, 0, 0, 3] = 1.0
    found = campaign_of(
        nn.Sequential(nn.ReLU(), *model[1:]).eval(),
        inputs,
        Activations("0"),
        Exhaustive(),
        fault=BitFlip(bits=31),
        call=plain,
    )
    distance = found.panel.columns.index("Distance().distance")
    got = figures(Replay(), found, range(16))[:, distance]
    # Only the 1 in the corner has a sign to lose: four outputs of it fall from 1 to -1.
    np.testing.assert_array_equal(got, [np.sqrt(4 * 4.0) if n == 3 else 0.0 for n in range(16)])


def test_the_model_comes_back_as_it_was() -> None:
    found = awkward(Weights("*"))
    before = {name: tensor.clone() for name, tensor in found.workload.model.state_dict().items()}
    figures(Replay(), found, range(50))
    for name, tensor in found.workload.model.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.stride() == before[name].stride()
    assert not any(module._forward_hooks for module in found.workload.model.modules())


def test_how_the_graph_was_had_is_noted() -> None:
    found = campaign(named("residual"), Weights("conv*"), Uniform(3))
    (note,) = [note for note in Replay().open(found).notes if note.kind == "graph"]
    assert note.facts["source"] == "a recorded pass"
    assert note.facts["order"] == "channels-last"
    assert note.facts["norms"] == 2
    assert "2 batch norms folded" in str(note)


def test_tensors_left_to_whole_passes_are_noted() -> None:
    found = campaign(named("lstm"), Activations("*"), Uniform(3))
    notes = [note for note in Replay().open(found).notes if note.kind == "serial"]
    assert any("rnn" in name for note in notes for name in note.facts["tensors"])
    assert all("Serial" in str(note) for note in notes)


@pytest.mark.parametrize("name", ["attention", "encoder"])
def test_the_graph_shows_all_outputs_of_attention(name: str) -> None:
    found = campaign(named(name), Activations("*"), Uniform(40))
    session = Replay().open(found)
    assert not [note for note in session.notes if note.kind == "serial"]
    check_equal(found, figures(session, found), figures(Serial(), found))


def test_a_model_without_a_graph_and_too_little_memory_is_refused_with_the_way_out() -> None:
    found = campaign(Network("fickle", Fickle, _images), Weights("*"), Uniform(3))
    with pytest.raises(UnsuitableError, match=r"torch.export.*use Serial\(\)"):
        Replay(memory=100).open(found)


def test_trials_of_many_faults_are_refused_with_the_way_out() -> None:
    found = campaign(named("flat"), Weights("*"), ErrorRate(0.01, trials=2))
    with pytest.raises(UnsuitableError, match=r"use Serial\(\)"):
        Replay().open(found)


class Needed(nn.Module):
    """Values are used again behind operations that could be carried out in their memory."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.aside = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1)
        self.two, self.three = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.fc = nn.Linear(54, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(self.one(x))
        seen = y.flatten(1)
        z = torch.relu(y)
        also = z[:, :, :, :]
        w = self.three(z) + self.aside(x)
        aside = w.view(w.shape)
        v = w + z
        rest = (torch.relu(v) + also * aside).flatten(1)
        return self.fc(torch.stack([seen, rest], 2).flatten(1)[:, ::4])


@pytest.mark.parametrize("target", [Weights("*"), Activations("*")], ids=repr)
def test_values_that_are_still_needed_are_not_written_to(target: Target) -> None:
    torch.manual_seed(3)
    found = campaign_of(
        Needed().eval(),
        torch.randn(4, 2, 6, 6),
        target,
        Uniform(150),
        fault=BitFlip(),
        call=plain,
    )
    trials = range(150)
    check_equal(found, figures(Replay(), found, trials), figures(Serial(), found, trials))
    check_equal(found, figures(Replay(), found, trials), figures(Replay(rows=1), found, trials))
