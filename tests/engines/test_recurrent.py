"""Do faults of recurrent layers do, step by step for many trials, what they do in the model?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.datasets.vowels import vowels
from radhard.engines import Campaign, Engine, Replay, Serial
from radhard.engines.replay.plain import Plain
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.models.lstm_classifier import lstm_classifier
from radhard.replay import recurrent
from radhard.replay.graph import Graph, exported_graph
from radhard.replay.recurrent import separate_recurrent_layers
from radhard.replay.recurrent.recurrent_cell import RecurrentCell, Side
from radhard.replay.recurrent.trajectory import golden_trajectory
from radhard.replay.recurrent.weight_changes import WeightChanges, faulty_states
from radhard.samplers import PerTensor, Uniform
from radhard.targets import Activations, Biases, Inputs, Target, Weights
from tests.engines.campaigns import campaign, campaign_of, execute_all
from tests.zoo import NETWORKS, named

STEPWISE = {recurrent.lstm, recurrent.gru}
KINDS: list[type[nn.LSTM] | type[nn.GRU]] = [nn.LSTM, nn.GRU]
USES = ["sequence", "last", "state", "states", "both", "sequence_and_last"]


class Classifier(nn.Module):
    """A layer on the inputs, a recurrent one, and a layer on what is used of its results."""

    def __init__(self, kind: Any, use: str, **options: Any) -> None:
        super().__init__()
        self.use, self.kind = use, kind
        self.enter = nn.Linear(3, 3)
        self.rnn = kind(3, 4, batch_first=True, **options)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        sequence, states = self.rnn(self.enter(x))
        state = states[0] if self.kind is nn.LSTM else states
        used = {
            "sequence": lambda: sequence.mean(1),
            "last": lambda: sequence[:, -1],
            "state": lambda: state[-1],
            "states": lambda: state[0] + state[-1],
            "both": lambda: sequence[:, -1] + state[-1],
            "sequence_and_last": lambda: sequence.sum(1) + sequence[:, -1, :],
        }
        return self.fc(used[self.use]())


def padded(seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Series that begin with zeros, as shorter ones do; two of them are the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        x = torch.randn(5, 6, 3, dtype=dtype)
    x[1, :3] = 0
    x[2, :2] = 0
    x[3] = x[0]
    return x


def built(kind: Any, use: str, seed: int, **options: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Classifier(kind, use, **options).eval()


def graph_of(model: nn.Module, x: Tensor) -> Graph:
    with torch.no_grad():
        return separate_recurrent_layers(exported_graph(model, plain, x))


def check_same_harm(one: Campaign, engine: Engine | None = None) -> np.ndarray:
    """Verdicts are the reference's; distances within what adding up in another order makes."""
    found = execute_all(engine or Replay(), one).figures
    expected = execute_all(Serial(), one).figures
    for name in ("critical", "due"):
        column = one.panel.columns.index(f"Outcome().{name}")
        assert np.array_equal(found[:, column], expected[:, column]), name
    mine, other = found[:, -1], expected[:, -1]
    finite = np.isfinite(other)
    assert np.array_equal(np.isfinite(mine), finite)
    np.testing.assert_allclose(mine[finite], other[finite], rtol=1e-2, atol=1e-5)
    return expected


def stored(model: nn.Module, x: Tensor, sampler: Any, fault: Any, seed: int = 0) -> Campaign:
    targets: Sequence[Target] = [Weights("rnn.*"), Biases("rnn.*")]
    if not any("bias" in name for name, _ in model.rnn.named_parameters()):
        targets = [Weights("rnn.*")]
    return campaign_of(model, x, targets, sampler, fault=fault, call=plain, seed=seed)


