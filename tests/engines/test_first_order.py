"""Are verdicts that gradients settle those that a trial would give, and is it told if not?"""

import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets.data import Data
from radhard.engines import Bracket, Campaign, Engine, FirstOrder, Replay, Serial
from radhard.engines.bracket.word_lines import WordBlock, WordLines
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.first_order import FirstOrderSession
from radhard.engines.first_order.gate_words import GateWords
from radhard.engines.first_order.outlook import Outlook, outlooks
from radhard.engines.first_order.rivals import margins
from radhard.engines.first_order.unchanged_by_activations import unchanged as unchanged_alone
from radhard.engines.first_order.unchanged_by_parameters import unchanged
from radhard.engines.first_order.unrolled import Gates, unrolled
from radhard.engines.inference import records_of
from radhard.engines.replay.plain import Plain
from radhard.engines.serial import faulty_outputs
from radhard.errors import InputError
from radhard.faults import BitFlip, Burst, StuckAt
from radhard.formats import Float32
from radhard.forward import plain
from radhard.metrics import Critical, Distance, Outcome, Sdc
from radhard.metrics.outputs import Golden
from radhard.replay.recurrent.recurrent_rules import gru, lstm
from radhard.replay.word_change import WordChange
from radhard.samplers import Exhaustive, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Inputs, Weights
from tests.engines.campaigns import campaign_of, execute_all
from tests.engines.stopped import continued
from tests.traces import traces
from tests.zoo import NETWORKS, Network, named

METRICS = (Critical(), Sdc())

LOOSE = {"safety": 1.0, "reach": 1e9}
"""Bounds that a network made for the purpose can defeat."""


