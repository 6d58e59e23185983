"""Are verdicts of trials of many faults that gradients settle those that a trial would give?"""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.comparison import tolerable
from radhard.datasets.data import Data
from radhard.engines import Campaign, FirstOrder, Folded, Serial
from radhard.engines.correction import MeanTrials, correction
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.many_faults_session import ManyFaultsSession
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.rivals import margins
from radhard.engines.first_order.unchanged_by_words import unchanged_by_words
from radhard.engines.folded import faulty_model
from radhard.engines.inference import Inference, Tally
from radhard.engines.serial import faulty_outputs
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float16, Float32, Int, stored_as
from radhard.forward import plain
from radhard.metrics import Accuracy, Critical, Outcome, Sdc
from radhard.results import Results
from radhard.samplers import Cumulative, ErrorRate, FaultCount
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Weights
from tests.engines.campaigns import campaign_of, execute_all
from tests.engines.small_margins import small_margins
from tests.engines.stopped import continued
from tests.traces import traces
from tests.zoo import NETWORKS, Network, named

METRICS = (Critical(), Sdc())

KINDS = [n for n in NETWORKS if n.name not in ("inplace", "flat", "inference", "dropout", "tied")]
"""All networks but those that only repeat others."""


def many(network: Network, sampler=None, target=None, **changed) -> Campaign:
    return campaign_of(
        network.build().eval(),
        network.inputs(),
        target or [Weights("*"), Biases("*")],
        sampler or ErrorRate((1e-3, 0.01), trials=12),
        fault=changed.pop("fault", BitFlip()),
        call=network.call,
        metrics=changed.pop("metrics", METRICS),
        **changed,
    )


# -- beside the reference ------------------------------------------------------------------------


@pytest.mark.parametrize("network", KINDS, ids=repr)
def test_verdicts_are_those_of_the_reference_on_every_network(network):
    one = many(network, seed=2)
    found, true = (execute_all(engine, one).figures for engine in (FirstOrder(), Serial()))
    assert np.array_equal(found, true)


@pytest.mark.parametrize("sampler", [ErrorRate(1e-3, trials=60), FaultCount((1, 3), trials=40)])
@pytest.mark.parametrize("format", [Float32(), Int(8)], ids=repr)
def test_verdicts_are_those_of_the_reference_under_any_sampler_and_format(sampler, format):
    network = named("residual")
    stored = replace(network, make=lambda: stored_as(network.build(), format))
    one = many(stored, sampler, seed=5, format=format)
    found, true = (execute_all(engine, one).figures for engine in (FirstOrder(), Serial()))
    assert np.array_equal(found, true)


def test_many_verdicts_are_settled_without_a_trial():
    """Else nothing is gained, and the comparisons above would compare a trial with itself."""
    found = ran(FirstOrder(audit=0.0))
    inferred = sum(record.harmless.inferred for record in found.inferences)
    assert inferred > 0.5 * len(found) * 10


@pytest.mark.parametrize("memory", [1, 20_000])
def test_verdicts_are_the_same_with_samples_in_pieces(memory):
    one = many(named("residual"), ErrorRate(1e-3, trials=40))
    found = execute_all(FirstOrder(memory=memory), one).figures
    assert np.array_equal(found, execute_all(FirstOrder(), one).figures)


# -- what is inferred ----------------------------------------------------------------------------


class Recorder(Bounds):
    """Trusts nothing, and keeps the part of its margin by which each prediction should move."""

    def __init__(self) -> None:
        super().__init__(safety=1.0, reach=1.0)
        object.__setattr__(self, "kept", [])

    def hold(self, moved: Tensor, reached: Tensor) -> Tensor:
        self.kept.append((moved.clone(), reached.clone()))
        return torch.zeros_like(moved, dtype=torch.bool)


def outlook_of(one: Campaign) -> Outlook:
    """The gradients as FirstOrder has them, for so many rivals that none is left out."""
    return Outlook.of_parameters(Folded().prepare(one).plan, most=64, memory=2**29)


