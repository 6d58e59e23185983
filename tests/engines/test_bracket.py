"""Are the verdicts that are inferred those that a trial would give, and is it told if not?"""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard import results
from radhard.campaign import run
from radhard.comparison import compare
from radhard.datasets.data import Data
from radhard.engines import Bracket, Campaign, Replay, Serial
from radhard.engines.audit_draw import Draw
from radhard.engines.bracket import lines
from radhard.engines.bracket.checking import Check, RecordedTrials
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Points, bisect_lines
from radhard.engines.bracket.passes import predictions_of
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.word_lines import WordLines as BlockWords
from radhard.engines.bracket.word_lines import blocks as word_blocks
from radhard.engines.correction import MeanTrials, correction
from radhard.engines.inference import records_of
from radhard.engines.inferred import Inferred
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32
from radhard.metrics import Accuracy, Critical, Outcome, Panel, Sdc, TopK
from radhard.samplers import ErrorRate, Exhaustive, Uniform, Words
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Weights
from tests.engines.campaigns import campaign_of, execute_all, format_of
from tests.zoo import NETWORKS, Network, named

METRICS = (Critical(), Sdc())


# -- the lines -----------------------------------------------------------------------------------

SIZES = st.lists(
    st.floats(-100, 100) | st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 3.0, 1e300]),
    min_size=1,
    max_size=20,
)


def points_of(words: list[list[float]]) -> Points:
    owners = np.repeat(np.arange(len(words)), [len(word) for word in words])
    return Points.of(owners, np.array([size for word in words for size in word]))


@given(words=st.lists(SIZES, min_size=1, max_size=4))
def test_every_fault_has_its_point_and_every_word_its_line(words):
    points = points_of(words)
    sizes = [size for word in words for size in word]
    found = points.sizes[points.of_fault]
    assert np.array_equal(found, sizes, equal_nan=True)
    assert (points.sizes[points.zero] == 0).all()
    for word, first, last in zip(words, points.first, points.last, strict=True):
        line = points.sizes[first : last + 1]
        assert line.tolist() == sorted({0.0, *filter(np.isfinite, word)})
    assert points.apart.tolist() == (~np.isfinite(points.sizes)).tolist()
    faulty = points.faults >= 0
    assert np.array_equal(points.of_fault[points.faults[faulty]], np.flatnonzero(faulty))


@st.composite
def worlds(draw):
    """Words, and for each sample the displacements between which its golden answer holds."""
    words = draw(st.lists(SIZES, min_size=1, max_size=4))
    bound = st.floats(0.01, 120)
    return words, draw(st.lists(st.tuples(bound, bound), min_size=1, max_size=5))