class LastState(nn.Module):
    """A recurrent layer of which the last state is used: it is taken step by step."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.enter = nn.Linear(6, 5)
        self.rnn = kind(5, 4, num_layers=2, batch_first=True)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(self.enter(x))[0][:, -1])


STEPWISE = [
    Network("last_lstm", lambda: LastState(nn.LSTM), named("lstm").give),
    Network("last_gru", lambda: LastState(nn.GRU), named("gru").give),
]


def network_of(name: str) -> Network:
    return next((one for one in STEPWISE if one.name == name), None) or named(name)


def predicted(network: Network, target, sampler=None, fault=None, **changed) -> Campaign:
    model = network.build().eval()
    return campaign_of(
        model,
        network.inputs(),
        target,
        sampler or Uniform(100),
        fault=fault or BitFlip(),
        call=network.call,
        metrics=changed.pop("metrics", METRICS),
        **changed,
    )


def figures_of(engine: Engine, one: Campaign) -> np.ndarray:
    """The figures of all trials in order."""
    return execute_all(engine, one).figures


# -- beside the reference ------------------------------------------------------------------------

# Those that only repeat others are left out, and one that has no graph.
KINDS = [
    n for n in NETWORKS if n.name not in ("inplace", "flat", "inference", "dropout")
] + STEPWISE


def every_second(rest: int) -> list[Any]:
    """Faults in stored words meet one half of the networks, in activations the other."""
    return [
        pytest.param(network, marks=() if at % 2 == rest else pytest.mark.slow)
        for at, network in enumerate(KINDS)
    ]


@pytest.mark.parametrize("network", every_second(0), ids=repr)
def test_verdicts_of_stored_words_are_those_of_the_reference_on_every_network(network):
    target = [Weights("*")] if network.name == "tied" else [Weights("*"), Biases("*")]
    one = predicted(network, target, Uniform(30), seed=2)
    assert np.array_equal(figures_of(FirstOrder(), one), figures_of(Serial(), one))


@pytest.mark.parametrize("network", every_second(1), ids=repr)
def test_verdicts_of_activations_are_those_of_the_reference_on_every_network(network):
    one = predicted(network, Activations("*"), Uniform(30), seed=3)
    assert np.array_equal(figures_of(FirstOrder(), one), figures_of(Serial(), one))


@settings(max_examples=5)
@given(
    seed=st.integers(0, 2**32),
    fault=st.sampled_from([BitFlip(), StuckAt(1), Burst(2)]),
    name=st.sampled_from(["residual", "last_lstm", "convolutions"]),
)
def test_verdicts_are_those_of_the_reference_under_any_faults(seed, fault, name):
    target = [Weights("*"), Biases("*"), Activations("*")]
    one = predicted(network_of(name), target, Uniform(30), fault, seed=seed)
    assert np.array_equal(figures_of(FirstOrder(), one), figures_of(Serial(), one))


@pytest.mark.parametrize("bits", [30, 31, (29, 30)])
def test_huge_weights_of_an_lstm_are_tried_like_others_and_have_the_verdicts_of_the_reference(bits):
    network, ordered = network_of("last_lstm"), []
    one = predicted(network, [Weights("rnn.*"), Biases("rnn.*")], Uniform(200), BitFlip(bits))
    with pytest.MonkeyPatch.context() as patch:
        figures = Plain.figures
        patch.setattr(Plain, "figures", lambda *a: ordered.append(a[-1]) or figures(*a))
        found = figures_of(FirstOrder(), one)
    assert np.array_equal(found, figures_of(Serial(), one))
    assert not np.isfinite(ordered).any()


def test_faults_in_what_the_model_is_given_have_the_verdicts_of_the_reference():
    one = predicted(named("residual"), Inputs("*"), Uniform(60))
    assert np.array_equal(figures_of(FirstOrder(), one), figures_of(Serial(), one))


SETTLED = [
    ("convolutions", Weights("*")),
    ("last_lstm", Weights("rnn*")),
    ("last_gru", Biases("*")),
    ("residual", Activations("*")),
    ("double", Weights("*")),
    ("looped", Weights("recurrent")),
]


@pytest.mark.parametrize(("name", "target"), SETTLED, ids=repr)
def test_many_verdicts_are_settled_without_a_trial(name, target):
    """Else nothing is gained, and the comparisons above would compare a trial with itself."""
    one = predicted(network_of(name), target, Uniform(200))
    records = records_of(execute_all(FirstOrder(audit=0.0), one).inferences)
    inferred = sum(record.harmless.inferred + record.harmful.inferred for record in records)
    assert inferred > 0.4 * sum(sum(record.trials) * record.samples for record in records)


def test_words_that_a_table_and_a_layer_use_are_executed_and_it_is_said():
    one = predicted(named("tied"), Weights("*"), Uniform(40))
    found = execute_all(FirstOrder(), one)
    assert np.array_equal(found.figures, figures_of(Serial(), one))
    assert "no gradient" in [note.kind for note in found.notes]


# -- what is inferred ----------------------------------------------------------------------------


class Recorder(Bounds):
    """Trusts nothing, and keeps the part of its lead by which each answer should move."""

    def __init__(self) -> None:
        super().__init__(safety=1.0, reach=1.0)
        object.__setattr__(self, "moved", [])

    def hold(self, moved: Tensor, reached: Tensor) -> Tensor:
        self.moved.append(moved.clone())
        return torch.zeros_like(moved, dtype=torch.bool)


def in_double(network: Network, target, trials: int) -> Campaign:
    """A campaign of flips so small that only the first order is left of what they do."""
    model = network.build().double().eval()
    fault, inputs = BitFlip((38,)), network.inputs().double()
    return campaign_of(
        model, inputs, target, Uniform(trials), fault=fault, call=network.call, metrics=METRICS
    )


def all_outlooks(one: Campaign) -> dict[int, Outlook]:
    """The gradients as FirstOrder has them, for so many rivals that none is left out."""
    return outlooks(Replay().prepare_graph(one).plans, most=64, memory=2**29)


def really_moved(one: Campaign, fault: int, sample: int | None = None) -> Tensor:
    """The largest part of its lead over any rival by which each answer moves."""
    outputs, _ = faulty_outputs(one, np.array([fault]), sample)
    rows = slice(0, len(outputs)) if sample is None else slice(sample, sample + 1)
    return torch.stack(
        [(lead - 1).abs() for lead in margins(outputs, one.panel.golden, rows, 64, 0)]
    ).amax(dim=0)


@pytest.mark.parametrize(
    "name", ["convolutions", "residual", "last_lstm", "last_gru", "layer_norm", "looped"]
)
def test_the_bound_of_a_small_change_is_no_less_than_the_change(name):
    one = in_double(network_of(name), [Weights("*"), Biases("*")], 60)
    found = all_outlooks(one)
    faults = np.sort(one.trials.at(np.arange(len(one.trials))))
    places, _, _ = one.space.locate(faults)
    tightness = []
    for place in np.unique(places).tolist():
        if place not in found[place].goals:
            continue
        mine, recorder = faults[places == place], Recorder()
        with torch.inference_mode():
            words = WordLines(found[place].plan, WordBlock(place, mine, mine, True), 64)
            points = np.flatnonzero(words.points.sizes != 0)
            unchanged(found[place], place, words.changes(points), recorder)
        expected = torch.cat(recorder.moved)
        for row, point in enumerate(points.tolist()):
            real = really_moved(one, int(mine[words.points.faults[point]]))
            assert (real <= expected[row] * 1.02 + 1e-9).all()
            tightness.append(float((real.sum() + 1e-12) / (expected[row].sum() + 1e-12)))
    assert max(tightness) > 0.9  # some are all of one sign: a bound that is only large would fail
    assert np.median(tightness) > 0.05


@pytest.mark.parametrize("name", ["residual", "layer_norm"])
def test_the_bound_of_a_small_change_of_one_value_is_the_change(name):
    one = in_double(named(name), Activations("*"), 50)
    found = all_outlooks(one)
    faults = one.trials.at(np.arange(len(one.trials)))
    places, _, _ = one.space.locate(faults)
    compared = 0
    for fault, place in zip(faults.tolist(), places.tolist(), strict=True):
        if place not in found[place].goals:
            continue
        recorder, sample = Recorder(), one.sample(np.array([fault]))
        assert sample is not None
        with torch.inference_mode():
            unchanged_alone(found[place], place, np.array([fault]), recorder)
        (expected,) = recorder.moved
        assert torch.allclose(expected, really_moved(one, fault, sample), rtol=0.02, atol=1e-9)
        compared += bool((expected > 1e-9).all())
    assert compared > 15


@pytest.mark.parametrize(("kind", "operation"), [("lstm", lstm), ("gru", gru)])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_a_layer_taken_step_by_step_says_what_it_says_at_once(kind, operation, last, biased):
    chance = torch.Generator().manual_seed(5)
    gates = 16 if kind == "lstm" else 12
    shapes = [(3, 5, 6), (gates, 6), (gates, 4), *([(gates,)] * 2 if biased else [])]
    given = [torch.randn(shape, generator=chance, dtype=torch.float64) for shape in shapes]
    own = unrolled(kind, *given, last)
    torch.testing.assert_close(own.outputs, operation(*given, last))
    assert own.by_column(own.gate_values).shape == (16, 3, 5)


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(["lstm", "gru"]), seed=st.integers(0, 1000), size=st.floats(-3, 3))
def test_what_gates_say_differs_by_what_the_functions_of_their_columns_do(kind, seed, size):
    chance = torch.Generator().manual_seed(seed)
    gates = 16 if kind == "lstm" else 12
    shapes = [(3, 5, 6), (gates, 6), (gates, 4), (gates,), (gates,)]
    given = [torch.randn(shape, generator=chance, dtype=torch.float64) for shape in shapes]
    own = unrolled(kind, *given, True)
    said, inside = own.by_column(own.gate_values), own.gates.within
    columns = torch.randperm(16, generator=chance)
    change = torch.randn((16, 3, 5), generator=chance, dtype=torch.float64) * 10.0**size
    found = own.gates.difference(columns, change.clone())
    parts = []
    for at, column in enumerate(columns.tolist()):
        more = change[at]
        if kind == "gru" and column >= 12:  # what the reset gate weighs, which are columns 4 to 7
            more = more * said[4 + column - 12]
        curved = column // 4 in ((2,) if kind == "lstm" else (0, 3))
        function = torch.tanh if curved else torch.sigmoid
        torch.testing.assert_close(function(inside[column]), said[column])
        parts.append(function(inside[column] + more) - said[column])
    torch.testing.assert_close(found, torch.stack(parts), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gates_of_samples_after_samples_are_those_of_all_at_once(kind):
    chance = torch.Generator().manual_seed(6)
    gates = 16 if kind == "lstm" else 12
    shapes = [(5, 4, 6), (gates, 6), (gates, 4), (gates,), (gates,)]
    inputs, *rest = [torch.randn(s, generator=chance, dtype=torch.float64) for s in shapes]
    whole = unrolled(kind, inputs, *rest, True).gates
    joined = Gates.joined([unrolled(kind, part, *rest, True).gates for part in inputs.split(2)])
    for name in ("inputs", "before", "within"):
        torch.testing.assert_close(getattr(joined, name), getattr(whole, name))
    assert (joined.factor is None) == (whole.factor is None) == (kind == "lstm")
    if whole.factor is not None:
        torch.testing.assert_close(joined.factor, whole.factor)


def test_margins_of_many_rivals_are_the_nearest_and_sums_whose_squares_are_right_on_average():
    chance = torch.Generator().manual_seed(1)
    before = torch.randn(4, 30, generator=chance, dtype=torch.float64)
    golden, after = Golden(before), before + 0.1 * torch.randn(4, 30, generator=chance)
    every = torch.stack(margins(after, golden, slice(0, 4), 64, 0)) - 1
    assert len(every) == 29
    sums = []
    for seed in range(400):
        few = torch.stack(margins(after, golden, slice(0, 4), 6, seed))
        still = torch.stack(margins(before, golden, slice(0, 4), 6, seed))
        assert len(few) == 6
        assert torch.allclose(few[:3] - 1, every[:3])
        sums.append((few[3:] - still[3:]).square().mean(dim=0))
    expected = every[3:].square().sum(dim=0)
    assert torch.allclose(torch.stack(sums).mean(dim=0), expected, rtol=0.2)


def test_with_many_classes_verdicts_are_those_of_the_reference():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 40)).eval()
        inputs = torch.randn(20, 6)
    target = [Weights("*"), Biases("*")]
    one = campaign_of(
        model, inputs, target, Uniform(400), fault=BitFlip(), call=plain, metrics=METRICS
    )
    assert np.array_equal(figures_of(FirstOrder(), one), figures_of(Serial(), one))


# -- what is inferred wrongly --------------------------------------------------------------------


class Asleep(nn.Module):
    """A neuron behind the first one sleeps; no gradient tells what it does once it wakes up."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(1, 1, bias=False), nn.Linear(1, 2)
        with torch.no_grad():
            self.first.weight.fill_(0.5)
            self.second.weight.copy_(torch.tensor([[100.0], [0.0]]))
            self.second.bias.copy_(torch.tensor([-90.0, 1.25]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)))