@pytest.mark.parametrize("name", ["convolutions", "residual", "looped"])
def test_the_bound_of_many_small_changes_is_no_less_than_what_they_do_together(name):
    network = named(name)
    model, fault = network.build().double().eval(), BitFlip((38,))
    one = campaign_of(
        model,
        network.inputs().double(),
        Weights("*"),
        FaultCount(4, trials=50),
        fault=fault,
        call=network.call,
        metrics=METRICS,
    )
    drawn, recorder = list(one.trials), Recorder()
    with torch.inference_mode():
        unchanged_by_words(outlook_of(one), drawn, recorder, 64)
    ((moved, _),) = recorder.kept
    tightness = []
    known = moved.isfinite().all(dim=1).tolist()
    for row, faults in enumerate(drawn):
        if not known[row]:
            continue
        outputs, _ = faulty_outputs(one, faults)
        parts = margins(outputs, one.panel.golden, slice(0, len(outputs)), 64, 0)
        real = torch.stack([(margin - 1).abs() for margin in parts]).amax(dim=0)
        assert (real <= moved[row] * 1.02 + 1e-9).all()
        tightness.append(float(real.sum() / moved[row].sum()))
    assert max(tightness) > 0.6  # a bound that is only large would fail
    assert np.median(tightness) > 0.05


def test_the_bound_of_a_trial_is_the_sum_of_those_of_its_words():
    one = many(named("convolutions"), FaultCount(3, trials=20), fault=BitFlip((10,)))
    outlook, drawn = outlook_of(one), list(one.trials)
    together, alone = Recorder(), Recorder()
    with torch.inference_mode():
        unchanged_by_words(outlook, drawn, together, 64)
        single = [faults[n : n + 1] for faults in drawn for n in range(3)]
        unchanged_by_words(outlook, single, alone, 64)
    known = together.kept[0][0].isfinite().all(dim=1)
    assert known.sum() > 10
    for whole, parts in zip(together.kept[0], alone.kept[0], strict=True):
        assert (whole[known] > 0).any()
        torch.testing.assert_close(whole[known], parts.view(20, 3, -1).sum(dim=1)[known])


def test_a_word_that_is_hit_twice_is_executed():
    one = many(named("convolutions"), FaultCount(2, trials=1))
    bound, outlook = Bounds(1.0, 1e9), outlook_of(one)
    # The lowest bits of the mantissa, of one word and of two.
    same, other = np.array([0, 1]), np.array([0, 32])
    with torch.inference_mode():
        stays = unchanged_by_words(outlook, [same, other, same[:0]], bound, 64)
    assert not stays[0].any()
    assert stays[1:].all()


