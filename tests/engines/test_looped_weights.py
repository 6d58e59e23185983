"""Do faults in weights that several operations use have the verdicts of whole passes?"""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.engines import Bracket, Campaign, Engine, FirstOrder, Replay, Serial, choice, chosen
from radhard.engines.replay.plain import Plain
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.metrics import Critical, Distance, Metric, Outcome
from radhard.samplers import Sampler, Uniform, Words
from radhard.targets import Biases, Weights
from tests.engines.campaigns import campaign_of, execute_all
from tests.zoo import named

SHARED = ("input.weight", "recurrent.weight", "input.bias", "recurrent.bias")
ALL: Sequence[Metric] = (Outcome(), Distance())


class LoopedLstm(nn.Module):
    """An `nn.LSTMCell` in all but name, whose gates alone the weights go into."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.recurrent, self.fc = nn.Linear(6, 16), nn.Linear(4, 16), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 4)
        for step in range(4):
            enter, keep, new, leave = (self.input(x[:, step]) + self.recurrent(h)).chunk(4, dim=1)
            c = torch.sigmoid(keep) * c + torch.sigmoid(enter) * torch.tanh(new)
            h = torch.sigmoid(leave) * torch.tanh(c)
        return self.fc(h)


def looped(
    sampler: Sampler,
    *,
    bits: int | tuple[int, ...] | None = None,
    metrics: Sequence[Metric] = ALL,
    model: nn.Module | None = None,
    samples: int = 20,
) -> Campaign:
    """A campaign in the weights and biases of a cell that is called in every time step."""
    network = model or named("looped").build()
    torch.manual_seed(4)
    x = torch.randn(samples, 5, 6)
    fault = BitFlip() if bits is None else BitFlip(bits)
    return campaign_of(
        network.eval(), x, [Weights("*"), Biases("*")], sampler, fault=fault, call=plain,
        metrics=metrics, batch=8,
    )  # fmt: skip


def check(engine: Engine, one: Campaign) -> None:
    found, expected = execute_all(engine, one).figures, execute_all(Serial(), one).figures
    for column, name in enumerate(one.panel.columns):
        if "distance" not in name and "mask" not in name and "noncritical" not in name:
            assert np.array_equal(found[:, column], expected[:, column]), name
    finite = np.isfinite(expected)
    assert np.array_equal(finite, np.isfinite(found))
    if "Distance().distance" in one.panel.columns:
        np.testing.assert_allclose(found[:, -1], expected[:, -1], rtol=1e-3, atol=1e-5)


def test_several_changes_share_a_pass():
    session = Replay().open(looped(Uniform(4)))
    replayer = session.plans[0].replayer
    sites = [site.name for site in session.campaign.space.sites]
    for place, name in enumerate(sites):
        assert replayer.shares_passes(place), name
        assert (len(replayer.uses(place)) == 3) == (name in SHARED)


@pytest.mark.parametrize("model", [None, LoopedLstm()], ids=["stages", "lstm"])
@pytest.mark.parametrize("bits", [None, 30, (28, 29)])
def test_outputs_are_those_of_whole_passes(model, bits):
    check(Replay(), looped(Uniform(150), bits=bits, model=model))


@pytest.mark.parametrize("model", [None, LoopedLstm()], ids=["stages", "lstm"])
@pytest.mark.parametrize("bits", [None, 30])
def test_predictions_are_those_of_whole_passes(model, bits):
    check(FirstOrder(), looped(Uniform(150), bits=bits, metrics=[Critical()], model=model))


def test_lines_of_words_are_those_of_whole_passes():
    check(Bracket(), looped(Words(6), metrics=[Critical()]))


def test_a_change_that_is_rounded_away_leaves_a_sample_golden_to_the_last_bit():
    one = looped(Uniform(60), bits=0)
    found, expected = execute_all(Replay(), one).figures, execute_all(Serial(), one).figures
    column = one.panel.columns.index("Outcome().masked")
    assert found[:, column].max() > 0.5
    # Sums in another order move last bits, but not those of most samples.
    assert abs(found[:, column] - expected[:, column]).mean() < 0.2


def test_huge_weights_that_go_into_gates_alone_share_passes(monkeypatch):
    ordered: list[object] = []
    figures = Plain.figures
    monkeypatch.setattr(Plain, "figures", lambda *a: ordered.append(a) or figures(*a))
    execute_all(Replay(), looped(Uniform(60), bits=30, model=LoopedLstm()))
    in_gates = len(ordered)
    ordered.clear()
    # Here one of the sums is multiplied by nothing that bounds it: `write` alone goes into tanh.
    execute_all(Replay(), looped(Uniform(60), bits=30, model=Unbounded()))
    assert in_gates < len(ordered)


class Unbounded(LoopedLstm):
    """The same, but for an activation function that has no bound."""

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], 4)
        for step in range(4):
            h = torch.relu(self.input(x[:, step]) + self.recurrent(h))[:, :4]
        return self.fc(h)


def test_what_is_little_more_than_rounding_is_left_to_the_reference():
    class Cancelling(LoopedLstm):
        """Its states are differences of nearly equal numbers."""

        def forward(self, x: Tensor) -> Tensor:
            h = x.new_zeros(x.shape[0], 4)
            for step in range(3):
                sums = self.input(x[:, step]) + self.recurrent(h)
                h = torch.sigmoid(sums)[:, :4] - torch.sigmoid(sums + 1e-6)[:, :4]
            return self.fc(h * 1e6)

    one = looped(Uniform(80), bits=30, model=Cancelling(), metrics=[Critical()])
    session = Replay().open(one)
    replayer = session.plans[0].replayer
    assert replayer.shares_passes(0)
    check(Replay(), one)
    check(FirstOrder(), one)


def test_the_choice_where_answers_alone_count(monkeypatch):
    monkeypatch.setattr(choice, "_pays", lambda *_: True)
    assert chosen(looped(Uniform(60), metrics=[Critical()])).engine == FirstOrder()
    assert chosen(looped(Uniform(60), metrics=[Outcome()])).engine == FirstOrder()
    assert chosen(looped(Uniform(60), metrics=[Outcome()]), exact=True).engine == Replay()
    assert chosen(looped(Uniform(60))).engine == Replay()