def asleep(engine, **changed):
    model, inputs = Asleep().eval(), torch.linspace(0.2, 1.7, 23)[:, None]
    space = FaultSpace.of(model, Weights("first"), BitFlip(), Float32())
    return run(
        model, Data(inputs), space, Exhaustive(), metrics=[Critical()], engine=engine, **changed
    )


def test_within_its_usual_bounds_no_neuron_wakes_up_unseen():
    assert np.array_equal(asleep(FirstOrder()).values(), asleep(Serial()).values())


def test_wrong_inferences_are_detected_and_widen_the_interval():
    true = asleep(Serial())
    blind = asleep(FirstOrder(**LOOSE, audit=0.5, threshold=1.0))
    assert (blind.values() != true.values()).any()
    (record,) = blind.inferences
    assert record.harmless.wrong > 5
    assert record.wrong
    assert not record.all_tried
    for by in (None, "tensor", "bit"):
        exact, widened = (
            true.estimates(true.headline, by, 0.95),
            blind.estimates(blind.headline, by, 0.95),
        )
        for key, estimate in exact.items():
            assert widened[key].low - 1e-12 <= estimate.value <= widened[key].high + 1e-12
    assert blind.rate().low < blind.rate().high
    note = next(note for note in blind.notes if note.kind == "inference")
    assert note.facts["unit"] == "verdicts"
    assert note.facts["harmless"]["wrong"] == record.harmless.wrong > 0
    assert f"{record.harmless.wrong} of {record.harmless.tried}" in str(note)