@given(worlds())
def test_answers_that_change_once_a_side_are_all_found_with_few_trials(world):
    words, bounds = world
    points = points_of(words)
    low, high = (np.array(side)[None] for side in zip(*bounds, strict=True))
    sizes = points.sizes[:, None]
    true = np.where(sizes > high, 1, np.where(sizes < -low, 2, 0))
    true = np.where(np.isnan(sizes), -1, true).astype(np.int32)
    asked = np.zeros(true.shape, dtype=int)

    def evaluate(some: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked[some] += samples
        return np.where(samples, true[some], 77), np.full(samples.shape, np.inf)

    found, tried = bisect_lines(points, np.zeros(len(bounds), dtype=np.int32), evaluate)
    assert np.array_equal(found, true)
    asked[points.zero] += 1
    assert np.array_equal(asked, tried)
    safe = (np.abs(sizes) <= np.minimum(low, high).min()) | ~np.isfinite(sizes)
    if safe.all():
        inner = len(points.sizes) - points.apart.sum() - 3 * len(words)
        assert (~tried.any(axis=1)).sum() >= inner


@given(
    gains=st.lists(st.floats(-1.2, 1.2).map(lambda gain: gain**9), min_size=1, max_size=6),
    words=st.lists(st.lists(st.floats(-50, 50), min_size=1, max_size=8), min_size=1, max_size=4),
)
def test_a_smaller_end_is_not_executed_where_a_larger_one_had_ample_headroom(gains, words):
    """Outputs in proportion to the displacement, so that nothing that is inferred may be wrong."""
    points, gains = points_of(words), np.array(gains)
    moved = points.sizes[:, None] * gains
    true = (np.abs(moved) > 1).astype(np.int32)
    asked = np.zeros(true.shape, dtype=bool)

    def evaluate(some: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked[some] |= samples
        room = 1 / np.maximum(np.abs(moved[some]), 1e-300)
        return true[some], np.where(moved[some] == 0, np.inf, room)

    found, tried = bisect_lines(points, np.zeros(len(gains), dtype=np.int32), evaluate)
    assert np.array_equal(found, true)
    asked[points.zero] = True
    assert np.array_equal(asked, tried)
    ends = np.stack([points.first, points.last])
    sizes = np.abs(points.sizes[ends])
    smaller = np.where(sizes[0] < sizes[1], ends[0], ends[1])
    larger = sizes.max(axis=0)
    easy = (larger[:, None] * np.abs(gains) * lines._AMPLE <= 1) & (moved[smaller] != 0)
    alike = (sizes.min(axis=0) < larger) & (larger <= lines._COMPARABLE * sizes.min(axis=0))
    assert not (tried[smaller] & easy & alike[:, None]).any()


def test_an_answer_that_goes_and_comes_back_is_found_where_outputs_move_by_more_than_their_lead():
    """The rival's lead is a line with a bend: up to the top at 1, and down again behind it."""
    sizes = [2.0**power for power in range(-12, 8)]
    points = points_of([sizes, [-size for size in sizes]])
    rise = np.array([0.0, 0.01, 0.6, 1.5, 8.0])  # by how much the rival gains a unit, up to 1
    far = np.abs(points.sizes)[:, None]
    gained = rise * np.where(far < 1, far, 2.6 - 1.6 * far)
    true = (gained > 1).astype(np.int32)
    assert true[far[:, 0] == 0.5].any()
    assert not true[far[:, 0] == 128].any()
    asked = []

    def evaluate(some: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(int(samples.sum()))
        moved = np.abs(gained[some])
        return true[some], np.where(moved > 0, 1 / np.maximum(moved, 1e-300), np.inf)

    found, _ = bisect_lines(points, np.zeros(rise.size, dtype=np.int32), evaluate)
    assert np.array_equal(found, true)
    assert sum(asked) < true.size / 2


# -- the engine ----------------------------------------------------------------------------------


def bracketed(network: Network, target, sampler=None, fault=None, **changed) -> Campaign:
    model = network.build().eval()
    return campaign_of(
        model,
        network.inputs(),
        target,
        sampler or Words(4),
        fault=fault or BitFlip(),
        call=network.call,
        metrics=changed.pop("metrics", METRICS),
        **changed,
    )


# Those that only repeat others are left out, and one that has no graph.
KINDS = [n for n in NETWORKS if n.name not in ("lstm_time_first", "inplace", "flat", "inference")]


def every_second(rest: int) -> list[Any]:
    """Verdicts are compared on one half of the networks, the passes behind them on the other."""
    return [
        pytest.param(network, marks=() if at % 2 == rest else pytest.mark.slow)
        for at, network in enumerate(KINDS)
    ]


@pytest.mark.parametrize("network", every_second(0), ids=repr)
def test_verdicts_are_those_of_the_reference_on_every_network(network):
    target = [Weights("*")] if network.name == "tied" else [Weights("*"), Biases("*")]
    bits = format_of(network.build()).bits
    few = BitFlip(tuple(range(bits - 12, bits)))
    one = bracketed(network, target, Words(3), few, seed=2)
    found = execute_all(Bracket(), one)
    assert np.array_equal(found.figures, execute_all(Serial(), one).figures)
    records = [record for record in records_of(found.inferences) if record.kind == "pairs"]
    assert sum(sum(record.trials) for record in records) == len(one.trials)
    assert sum(record.harmless.inferred for record in records) > 0


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), stuck=st.booleans())
def test_verdicts_are_those_of_the_reference_under_any_faults(seed, stuck):
    fault = StuckAt(1) if stuck else BitFlip()
    one = bracketed(named("layer_norm"), [Weights("*"), Biases("*")], Words(2), fault, seed=seed)
    assert np.array_equal(execute_all(Bracket(), one).figures, execute_all(Serial(), one).figures)


@pytest.mark.parametrize("network", every_second(1), ids=repr)
def test_a_sample_answers_in_a_pass_of_pairs_as_in_one_of_whole_trials(network):
    target = [Weights("*")] if network.name == "tied" else [Weights("*"), Biases("*")]
    one = bracketed(network, target, Words(4), seed=5)
    plans, chance = Replay().prepare_graph(one).plans, np.random.default_rng(0)
    for block in word_blocks(one, range(len(one.trials))):
        plan = plans[block.place]
        if not (block.whole and plan.replayer.takes(block.place)):
            continue
        with torch.inference_mode():
            words = BlockWords(plan, block, 6400)
            points = np.flatnonzero(~words.points.apart & (words.points.faults >= 0))
            points = points[~words.extreme[points]]
            whole, _ = words.evaluate(
                points, np.ones((len(points), len(one.workload.data)), dtype=bool)
            )
            rows = chance.integers(len(points), size=200)
            samples = chance.integers(len(one.workload.data), size=200)
            assert np.array_equal(words.pairs(points[rows], samples), whole[rows, samples])


def test_most_verdicts_are_inferred():
    """Else nothing is gained; `tried` counts whole evaluations."""
    one = bracketed(named("convolutions"), Weights("*"), Words(20))
    records = records_of(execute_all(Bracket(audit=0.0), one).inferences)
    pairs = [record for record in records if record.kind == "pairs"]
    inferred = sum(record.harmless.inferred + record.harmful.inferred for record in pairs)
    assert inferred > 0.8 * len(one.trials) * len(one.workload.data)


def test_chunks_are_all_trials_and_of_whole_words():
    one = bracketed(named("residual"), [Weights("*"), Biases("*")], Uniform(300))
    seen = [list(chunk) for chunk in Bracket().open(one).chunks()]
    assert sorted(itertools.chain(*seen)) == list(range(300))
    words = [
        set((one.trials.at(np.array(chunk)) // one.space.variants[0]).tolist()) for chunk in seen
    ]
    assert sum(map(len, words)) == len(set().union(*words))


def test_words_that_are_seldom_faulty_and_what_flows_go_through_replay():
    network = named("residual")
    one = bracketed(network, [Weights("*"), Activations("conv1|fc")], Uniform(40))
    found = execute_all(Bracket(), one)
    assert np.array_equal(found.figures, execute_all(Replay(), one).figures)
    assert found.inferences == {}


class Wavy(nn.Module):
    """Its answer goes to and fro along the line on which its one weight moves."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.7], [0.1]]))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.nn.functional.linear(x, self.weight)
        return torch.cat([torch.sin(40 * y[:, :1]), y[:, 1:] * 0 + 0.05], dim=1)


def wavy(engine, **changed):
    model, inputs = Wavy().eval(), torch.linspace(0.2, 2, 23)[:, None]
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    return run(
        model, Data(inputs), space, Exhaustive(), metrics=[Critical()], engine=engine, **changed
    )


def test_what_is_inferred_wrongly_is_found_out_and_widens_the_interval():
    true = wavy(Serial())
    blind = wavy(Bracket(audit=0.5, threshold=1.0))
    assert (blind.values() != true.values()).any()
    record = next(record for record in blind.inferences if record.kind == "pairs")
    assert record.harmless.wrong + record.harmful.wrong > 5
    assert record.wrong
    assert not record.all_tried
    outside = []
    for by in (None, "tensor", "bit"):
        exact, widened = (
            true.estimates(true.headline, by, 0.95),
            blind.estimates(blind.headline, by, 0.95),
        )
        for key, estimate in exact.items():
            if not widened[key].low - 1e-12 <= estimate.value <= widened[key].high + 1e-12:
                outside.append((by, key))
    assert len(outside) <= 2  # of 34, at 95 %
    assert not {by for by, _ in outside} - {"bit"}
    assert blind.rate().low < blind.rate().high
    note = next(note for note in blind.notes if note.kind == "inference")
    assert note.facts["unit"] == "verdicts"
    assert note.facts["harmless"]["wrong"] == record.harmless.wrong > 0
    assert f"{record.harmless.wrong} of {record.harmless.tried}" in str(note)


def test_above_the_threshold_everything_is_tried_and_it_is_said():
    true, found = wavy(Serial()), wavy(Bracket(audit=0.5))
    assert np.array_equal(found.values(), true.values())
    record = next(record for record in found.inferences if record.kind == "pairs")
    assert record.all_tried
    assert found.rate() == true.rate()
    (note,) = [note for note in found.notes if note.kind == "refuted"]
    assert note.facts["faults"] == 64
    assert "all 64 trials" in str(note)


def test_without_a_check_the_interval_admits_that_nothing_is_known():
    blind = wavy(Bracket(audit=0.0))
    pairs, whole = blind.inferences
    assert (pairs.kind, whole.kind) == ("pairs", "trials")
    share = pairs.harmless.inferred / (23 * len(blind))
    assert share > 0.2
    high = blind.rate().high - blind.rate().value
    trials = (whole.harmless.inferred + whole.harmful.inferred) / len(blind)
    assert share <= high <= share + trials
    notes = [note for note in blind.notes if note.kind == "inference"]
    assert [note.facts[name]["tried"] for note in notes for name in ("harmless", "harmful")] == [
        0
    ] * (2 * len(notes))
    assert notes
    assert all("not known" in str(note) for note in notes)


def large_weights(samples: int) -> tuple[nn.Module, Data, FaultSpace]:
    """A network in which one flip of every weight makes a sum that may overflow."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 3)).eval()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    return model, Data(torch.randn(samples, 5)), space


@pytest.mark.parametrize(
    ("samples", "audit", "kind"),
    [(20, 0.02, "overflow"), (20, 0.3, "trials"), (8, 0.02, "trials")],
)
def test_trials_whose_sums_may_overflow_are_checked_on_one_sample_each_where_that_is_cheaper(
    samples, audit, kind
):
    model, data, space = large_weights(samples)
    asked = {"metrics": [Critical()], "seed": 2, "audit": 0}
    found = run(model, data, space, Words(300), engine=Bracket(audit=audit), **asked)
    records = [record for record in found.inferences if record.kind != "pairs"]
    assert {record.kind for record in records} == {kind}
    tried = sum(record.harmless.tried + record.harmful.tried for record in records)
    inferred = sum(record.harmless.inferred + record.harmful.inferred for record in records)
    share = tried / inferred
    expected = 1 / samples if kind == "overflow" else 1.0
    # Of some hundred words, each with one flip of this kind.
    assert 0.2 * expected < share <= expected
    true = run(model, data, space, Words(300), engine=Serial(), **asked).rate()
    assert found.rate().low <= true.value <= found.rate().high
    (note,) = [n for n in found.notes if n.kind == "inference" and n.facts["unit"] == kind]
    assert f"{tried:,} of these were executed" in str(note)


def test_errors_of_trials_checked_on_one_sample_each_are_estimated_without_bias():
    """Of 600 trials 200 are wrong, each in half of its samples; 128 pairs are executed."""
    torch.manual_seed(0)
    model, samples = nn.Linear(200, 3).eval(), 20
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    golden_outputs = model(torch.randn(samples, 200)).detach()
    panel = Panel([Critical()], golden_outputs)
    golden = predictions_of(golden_outputs, panel.golden)
    faults = np.arange(600) * 32 + 30
    true = np.tile(golden, (600, 1))
    true[::3, ::2] = (golden[::2] + 1) % 3
    values, held, weights = [], 0, np.full(600, 1 / 600)
    for seed in range(60):
        draw = Draw(len(space), seed, samples, trials=600 * 32, audit=0.02)
        check = Check(draw, 1.0, SampleFigures(panel), golden)
        found = np.tile(golden, (600, 1))
        record = check.trials(
            RecordedTrials.of_region(space, 0, faults),
            panel,
            found,
            lambda trials: true[trials],
            lambda trials, of: true[trials, of],
        )
        figures = figures_of(panel, found, golden)[:, 0]
        corrected = correction([record], MeanTrials.of_faults(space, faults), 0, weights)
        value = float(figures.mean() + corrected.rows @ weights)
        values.append(value)
        held += value - corrected.below <= 1 / 6 <= value + corrected.above
    deviation = np.std(values, ddof=1) / np.sqrt(60)
    assert abs(np.mean(values) - 1 / 6) < 3 * deviation
    assert deviation * np.sqrt(60) < 1.3 * np.sqrt(1 / 6 * 5 / 6 / 128)
    assert held >= 54


def test_a_stopped_run_continues_to_the_same_results_and_checks(tmp_path):
    model = named("convolutions").build().eval()
    data = Data(named("convolutions").inputs())
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], BitFlip(), Float32())
    asked = {"metrics": [Critical()], "engine": Bracket(audit=0.2), "seed": 4}
    whole = run(model, data, space, Words(12), **asked)
    path = tmp_path / "run.db"

    own = Panel.score
    for calls in (3, 9, 17):
        left = [calls]

        def score(self, faulty, left=left):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            return own(self, faulty)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Panel, "score", score)
            try:
                run(model, data, space, Words(12), store=path, **asked)
            except KeyboardInterrupt:
                continue
    again = run(model, data, space, Words(12), store=path, **asked)
    assert np.array_equal(again.values(), whole.values())
    assert again.manifest["inferred"] == whole.manifest["inferred"]


