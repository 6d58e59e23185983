"""Do trials of many faults say in a pass with others what they say alone?"""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.engines import Campaign, Folded, Serial
from radhard.engines.folded import stacked_trials
from radhard.engines.folded.stacked_lstm import StackedLstm
from radhard.engines.folded.stacked_trials import StackedTrials
from radhard.faults import BitFlip, FaultModel
from radhard.forward import plain
from radhard.samplers import ErrorRate, FaultCount, Sampler
from radhard.targets import Biases, Target, Weights
from tests.engines.campaigns import campaign_of, execute_all, execute_session


@pytest.fixture(autouse=True)
def no_fast_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor where it pays."""
    monkeypatch.setattr(stacked_trials, "has_fast_kernel", lambda _: False)


class Small(nn.Module):
    """An LSTM, and layers on its last state."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU] = nn.LSTM, layers: int = 1) -> None:
        super().__init__()
        self.rnn = kind(3, 6, layers, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(6, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.rnn(x)[0][:, -1]
        return self.fc2(torch.relu(self.fc1(last)))


class Axes(Small):
    """Has another axis beside the samples and the features."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.fc1 = nn.Linear(6 if axis == 1 else 1, 5)

    def forward(self, x: Tensor) -> Tensor:
        last: Tensor = self.rnn(x)[0][:, -1].unsqueeze(self.axis)
        return self.fc2(torch.relu(self.fc1(last))).sum(dim=1)


EVERYWHERE: Sequence[Target] = (Weights("*"), Biases("*"))


def of(
    sampler: Sampler,
    *,
    fault: FaultModel | None = None,
    model: nn.Module | None = None,
    targets: Sequence[Target] = EVERYWHERE,
) -> Campaign:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = model or Small()
        x = torch.randn(30, 9, 3)
    return campaign_of(
        model.eval(), x, targets, sampler, fault=fault or BitFlip(), call=plain, batch=30
    )


def check(one: Campaign) -> StackedTrials:
    session = Folded().open(one)
    found, expected = execute_session(session).figures, execute_all(Serial(), one).figures
    for column, name in enumerate(one.panel.columns):
        if name.endswith((".critical", ".due")):
            assert np.array_equal(found[:, column], expected[:, column]), name
        if name.endswith(".masked"):  # the last bits of a sum depend on its order
            assert abs(found[:, column] - expected[:, column]).mean() < 0.2
    finite = np.isfinite(expected[:, -1])
    np.testing.assert_allclose(found[finite, -1], expected[finite, -1], rtol=1e-3, atol=1e-4)
    assert session._stacked is not None
    return session._stacked


def test_each_trial_has_a_pass_of_its_own_where_the_kernel_is_faster(monkeypatch):
    monkeypatch.setattr(stacked_trials, "has_fast_kernel", lambda _: True)
    session = Folded().open(of(ErrorRate(0.01, trials=4)))
    assert not [note for note in session.notes if note.kind == "stacked"]


@pytest.mark.parametrize(
    ("capability", "device", "expected"),
    [("AVX512", "cpu", True), ("AVX2", "cpu", False), ("AVX512", "cuda", False)],
)
def test_only_processors_with_wide_vectors_have_the_fast_kernel(
    monkeypatch, capability, device, expected
):
    monkeypatch.undo()  # of the fixture
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    enabled = torch.backends.mkldnn.enabled
    assert stacked_trials.has_fast_kernel(torch.device(device)) == (expected and enabled)


@pytest.mark.parametrize("bits", [None, 30, (29, 30, 31), 0])
def test_verdicts_are_those_of_the_reference(bits):
    fault = BitFlip() if bits is None else BitFlip(bits)
    made = check(of(FaultCount((1, 12), trials=35), fault=fault))
    assert made.size > 10


def test_what_no_fault_reaches_has_golden_outputs_to_the_last_bit():
    check(of(ErrorRate(2e-4, trials=40), targets=[Weights("rnn*")]))
    one = of(ErrorRate(3e-3, trials=40), targets=[Weights("fc2")])
    found = execute_all(Folded(), one).figures[:, one.panel.columns.index("Outcome().masked")]
    empty = np.array([len(faults) == 0 for faults in one.trials])
    assert empty.any()
    assert (found[empty] == 1).all()
    # Flips of most bits of a weight of the last layer change an output.
    assert not (found[~empty] == 1).all()


def test_most_trials_share_passes(monkeypatch):
    counts: list[int] = []
    call = StackedLstm.__call__
    monkeypatch.setattr(StackedLstm, "__call__", lambda *a: counts.append(len(a[1])) or call(*a))
    one = of(FaultCount(12, trials=40))
    session = Folded().open(one)
    stacked = session._stacked
    alone: list[object] = []
    monkeypatch.setattr(
        session._model, "outputs", lambda *a: alone.append(a) or torch.full((30, 2), torch.nan)
    )
    execute_session(session)
    assert stacked is not None
    assert sum(counts) >= 40
    assert len(counts) <= 2 * -(-40 // stacked.size)  # with a pass without faults for each size
    assert len(alone) < 8


def test_states_are_those_of_torch():
    torch.manual_seed(5)
    x, layers = torch.randn(7, 9, 3), [nn.LSTM(3, 4, batch_first=True) for _ in range(3)]
    with torch.no_grad():
        given = [
            torch.stack([getattr(layer, name) for layer in layers])
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        ]
        states = StackedLstm(x)(given[0], given[1], given[2] + given[3])
        expected = torch.stack([layer(x)[0][:, -1] for layer in layers])
    torch.testing.assert_close(states.last, expected)
    assert not states.unsure.any()


def test_what_depends_on_the_order_of_summation_is_told():
    torch.manual_seed(5)
    x, layer = torch.randn(7, 9, 3), nn.LSTM(3, 4, batch_first=True)
    weight, recurrent = (layer.weight_ih_l0, layer.weight_hh_l0)
    biases = layer.bias_ih_l0 + layer.bias_hh_l0
    with torch.no_grad():
        w, r, b = (t.expand(4, *t.shape).clone() for t in (weight, recurrent, biases))
        w[1, 2, 0] = 3e38  # one that may overflow: the gate is shut or open in any order
        w[2, 2, 0], w[2, 2, 1] = 3e38, -3e38  # two
        # A state that cancels to zero, at which a huge weight looks.
        w[3, 8:12], b[3, 8:12], r[3, 8:12] = 0.0, 1e-7, 0.0
        r[3, 0, 1] = 1e30
        states = StackedLstm(x)(w, r, b)
    assert states.unsure.tolist() == [False, False, True, True]


@pytest.mark.parametrize("model", [Small(nn.GRU), Small(layers=2)], ids=["gru", "layers"])
def test_other_networks_go_as_before(model):
    session = Folded().open(of(FaultCount(3, trials=1), model=model))
    assert session._stacked is None
    assert "stacked" not in [note.kind for note in session.notes]


@pytest.mark.parametrize("axis", [1, 2])
def test_linear_layers_take_another_axis_beside_the_samples(axis):
    check(of(FaultCount((1, 12), trials=35), model=Axes(axis)))


def test_trials_whose_shared_pass_raises_have_their_own(monkeypatch):
    one = of(FaultCount(3, trials=20))
    session = Folded().open(one)

    def crash(*_: object) -> tuple[Tensor, Tensor]:
        raise RuntimeError

    monkeypatch.setattr(session._stacked, "outputs", crash)
    found, expected = execute_session(session).figures, execute_all(Serial(), one).figures
    columns = [at for at, name in enumerate(one.panel.columns) if name.endswith(".critical")]
    assert np.array_equal(found[:, columns], expected[:, columns])