@pytest.mark.parametrize(
    ("use", "layers"), [*((use, 1) for use in USES), ("last", 2), ("states", 2)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_layers_taken_step_by_step_say_what_the_model_says(kind, use, layers):
    model, x = built(kind, use, 1, num_layers=layers, bias=layers == 1), padded(2)
    graph = graph_of(model, x)
    assert sum(node.op in STEPWISE for node in graph.nodes) == layers
    with torch.inference_mode():
        values = graph.values([x])
        torch.testing.assert_close(values[graph.output], model(x), rtol=1e-5, atol=1e-6)
    for node in graph.nodes:
        assert node.slot not in graph.by_sample or len(values[node.slot]) == len(x)


@settings(max_examples=5, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    use=st.sampled_from(USES),
    layers=st.integers(1, 2),
    bias=st.booleans(),
    bits=st.sampled_from([None, None, (0, 1, 2, 3), 30, 31, (28, 29, 30)]),
    seed=st.integers(0, 10_000),
)
def test_faults_in_weights_and_biases_are_those_of_the_reference(
    kind, use, layers, bias, bits, seed
):
    model = built(kind, use, seed, num_layers=layers, bias=bias)
    fault = BitFlip() if bits is None else BitFlip(bits)
    check_same_harm(stored(model, padded(seed), PerTensor(8), fault, seed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_that_becomes_infinite_or_nan_spoils_what_it_spoils_in_the_model(kind):
    model = built(kind, "last", 3)
    with torch.no_grad():
        model.rnn.weight_hh_l0[0].fill_(1.0)  # bit 30 makes it infinite
        model.rnn.weight_ih_l0[:, 1].fill_(1.5)  # and this one NaN
    expected = check_same_harm(stored(model, padded(4), Uniform(60), BitFlip(30)))
    assert 0 < expected[:, 3].sum() < len(expected)


@pytest.mark.parametrize(("kind", "use"), [(nn.LSTM, "last"), (nn.GRU, "sequence")])
def test_faults_before_the_layer_are_those_of_the_reference(kind, use):
    model, x = built(kind, use, 5), padded(6)
    targets = [Weights("enter"), Activations("enter")]
    for target in targets:
        one = campaign_of(model, x, target, Uniform(40), fault=BitFlip(), call=plain)
        check_same_harm(one)
    graph = graph_of(model, x)
    assert any(node.op in STEPWISE for node in graph.nodes)


class Steep(nn.Module):
    """An LSTM on inputs so large that terms overflow, where two units are shut, or wide open."""

    def __init__(self, scale: float, shut: float) -> None:
        super().__init__()
        self.scale = scale
        self.rnn = nn.LSTM(3, 4, batch_first=True)
        self.fc = nn.Linear(4, 3)
        with torch.no_grad():
            self.rnn.bias_ih_l0[:2] = shut
            self.rnn.bias_ih_l0[-1] = -shut

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x * self.scale)[0][:, -1])


@settings(max_examples=6, deadline=None)
@example(scale=30.0, shut=30.0, bits=30, seed=1032)  # a memory of -1 + 1 and a few last bits
@example(scale=30.0, shut=30.0, bits=30, seed=1838)
@given(
    scale=st.sampled_from([1.0, 30.0]),
    shut=st.sampled_from([0.0, 30.0, -30.0, -200.0]),
    bits=st.sampled_from([30, 31, (30, 31)]),
    seed=st.integers(0, 10_000),
)
def test_faults_that_saturate_gates_do_the_same_harm(scale, shut, bits, seed):
    steep(scale, shut, bits, seed)


@pytest.mark.parametrize("bits", [30, (30, 31)])
def test_gates_saturate_so_that_few_huge_weights_need_the_models_own_order(bits):
    shares = [
        steep(scale, shut, bits, seed)
        for scale in (1.0, 30.0)
        for shut in (0.0, 30.0, -30.0, -200.0)
        for seed in (0, 1838)
    ]
    # Those whose faulty weight multiplies a state that cancelled to its last bits.
    assert np.mean(shares) <= 0.02


def steep(scale, shut, bits, seed):
    """Check the harm of a campaign; the share of its trials that the model itself executes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Steep(scale, shut).eval()
    one = stored(model, padded(seed), PerTensor(12), BitFlip(bits), seed)
    executed: list[Any] = []
    figures = Plain.figures
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plain, "figures", lambda *a: executed.append(a) or figures(*a))
        check_same_harm(one)
    return len(executed) / len(one.trials)


def test_infinite_weights_go_through_the_models_own_operations():
    model, asked = built(nn.LSTM, "last", 3), []
    with torch.no_grad():
        model.rnn.weight_hh_l0.fill_(1.0)  # bit 30 makes each infinite
    one = stored(model, padded(4), Uniform(40), BitFlip(30))
    figures = Plain.figures
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plain, "figures", lambda *a: asked.append(a[-1]) or figures(*a))
        check_same_harm(one)
    assert asked
    assert not np.isfinite(asked).any()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_states_keep_their_relative_precision_however_small(kind):
    cell, chance = RecurrentCell(kind, 5), torch.Generator().manual_seed(0)
    given = torch.randn(400, 20, generator=chance)
    shut = slice(0, 5) if kind == "lstm" else slice(5, 15)
    given[:, shut] -= torch.linspace(0, 40, 400)[:, None]  # input gate, or reset and update
    given[:, :5] *= 1 if kind == "lstm" else torch.logspace(-9, 0, 400)[:, None]
    zero = torch.zeros(400, 5)
    state, _ = cell.step(given.clone(), zero, zero)
    exact, _ = cell.step(given.double(), zero.double(), zero.double())
    torch.testing.assert_close(state.double(), exact, rtol=1e-4, atol=0)
    # In double precision the functions are those of torch.
    parts = given.double().chunk(4, dim=1)
    if kind == "lstm":
        enter, _, new, leave = parts
        expected = leave.sigmoid() * (enter.sigmoid() * new.tanh()).tanh()
    else:
        inputs, reset, update, before = parts
        expected = (inputs + reset.sigmoid() * before).tanh() * (1 - update.sigmoid())
    torch.testing.assert_close(exact, expected, rtol=1e-6, atol=0)


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(["lstm", "gru"]),
    argument=st.integers(1, 4),
    last=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_rows_are_followed_as_the_layer_does_with_changed_weights(kind, argument, last, seed):
    chance = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](3, 4, batch_first=True).double()
    inputs = padded(seed, torch.float64)
    weights = [parameter.detach() for _, parameter in layer.named_parameters()]
    weight = weights[argument - 1]
    with torch.inference_mode():
        path = golden_trajectory(kind, inputs, *weights, last)
        golden = path.outputs(last=last)
        at = [tuple(int(chance.integers(size)) for size in weight.shape) for _ in range(4)]
        by = torch.tensor(chance.normal(size=4) * 3)
        side: Side = 1 if argument in (2, 4) else 0
        columns = torch.tensor([path.cell.column(side, place[0]) for place in at])
        sources = torch.tensor([place[1] for place in at]) if argument < 3 else None
        asked = np.flatnonzero(chance.random(20) < chance.choice([0.1, 0.5, 1.0]))
        owner, samples = (torch.from_numpy(part) for part in np.divmod(asked, 5))
        found = faulty_states(
            WeightChanges(path, side, columns, sources, by), owner, samples, golden, last=last
        )
        for row, (trial, sample) in enumerate(zip(owner, samples, strict=True)):
            weight[at[trial]] += by[trial]
            expected = layer(inputs[sample][None])[0][0]
            weight[at[trial]] -= by[trial]
            torch.testing.assert_close(found.values[row], expected[-1] if last else expected)


@pytest.mark.parametrize("kind", KINDS)
def test_double_precision_is_kept(kind):
    model, x = built(kind, "last", 7).double(), padded(8, torch.float64)
    check_same_harm(stored(model, x, Uniform(40), BitFlip()))
    with torch.inference_mode():
        graph = graph_of(model, x)
        torch.testing.assert_close(
            graph.values([x])[graph.output], model(x), rtol=1e-12, atol=1e-12
        )


def test_samples_in_pieces_are_harmed_as_all_at_once():
    model = built(nn.LSTM, "last", 13)
    check_same_harm(stored(model, padded(14), Uniform(40), BitFlip()), Replay(memory=1))


def test_a_fault_that_is_rounded_away_leaves_the_states_golden_to_the_last_bit():
    model, x = built(nn.LSTM, "last", 9), padded(10)
    with torch.no_grad():
        model.rnn.weight_ih_l0.fill_(2.0**-30)
    one = stored(model, x, Uniform(250), BitFlip((0, 1)))
    masked = execute_all(Replay(), one).figures[:, 0]
    weights = [one.space[int(one.trials[t][0])].tensor == "rnn.weight_ih_l0" for t in range(250)]
    assert sum(weights) > 10
    assert (masked[weights] == 1).all()


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_layers_with_a_projection_stay_as_they_are_and_take_faults_all_the_same():
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(3, 4, batch_first=True, proj_size=2)
            self.fc = nn.LazyLinear(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0].flatten(1))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        model, x = Other().eval(), padded(12)
        model(x)
    assert not any(node.op in STEPWISE for node in graph_of(model, x).nodes)
    check_same_harm(stored(model, x, PerTensor(4), BitFlip()))


@pytest.mark.parametrize("network", [n for n in NETWORKS if n.name[:3] in ("lst", "gru")], ids=repr)
def test_the_recurrent_networks_of_the_zoo_are_harmed_as_by_the_reference(network):
    for target in (Weights("*"), Inputs("*")):
        check_same_harm(campaign(network, target, Uniform(25), seed=2))


def test_a_trained_classifier_is_harmed_as_by_the_reference():
    model, data = lstm_classifier().eval(), vowels(n=30)
    one = campaign_of(
        model,
        data.inputs,
        Weights("*"),
        Uniform(150),
        fault=BitFlip((29, 30, 31)),
        call=plain,
        batch=30,
    )
    expected = check_same_harm(one)
    assert expected[:, one.panel.columns.index("Outcome().critical")].sum() > 0


def test_layers_of_other_networks_are_left_alone():
    for name in ("residual", "attention"):
        network = named(name)
        with torch.no_grad():
            graph = exported_graph(network.build().eval(), network.call, network.inputs())
        assert separate_recurrent_layers(graph) is graph