def test_workers_find_the_same_and_their_checks_are_kept():
    one, two = (wavy(Bracket(audit=0.5, threshold=1.0), workers=n, seed=3) for n in (1, 2))
    assert np.array_equal(one.values(), two.values())
    assert one.manifest["inferred"] == two.manifest["inferred"] != {}


def test_a_comparison_is_as_unsure_as_its_sides():
    true, blind = wavy(Serial()), wavy(Bracket(audit=0.5, threshold=1.0))
    (row,) = compare(true, blind).rows
    assert row.difference.low <= 0 <= row.difference.high
    assert row.difference.low < row.difference.value < row.difference.high
    (same,) = compare(true, wavy(Serial())).rows
    assert same.difference.low == same.difference.high == 0


@pytest.mark.parametrize("metric", [Outcome(), TopK(k=2), Sdc(k=2)], ids=repr)
def test_metrics_that_depend_on_more_than_predictions_are_refused_by_name(metric):
    data = Data(named("residual").inputs(), torch.zeros(3).long())
    model = named("residual").build().eval()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    with pytest.raises(InputError, match="Bracket infers predictions") as error:
        run(model, data, space, Words(2), metrics=[Critical(), metric], engine=Bracket())
    assert repr(metric) in str(error.value)


def test_trials_of_many_faults_are_refused():
    one = bracketed(named("residual"), Weights("*"), ErrorRate(0.01, trials=2))
    with pytest.raises(InputError, match="one fault each"):
        Bracket().open(one)