class Asleep(nn.Module):
    """Two weights keep a unit asleep: either of them alone leaves it so, both wake it up."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, -1.0]]))
            self.second.weight.copy_(torch.tensor([[1.0, -9.0], [0.0, 9.0]]))
            self.second.bias.copy_(torch.tensor([0.0, -8.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


def test_what_wakes_up_only_together_is_seen_before_the_activation_function():
    model = Asleep().eval()
    data = Data(torch.full((40, 2), 1.5), torch.zeros(40, dtype=torch.long))
    space = FaultSpace.of(model, Weights("first"), BitFlip((31,)), Float32())
    loose = FirstOrder(safety=1.0, reach=1e9, audit=0.0)
    found, true = (
        run(
            model, data, space, FaultCount(2, trials=60), metrics=[Critical()], seed=1, audit=0,
            engine=engine,
        )
        for engine in (loose, Serial())
    )  # fmt: skip
    assert 0 < true.values().mean() < 0.5
    assert np.array_equal(found.values(), true.values())
    assert sum(record.harmless.inferred for record in found.inferences) > 0


@pytest.mark.parametrize("targets", [[Weights("*"), Biases("*")], Weights("*")], ids=repr)
def test_faults_in_two_sites_before_one_activation_function_are_executed_together(targets):
    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.out = nn.Linear(6, 4), nn.Linear(6, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.out((self.one(x) + self.two(x)).relu())

    network = Network("added", Added, named("two_inputs").give)
    network = replace(network, give=lambda: torch.randn(3, 6))
    one = many(network, target=targets)
    names = [one.space.name(place) for place in range(len(one.space.regions))]
    first, second = (names.index(name) for name in ("one.weight", "two.weight"))
    starts = one.space.starts
    # The lowest bit of a weight of unit 2 of either layer, or of another unit of the second.
    unit, other = (32 * 6 * row for row in (2, 1))
    drawn = [
        np.array([starts[first] + unit, starts[second] + unit]),
        np.array([starts[first] + unit, starts[second] + other]),
    ]
    if "one.bias" in names:
        bias = starts[names.index("one.bias")]
        drawn += [
            np.array([starts[first] + unit, bias + 32 * 2]),
            np.array([starts[first] + unit, bias + 32 * 1]),
        ]
    with torch.inference_mode():
        stays = unchanged_by_words(outlook_of(one), drawn, Bounds(1.0, 1e9), 64)
    assert not stays[::2].any()
    assert stays[1::2].all()


# -- the estimate --------------------------------------------------------------------------------


def small():
    model, data = small_margins()
    return model, data, FaultSpace.of(model, Weights("*"), BitFlip(), Float16())


RATES = (5e-4, 2e-3)


@pytest.fixture
def blind(monkeypatch):
    """Inference that trusts effects up to five times the margin, so that many are wrong."""
    monkeypatch.setattr(Bounds, "hold", lambda _, moved, reached: (moved < 5) & reached.isfinite())


def ran(engine, *, seed: int = 0, metrics=None, **changed):
    model, data, space = small()
    sampler, metrics = ErrorRate(RATES, trials=80), metrics or [Critical(), Accuracy()]
    asked = {"metrics": metrics, "audit": 0, "seed": seed, "progress": False}
    return run(model, data, space, sampler, engine=engine, **asked, **changed)


def by_rate(results: Results, name: str) -> list:
    return list(results.rate(name, by="rate").values())


@pytest.mark.usefixtures("blind")
def test_corrected_rates_err_to_both_sides_where_what_was_found_errs_to_one():
    raw, corrected, held = [], [], []
    for seed in range(8):
        found, true = (ran(engine, seed=seed) for engine in (FirstOrder(threshold=1.0), Serial()))
        size = len(true) // len(RATES)
        for at, rate in enumerate(by_rate(found, "critical")):
            mine = slice(at * size, (at + 1) * size)
            real = true.values("critical")[mine].mean()
            raw.append(found.values("critical")[mine].mean() - real)
            corrected.append(rate.value - real)
            held.append(rate.low <= real <= rate.high)
    assert max(raw) <= 1e-12 < -min(raw)
    assert min(corrected) < 0 < max(corrected)
    deviation = np.std(corrected, ddof=1) / np.sqrt(len(corrected))
    assert abs(np.mean(corrected)) < 3 * deviation < abs(np.mean(raw))
    assert all(held)


@pytest.mark.usefixtures("blind")
def test_above_the_threshold_everything_is_executed_and_it_is_said():
    found = ran(FirstOrder(audit=0.5))
    assert any(record.all_tried for record in found.inferences)
    assert any(note.kind == "refuted" for note in found.notes)
    everything = ran(FirstOrder(audit=0.5, threshold=0.0))
    assert np.array_equal(everything.values("critical"), ran(Serial()).values("critical"))
    rate, true = (by_rate(results, "critical")[1] for results in (everything, ran(Serial())))
    assert (rate.value, rate.high) == pytest.approx((true.value, true.high))


def test_what_is_measured_on_one_sample_of_each_trial_is_right_on_average():
    metrics = (Outcome(),)
    found, true = ([], [])
    for seed in range(5):
        for engine, kept in ((FirstOrder(), found), (Serial(), true)):
            results = ran(engine, seed=seed, metrics=metrics)
            assert np.isfinite(results.values("masked")).all()
            kept.append([results.values("masked").mean(), results.values("noncritical").mean()])
    differences = np.array(found) - np.array(true)
    deviation = differences.std(axis=0, ddof=1) / np.sqrt(len(differences))
    assert (np.abs(differences.mean(axis=0)) < 3.5 * deviation + 1e-9).all()


def test_errors_are_spread_over_the_trials_of_their_stratum_only():
    tally = Tally(100, 10, 1)
    record = Inference(
        "rate 0.1", "pairs", 10, 0.1, (20,), (((100,), (0,)),), (((10,), (0,)),),
        ((3, (1.0,)),), tally, Tally(0, 0, 0), False,
    )  # fmt: skip
    drawn = ErrorRate((0.1, 0.2), trials=20).draw(small()[2], 0)
    weights = np.full(20, 1 / 20)
    found = correction([record], MeanTrials.of_strata(drawn, np.arange(20)), 0, weights)
    # One wrong verdict of ten samples stands for ten: itself, which is right now, and nine others.
    assert found.rows.tolist() == pytest.approx([0.9 if at == 3 else 0.0 for at in range(20)])
    assert found.above > found.below > 0
    others = correction([record], MeanTrials.of_strata(drawn, np.arange(20, 40)), 0, weights)
    assert not others.rows.any()
    assert others.above == others.below == 0


# -- runs ----------------------------------------------------------------------------------------


def test_a_stopped_run_continues_to_the_same_results_and_checks(tmp_path):
    engine = FirstOrder(audit=0.2)
    whole = ran(engine)
    again = continued(partial(ran, engine), ManyFaultsSession, tmp_path / "run.db")
    assert np.array_equal(again.values(), whole.values())
    assert again.manifest["inferred"] == whole.manifest["inferred"] != {}
    two = ran(engine, workers=2)
    assert np.array_equal(two.values(), whole.values())
    assert two.manifest["inferred"] == whole.manifest["inferred"]


def test_another_engine_continues_with_the_same_trials(tmp_path):
    path = tmp_path / "run.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ManyFaultsSession, "run", _stopped_after(1))
        with pytest.raises(KeyboardInterrupt):
            ran(FirstOrder(), store=path)
    assert 0 < len(Results.open(path)) < 160
    found, true = ran(Folded(), store=path), ran(Serial())
    assert np.array_equal(found.values("critical"), true.values("critical"))
    assert by_rate(found, "critical")[0].low < by_rate(true, "critical")[0].value


def _stopped_after(chunks: int):
    own, left = ManyFaultsSession.run, [chunks]

    def stopped(self, trials):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return own(self, trials)

    return stopped


def test_chunks_are_all_trials_each_of_one_rate():
    one = many(named("residual"), ErrorRate((1e-3, 2e-3), trials=150))
    seen = [list(chunk) for chunk in FirstOrder().open(one).chunks()]
    assert sorted(itertools.chain(*seen)) == list(range(300))
    assert all(len(np.unique(one.trials.strata_of(np.array(chunk)))) == 1 for chunk in seen)


def test_the_model_stays_as_it_was():
    network = named("residual")
    model, data = network.build().train(), Data(network.inputs())
    before, chance = traces(model), torch.get_rng_state()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    run(model, data, space, ErrorRate(1e-3, trials=40), metrics=[Critical()], engine=FirstOrder())
    assert traces(model) == before
    assert torch.equal(torch.get_rng_state(), chance)


@pytest.mark.parametrize(
    ("target", "sampler"),
    [(Activations("*"), ErrorRate(0.01, trials=2)), (Weights("*"), Cumulative(3, repeats=2))],
    ids=repr,
)
def test_flowing_values_and_accumulating_faults_are_refused(target, sampler):
    one = many(named("residual"), sampler, target)
    with pytest.raises(InputError, match=r"FirstOrder takes .*use Folded\(\)"):
        FirstOrder().open(one)


def test_a_tolerable_rate_is_not_taken_from_trials_that_were_inferred():
    with pytest.raises(InputError, match="--exact"):
        tolerable(ran(FirstOrder()))


@pytest.mark.usefixtures("blind")
def test_the_table_of_trials_gives_the_corrected_rates():
    found = ran(FirstOrder(threshold=1.0))
    frame, name = found.to_frame(), found.column("critical")
    assert (frame["inferred"] > 0).any()
    corrected = frame[name] + frame[f"{name} correction"]
    sums = (frame["weight"] * corrected).groupby(frame["rate"], sort=False).sum()
    assert sums.tolist() == pytest.approx([rate.value for rate in by_rate(found, name)])


def test_a_sample_has_the_outputs_that_it_has_among_all_to_the_last_bit():
    model, data, _ = small()
    one = campaign_of(
        model, data.inputs, Weights("*"), ErrorRate(2e-3, trials=40), fault=BitFlip(), call=plain,
        format=Float16(), batch=10,
    )  # fmt: skip
    folded = Folded().prepare(one)
    drawn = list(one.trials)
    some = np.random.default_rng(0).random((40, 10)) < 0.3
    with torch.inference_mode():
        few, unknown = folded.sample_passes.outputs(drawn, some)
        every, overflown = folded.sample_passes.outputs(drawn, np.ones_like(some))
    known = torch.from_numpy(some & ~(unknown | overflown)[:, None])
    assert known.any()
    assert torch.equal(few[known], every[known])


def test_a_pass_ends_where_all_is_nan_and_the_reference_decides():
    first = nn.Conv2d(1, 8, 3, padding=1)
    with torch.no_grad():
        first.weight.fill_(1.5)  # with its highest exponent bit set, NaN
    model = nn.Sequential(first, nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64 * 64, 3)).eval()
    inputs = torch.randn(3, 1, 64, 64)
    one = campaign_of(
        model, inputs, Weights("0"), FaultCount(2, trials=12), fault=BitFlip((30,)), call=plain
    )
    with pytest.MonkeyPatch.context() as patch:
        calls = []
        own = faulty_model._becomes_nan
        patch.setattr(faulty_model, "_becomes_nan", lambda *a: calls.append(own(*a)) or calls[-1])
        found = execute_all(Folded(), one).figures
    assert any(calls)
    assert np.array_equal(found, execute_all(Serial(), one).figures, equal_nan=True)


def test_some_samples_are_passed_without_the_others_where_kernels_allow_it():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 3, 3), nn.AdaptiveAvgPool2d(1)]
        model, inputs = nn.Sequential(*layers, nn.Flatten()).eval(), torch.randn(40, 2, 8, 8)
    one = campaign_of(
        model, inputs, Weights("*"), FaultCount(3, trials=30), fault=BitFlip((20, 31)), call=plain,
        batch=40,
    )  # fmt: skip
    folded, drawn = Folded().prepare(one), list(one.trials)
    some = np.random.default_rng(0).random((30, 40)) < 0.2
    sizes = []
    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        own = faulty_model.FaultyModel.outputs

        def outputs(*args, **known):
            sizes.append(len(found := own(*args, **known)))
            return found

        every, _ = folded.sample_passes.outputs(drawn, np.ones_like(some))
        patch.setattr(faulty_model.FaultyModel, "outputs", outputs)
        few, _ = folded.sample_passes.outputs(drawn, some)
    known = torch.from_numpy(some)
    assert max(sizes) < 40
    assert torch.equal(few[known], every[known])
    assert torch.equal(few[~known], folded.plan.replayer.golden_outputs.expand_as(few)[~known])