def test_above_the_threshold_everything_is_executed_and_it_is_said():
    true, found = asleep(Serial()), asleep(FirstOrder(**LOOSE, audit=0.5))
    assert np.array_equal(found.values(), true.values())
    (record,) = found.inferences
    assert record.all_tried
    assert found.rate() == true.rate()
    (note,) = [note for note in found.notes if note.kind == "refuted"]
    assert note.facts["faults"] == 32
    assert "all 32 trials" in str(note)


def test_above_the_threshold_activations_are_executed_too():
    def found(engine):
        model, inputs = Asleep().eval(), torch.linspace(0.2, 1.7, 23)[:, None]
        space = FaultSpace.of(model, Activations("first"), BitFlip(), Float32(), data=inputs)
        return run(
            model, Data(inputs), space, Exhaustive(), metrics=[Critical()], engine=engine, audit=0
        )

    true = found(Serial())
    blind = found(FirstOrder(**LOOSE, audit=0.3, threshold=1.0))
    assert (blind.values() != true.values()).any()
    mended = found(FirstOrder(**LOOSE, audit=0.3))
    assert np.array_equal(mended.values(), true.values())
    assert all(record.all_tried for record in mended.inferences)
    assert np.array_equal(found(FirstOrder()).values(), true.values())


def test_without_a_check_the_interval_admits_that_nothing_is_known():
    blind = asleep(FirstOrder(audit=0.0))
    (record,) = blind.inferences
    share = record.harmless.inferred / (23 * len(blind))
    assert share > 0.1
    assert blind.rate().high == pytest.approx(min(1.0, blind.rate().value + share))
    notes = [note for note in blind.notes if note.kind == "inference"]
    assert [note.facts[name]["tried"] for note in notes for name in ("harmless", "harmful")] == [
        0
    ] * (2 * len(notes))
    assert notes
    assert all("not known" in str(note) for note in notes)