@pytest.mark.parametrize("wrong", [{"audit": -0.1}, {"audit": 1.5}, {"threshold": 2.0}])
def test_shares_beyond_0_and_1_are_refused(wrong):
    with pytest.raises(InputError, match="a share from 0 to 1"):
        Bracket(**wrong)


@pytest.mark.parametrize("memory", [1, 2**30])
@pytest.mark.parametrize("rows", [1, 7, 6400])
def test_passes_ask_no_more_than_they_are_asked_and_say_the_same_in_any_company(memory, rows):
    one = bracketed(named("convolutions"), Weights("*"), Words(6))
    engine = Bracket(memory=memory, rows=rows)
    assert np.array_equal(execute_all(engine, one).figures, execute_all(Bracket(), one).figures)


# -- figures from answers ------------------------------------------------------------------------


@given(
    tops=st.lists(st.lists(st.integers(-1, 3), min_size=5, max_size=5), min_size=1, max_size=4),
    kind=st.sampled_from(["logits", "one", "column"]),
    seed=st.integers(0, 99),
)
def test_figures_from_answers_are_those_of_outputs_with_these_answers(tops, kind, seed):
    chance = torch.Generator().manual_seed(seed)
    classes = 4 if kind == "logits" else 2
    wanted = np.minimum(np.array(tops, dtype=np.int32), classes - 1)
    if kind == "logits":
        golden = torch.randn(5, 4, generator=chance)
        outputs = torch.randn(len(tops), 5, 4, generator=chance)
        own = outputs.max(dim=-1).values
        outputs.scatter_(2, torch.tensor(wanted).clamp(min=0).long()[..., None], own[..., None] + 1)
        outputs[..., 0].masked_fill_(torch.tensor(wanted) < 0, torch.nan)
    else:
        golden = torch.randn(5, generator=chance)
        signs = torch.tensor(wanted * 2.0 - 1)
        outputs = signs * (0.1 + torch.rand(len(tops), 5, generator=chance))
        outputs.masked_fill_(torch.tensor(wanted) < 0, torch.nan)
        if kind == "column":
            golden, outputs = golden[:, None], outputs[..., None]
    labels = torch.randint(classes, (5,), generator=chance)
    panel = Panel([Critical(), Sdc(), Accuracy()], golden, labels)
    found = figures_of(panel, wanted, predictions_of(golden, panel.golden))
    assert np.array_equal(found, panel.score(outputs))


# -- records that somebody else wrote ------------------------------------------------------------


def test_a_record_survives_json_and_one_that_cannot_be_is_refused():
    good = Inferred("a", (3, 2), (2, 2), (1, 2), ((1, 0.5),), False).to_dict()
    assert Inferred.from_dict(good).to_dict() == good
    for wrong in (
        {"checked": [3, 2]},
        {"inferred": [2]},
        {"wrong": [[0, 0.5], [0, 0.5]]},
        {"wrong": [[2, 0.5]]},
        {"wrong": [[1, 1.5]]},
        {"checked": [-1, 0], "wrong": []},
    ):
        with pytest.raises(ValueError, match="cannot be"):
            Inferred.from_dict({**good, **wrong})


def test_results_refuse_records_that_cannot_be():
    found = wavy(Bracket(audit=0.5))
    broken = {**found.manifest, "inferred": {"weight 0": {"tensor": "weight"}}}
    with pytest.raises(InputError, match="cannot be read"):
        results.Results(broken, found._outcomes)