# -- runs ----------------------------------------------------------------------------------------


def mixed_run(engine, **changed):
    model = named("convolutions").build().eval()
    data = Data(named("convolutions").inputs())
    target = [Weights("*"), Biases("*"), Activations("*")]
    space = FaultSpace.of(model, target, BitFlip(), Float32(), data=data)
    return run(
        model, data, space, Uniform(300), metrics=[Critical()], engine=engine, seed=4, **changed
    )


def test_a_stopped_run_continues_to_the_same_results_and_checks(tmp_path):
    engine = FirstOrder(audit=0.2)
    whole = mixed_run(engine)
    again = continued(partial(mixed_run, engine), FirstOrderSession, tmp_path / "run.db")
    assert np.array_equal(again.values(), whole.values())
    assert again.manifest["inferred"] == whole.manifest["inferred"] != {}


def test_workers_find_the_same_and_their_checks_are_kept():
    one, two = (mixed_run(FirstOrder(audit=0.2), workers=n) for n in (1, 2))
    assert np.array_equal(one.values(), two.values())
    assert one.manifest["inferred"] == two.manifest["inferred"] != {}


def test_every_engine_that_infers_finds_the_same():
    one, target = named("convolutions"), Weights("*")
    given = predicted(one, target, Exhaustive(), BitFlip(tuple(range(26, 30))))
    first, bracket = (figures_of(engine, given) for engine in (FirstOrder(), Bracket()))
    assert np.array_equal(first, bracket)


@pytest.mark.parametrize("memory", [1, 20_000, 2**30])
@pytest.mark.parametrize("rows", [1, 6400])
def test_verdicts_are_the_same_in_any_company(memory, rows):
    one = predicted(named("residual"), [Weights("*"), Activations("*")], Uniform(60))
    engine = FirstOrder(memory=memory, rows=rows)
    assert np.array_equal(figures_of(engine, one), figures_of(FirstOrder(), one))


@pytest.mark.parametrize("name", ["last_lstm", "last_gru"])
def test_no_effect_of_changed_words_on_gates_exceeds_its_bound(name):
    one = predicted(network_of(name), [Weights("*"), Biases("*")], Exhaustive())
    session = FirstOrder().open(one)
    assert isinstance(session, FirstOrderSession)
    gates, chance = 0, np.random.default_rng(0)
    for place, outlook in session._outlooks.items():
        goal, site = outlook.goals[place], one.space.sites[place]
        if not goal.gates:
            continue
        weights = outlook.weights(outlook.plan.replayer.pieces[0])[goal.slot, True]
        changes = [
            WordChange(tuple(int(chance.integers(n)) for n in site.shape), float(by), None)
            for by in chance.normal(size=50) * 10.0 ** chance.uniform(-4, 1, size=50)
        ]
        words = GateWords.of(outlook, goal, weights, place, changes)
        for effect, bound in zip(words.effects(), words.bounds(), strict=True):
            assert (effect <= 1.0001 * bound + 1e-6 * float(bound.max())).all()
            # Of small changes the bound is of the size of the effect.
            assert (effect > bound / 10).any()
        gates += 1
    assert gates >= 4


def test_chunks_are_all_trials():
    one = predicted(named("residual"), [Weights("*"), Activations("*")], Uniform(700))
    seen = [list(chunk) for chunk in FirstOrder().open(one).chunks()]
    assert sorted(itertools.chain(*seen)) == list(range(700))


@pytest.mark.parametrize(("trials", "most"), [(2000, 256), (8000, 800), (40_000, 1024)])
def test_chunks_grow_with_the_campaign_but_stay_small_enough_to_be_shared(trials, most):
    network = Network("wide", lambda: nn.Linear(40, 40, bias=False), lambda: torch.ones(2, 40))
    one = predicted(network, Weights("*"), Uniform(trials))
    sizes = [len(chunk) for chunk in FirstOrder().open(one).chunks()]
    assert sum(sizes) == trials
    assert sizes[:-1] == [most] * (len(sizes) - 1)


def test_the_model_and_all_chance_stay_as_they_were():
    network = named("residual")
    model, data = network.build().train(), Data(network.inputs())
    loss = model(data.inputs).square().sum()
    loss.backward()
    before, chance = traces(model), torch.get_rng_state()
    gradients = {name: one.grad.clone() for name, one in model.named_parameters()}
    space = FaultSpace.of(model, [Weights("*"), Activations("*")], BitFlip(), Float32(), data=data)
    run(model, data, space, Uniform(100), metrics=[Critical()], engine=FirstOrder())
    assert traces(model) == before
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(one.grad, gradients[name]) for name, one in model.named_parameters())


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [Outcome(infinite="due"), Sdc(k=2), Distance()], ids=repr)
def test_metrics_that_rest_on_more_than_answers_are_refused_by_name(metric):
    one = predicted(named("residual"), Weights("*"), metrics=(Critical(), metric))
    with pytest.raises(InputError, match=r"FirstOrder infers predictions.*use Replay") as error:
        FirstOrder().open(one)
    assert repr(metric) in str(error.value)


def test_a_model_without_a_graph_is_refused():
    class Depends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) if float(x.sum()) > 0 else self.fc(-x)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, inputs = Depends().eval(), torch.randn(3, 6)
    one = campaign_of(
        model, inputs, Weights("*"), Uniform(5), fault=BitFlip(), call=plain, metrics=METRICS
    )
    with pytest.raises(InputError, match="needs the model's graph"):
        FirstOrder().open(one)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"audit": -0.1}, "a share from 0 to 1"),
        ({"threshold": 2.0}, "a share from 0 to 1"),
        ({"safety": 0.5}, "a factor from 1"),
        ({"reach": 0.0}, "a factor above 0"),
        ({"rivals": 1}, "at least 2"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        FirstOrder(**wrong)
