"""Does ``engine="auto"`` take the engine that suits, say so, and stay with it?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial, choice, chosen
from radhard.engines.base import Session
from radhard.engines.campaign_cost import AUDITED, CampaignCost
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.replay import replay as replaying
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Int
from radhard.forward import plain
from radhard.metrics import Critical, Distance, Outcome, Panel
from radhard.models.gait_lstm import gait_lstm
from radhard.models.lenet5 import lenet5
from radhard.notes import Note
from radhard.quantization import quantized
from radhard.results import Results
from radhard.samplers import Cumulative, ErrorRate, FaultCount, Given, PerBit, Uniform
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.targets import Activations, Weights
from tests.engines.campaigns import campaign as of_zoo
from tests.engines.campaigns import campaign_of, execute_session
from tests.small import BEFORE, campaign, data, network, rows, tally
from tests.zoo import NETWORKS, named


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Campaigns of the tests are as small as can be; most of these tests look beyond that."""
    monkeypatch.setattr(choice, "_pays", lambda *_: True)
    monkeypatch.setattr(choice, "_GAIN", -1.0)


class Branching(nn.Module):
    """What it does depends on what it sees, so that there is no one graph."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, x):
        out = self.inner(x)
        return out * 2 if out.sum() > 0 else out


class Interrupted(nn.Module):
    """A network during whose n-th pass somebody presses Ctrl-C."""

    def __init__(self, at):
        super().__init__()
        self.inner, self.at, self.count = network(), at, tally()

    def forward(self, x):
        if self.count(1) == self.at:
            raise KeyboardInterrupt
        return self.inner(x)


@pytest.mark.parametrize(
    ("target", "sampler", "expected"),
    [
        (Weights("*"), Uniform(5), Replay()),
        (Activations("*"), Uniform(5), Replay()),
        (Weights("*"), PerBit(1), Replay()),
        (Weights("*"), ErrorRate(0.01, 3), Folded()),
        ([Weights("*"), Activations("*")], ErrorRate(0.01, 3), Folded()),
        (Activations("*"), ErrorRate(0.01, 3), Folded()),
        (Activations("*", sample="every"), ErrorRate(0.01, 3), Serial()),
    ],
    ids=repr,
)
def test_choice_goes_by_target_and_sampler(target, sampler, expected):
    assert chosen(of_zoo(named("residual"), target, sampler)).engine == expected


def test_cost_of_trials_with_few_faulty_words_is_that_of_what_follows_the_first():
    samples = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(512, 400), nn.Linear(400, 4)]
    model = nn.Sequential(*layers).eval()
    shares = []
    for target in ("0", "2", "3"):
        given = campaign_of(
            model, samples, Weights(target), ErrorRate(1e-3, 20), fault=BitFlip(), call=plain
        )
        cost = CampaignCost.of(given)
        shares.append(cost.followed / cost.whole)
    first, second, last = shares
    assert 0.8 >= first > second > last > 0


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_chosen_engine_executes_the_campaign_on_every_network(network):
    given = of_zoo(network, Weights("*"), Uniform(3))
    choice = chosen(given)
    assert choice.session.engine is choice.engine
    figures = execute_session(choice.session).figures  # asserts that all trials come once
    assert len(figures) == 3
    assert choice.note.facts["engine"] == repr(choice.engine)
    assert repr(choice.engine) in str(choice.note)


def test_model_without_a_graph_is_replayed_by_modules_and_the_notes_say_why(tmp_path, capfd):
    path = tmp_path / "run.db"
    results = campaign(path, model=Branching().eval(), engine="auto")
    manifest = Results.open(path).manifest
    assert manifest["engine"] == "Replay()"
    (chose,) = [note for note in results.notes if note.kind == "engine"]
    assert chose.facts["engine"] == "Replay()"
    assert "one word" in chose.facts["why"]
    (how,) = [note for note in results.notes if note.kind == "no graph"]
    assert "a recorded pass: " in how.facts["why"]
    assert "torch.export: " in how.facts["why"]
    assert "torch.fx: " in how.facts["why"]
    assert capfd.readouterr() == ("", "")  # whatever torch thinks of the model
    serial = campaign(model=Branching().eval(), engine=Serial())
    for column in serial.columns:
        np.testing.assert_array_equal(results.values(column), serial.values(column))


def test_trials_of_many_faults_without_a_graph_run_serially():
    results = campaign(model=Branching().eval(), engine="auto", sampler=ErrorRate(0.01, trials=4))
    assert results.manifest["engine"] == "Serial()"
    assert "Folded needs the model's graph (" in results.manifest["notes"][0]


def test_engine_asked_for_by_name_does_not_give_way():
    with pytest.raises(InputError, match=r"Bracket needs the model's graph .*; use Replay\(\)"):
        campaign(model=Branching().eval(), engine=Bracket(), metrics=[Critical()])


def test_small_campaign_runs_serially(monkeypatch):
    monkeypatch.undo()
    results = campaign(engine="auto")
    assert results.manifest["engine"] == "Serial()"
    assert "takes longer to prepare" in results.manifest["notes"][0]


def test_where_all_trials_would_be_audited_no_pass_is_counted(monkeypatch):
    monkeypatch.undo()
    few = of_zoo(named("residual"), Weights("*"), Uniform(AUDITED))
    # What is skipped would have said the same.
    assert not CampaignCost.of(few).pays
    monkeypatch.setattr(CampaignCost, "of", lambda _: pytest.fail("counted"))
    assert chosen(few).engine == Serial()


def test_estimate_counts_one_sample_where_a_trial_concerns_one():
    def wholes(target, trials):
        return CampaignCost.of(of_zoo(named("residual"), target, Uniform(trials))).whole

    assert wholes(Weights("*"), 10) == pytest.approx(2 * wholes(Weights("*"), 5))
    assert wholes(Activations("*"), 5) < wholes(Weights("*"), 5)


def test_estimate_counts_the_multiplications_of_layers_that_torch_carries_out_in_one_piece():
    found = campaign_of(
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(64, 2, 256, batch_first=True), 2, enable_nested_tensor=False
        ).eval(),
        torch.randn(4, 16, 64),
        Weights("*"),
        Uniform(10),
        fault=BitFlip(),
        call=lambda model, x: model(x).mean(1),
        batch=4,
    )
    matrices = sum(p.numel() for p in found.workload.model.parameters() if p.ndim == 2)
    whole = CampaignCost.of(found).whole / 10
    assert 4 * 16 * matrices < whole < 2 * 4 * 16 * matrices + 1e7


def test_a_long_campaign_pays_and_a_short_one_does_not():
    few, many = (
        CampaignCost.of(of_zoo(named("residual"), Weights("*"), Uniform(n))) for n in (5, 2000)
    )
    assert not few.pays
    assert replace(many, whole=many.whole * 100, followed=many.followed * 100).pays
    # Whatever it costs, nothing is gained where a fault is followed through whole passes.
    assert not replace(few, followed=few.whole).pays


def test_faults_in_activations_of_single_samples_are_followed_from_a_few_hundred_trials_on():
    inputs, model = torch.rand(100, 1, 28, 28), lenet5().eval()

    def cost(trials):
        return CampaignCost.of(
            campaign_of(
                model,
                inputs,
                Activations("*"),
                Uniform(trials),
                fault=BitFlip(),
                call=plain,
            )
        )

    # Measured: both ways take the same time at 100 trials, and Serial five times as long at 1,000.
    assert not cost(50).pays
    assert cost(400).pays


def test_a_model_that_has_to_be_exported_pays_off_later(monkeypatch):
    monkeypatch.undo()
    x = torch.randn(64, 6)
    wide = nn.Sequential(nn.Linear(6, 4000), nn.ReLU(), nn.Linear(4000, 400), nn.Linear(400, 4))

    class Branched(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = wide

        def forward(self, x):
            return self.inner(x) if x.isfinite().all() else self.inner(-x)

    def engine(model, n):
        found = campaign_of(
            model.eval(), x, Weights("*"), Uniform(n), fault=BitFlip(), call=plain, batch=64
        )
        return chosen(found).engine

    assert engine(wide, 100) != Serial()
    assert engine(Branched(), 100) == Serial()


def test_a_quantized_network_pays_off_like_any_other():
    inputs = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    int8 = quantized(lenet5(pretrained=False).eval(), inputs, Int(8), inputs=True)
    many = campaign_of(
        int8, inputs, Activations("*"), Uniform(5000), fault=BitFlip(), call=plain, format=Int(8)
    )
    cost = CampaignCost.of(many)
    assert cost.pays
    # Differences are followed through what rounds values.
    assert cost.followed < 0.3 * cost.whole


def test_modules_are_left_out_only_where_that_saves_more_than_it_costs(monkeypatch):
    monkeypatch.setattr(choice, "_GAIN", 0.1)
    results = campaign(model=Branching().eval(), engine="auto")
    assert results.manifest["engine"] == "Serial()"
    assert "too few modules come before the faults" in results.manifest["notes"][0]
    assert "no graph" not in [note.kind for note in results.notes]


def test_an_engine_is_recommended_only_where_a_gradient_reaches_the_faults():
    class Rounded(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 4)

        def forward(self, x):
            return torch.round(self.fc(x).tanh().cumsum(1) * 8)

    found = campaign_of(
        Rounded().eval(), torch.randn(4, 6), Weights("*"), Uniform(20), fault=BitFlip(),
        call=lambda model, x: model(x), metrics=[Critical()],
    )  # fmt: skip
    assert chosen(found).engine == Replay()
    assert "FirstOrder" not in str(chosen(found).note)


def test_forward_that_is_not_deterministic_has_no_golden_values_to_start_from():
    results = campaign(engine="auto", deterministic=False)
    assert results.manifest["engine"] == "Serial()"
    assert "fault-free passes may differ" in results.manifest["notes"][0]


def test_graph_is_made_once(monkeypatch):
    seen = []
    graph_of = replaying.graph_of
    monkeypatch.setattr(replaying, "graph_of", lambda *a: seen.append(a) or graph_of(*a))
    for number in (1, 2):
        results = campaign(engine="auto", workers=number)
        assert results.manifest["engine"] == "Replay()"
        assert len(seen) == number


def begun(path, model, **options):
    with pytest.raises(KeyboardInterrupt):
        campaign(path, model=model, **options)
    assert 0 < len(rows(path)) < 60


def test_stopped_run_continues_with_its_engine_though_another_would_be_chosen_now(tmp_path):
    path, model = tmp_path / "run.db", Interrupted(at=30)
    begun(path, model, engine=Serial())
    results = campaign(path, model=model, engine="auto")
    anew = campaign(model=model, engine="auto")
    assert anew.manifest["engine"] == "Replay()"
    assert results.manifest["engine"] == "Serial()"
    assert results.manifest["audit"] is None
    assert "engines" not in [note.kind for note in results.notes]
    assert results.to_frame().equals(campaign(model=model).to_frame())


def test_run_that_names_an_engine_of_somebody_is_not_continued_on_the_word_of_the_file(tmp_path):
    path, model = tmp_path / "run.db", Interrupted(at=30)
    begun(path, model, engine=Theirs())
    with pytest.raises(
        InputError, match=r"begun with engine 'tests.engines.test_choice:Theirs\(\)'"
    ):
        campaign(path, model=model, engine="auto")
    assert campaign(path, model=model, engine=Theirs()).complete


@component
class Theirs(Serial):
    """An engine of somebody's own."""


def test_change_of_engine_that_is_asked_for_is_noted(tmp_path):
    path, model = tmp_path / "run.db", Interrupted(at=30)
    begun(path, model, engine=Serial())
    results = campaign(path, model=model, engine=Replay())
    assert Note("engines", {"first": "Serial()", "then": "Replay()"}) in results.notes
    assert results.manifest["continued"] == ["Replay()"]
    assert results.manifest["audit"]["trials"] == 20


def test_change_of_engine_is_noted_though_the_second_was_stopped_too(tmp_path):
    path, model = tmp_path / "run.db", Interrupted(at=BEFORE + 18)
    begun(path, model, engine=Theirs())
    model.at, model.count = BEFORE + 8, tally()
    begun(path, model, engine=Serial())
    assert len(rows(path)) == 24
    results = campaign(path, model=model, engine=Theirs())
    (note,) = [note for note in results.notes if note.kind == "engines"]
    assert note.facts["then"] == "Serial()"
    assert results.complete


def test_finished_run_has_nothing_to_do_for_another_engine(tmp_path):
    path, model = tmp_path / "run.db", network()
    campaign(path, model=model, engine=Theirs(), audit=0)
    for engine in ("auto", Replay()):
        again = campaign(path, model=model, engine=engine, audit=0)
        assert again.manifest["engine"] == "tests.engines.test_choice:Theirs()"
        assert again.manifest["continued"] == []
        assert again.manifest["notes"] == []


def test_figures_of_a_stopped_replay_are_those_of_a_whole_one(tmp_path):
    model = network()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    asked = {"seed": 1, "progress": False, "audit": 0, "engine": "auto"}
    whole = run(model, data(), space, Uniform(500), **asked)
    path = tmp_path / "run.db"

    class StoppingSession(Session):
        def __init__(self, own):
            super().__init__(own.campaign, own.notes)
            self.own = own

        def chunks(self):
            return self.own.chunks()

        def run(self, trials):
            yield from self.own.run(trials)
            raise KeyboardInterrupt

    @component
    class Stopping(Replay):
        """Replay, until somebody presses Ctrl-C."""

        def prepare(self, campaign):
            return StoppingSession(super().prepare(campaign))

    with pytest.raises(KeyboardInterrupt):
        run(model, data(), space, Uniform(500), store=path, **{**asked, "engine": Stopping()})
    assert 0 < len(rows(path)) < 500
    again = run(model, data(), space, Uniform(500), store=path, **{**asked, "engine": Replay()})
    assert again.to_frame().equals(whole.to_frame())
    assert torch.get_num_threads() == 1


def test_verdicts_are_inferred_where_trials_are_dear_and_many(monkeypatch):
    given = of_zoo(named("residual"), Weights("*"), Uniform(40))

    def choose(*metrics, **options):
        panel = Panel(metrics, given.panel.golden.outputs)
        return chosen(replace(given, panel=panel), **options)

    found = choose(Outcome())
    assert found.engine == Replay()
    assert "infer" in found.note.facts["why"]
    monkeypatch.setattr(choice, "_LARGE", 0)
    monkeypatch.setattr(choice, "_SAMPLES", 1)
    assert choose(Outcome()).engine == Replay()  # too few trials
    monkeypatch.setattr(choice, "_TRIALS", 40)
    for metrics in ([Outcome()], [Critical()], [Outcome(), Critical()]):
        found = choose(*metrics)
        assert found.engine == FirstOrder()
        assert found.session.engine == FirstOrder()
        assert "audited" in found.note.facts["why"]
        assert choose(*metrics, exact=True).engine == Replay()
    # An infinity need not change a prediction, and a distance is none.
    assert choose(Outcome(infinite="due")).engine == Replay()
    assert choose(Outcome(), Distance()).engine == Replay()


def test_verdicts_of_many_faults_are_inferred_where_few_trials_have_a_huge_word(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", 0)
    monkeypatch.setattr(choice, "_SAMPLES", 1)
    monkeypatch.setattr(choice, "_SPARED", 10)

    def choose(sampler, bits, **options):
        # The reach is meant for networks of more than a few values.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Bounds, "hold", lambda _, moved, reached: moved < 1 + 0 * reached)
            one = of_zoo(named("double"), Weights("*"), sampler, fault=BitFlip(bits))
            panel = Panel([Outcome()], one.panel.golden.outputs)
            return chosen(replace(one, panel=panel), **options)

    few = FaultCount(2, trials=60)
    found = choose(few, (20, 21))
    assert found.engine == found.session.engine == FirstOrder()
    assert "audited" in found.note.facts["why"]
    assert choose(few, (20, 21), exact=True).engine == Folded()
    assert choose(few, (62,)).engine == Folded()  # the highest bit of an exponent
    assert choose(FaultCount(2, trials=30), (20, 21)).engine == FirstOrder()
    monkeypatch.setattr(choice, "_SPARED", 40)
    assert choose(FaultCount(2, trials=30), (20, 21)).engine == Folded()
    # Together, trials at several rates say which rate is tolerable.
    assert choose(FaultCount((1, 2), trials=60), (20, 21)).engine == Folded()
    assert choose(Cumulative(2, repeats=60), (20, 21)).engine == Folded()


def test_a_list_of_faults_is_executed(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", 0)
    monkeypatch.setattr(choice, "_SAMPLES", 1)
    monkeypatch.setattr(choice, "_TRIALS", 1)
    listed = of_zoo(named("residual"), Weights("*"), Given(list(range(40))))
    assert chosen(listed).engine == Replay()


def test_faults_in_recurrent_layers_are_inferred_however_few_the_trials_are():
    model = gait_lstm(cells=4, inputs=3)
    inputs = torch.linspace(-1, 1, 90).reshape(5, 6, 3)

    def engine(target, *metrics):
        given = campaign_of(
            model, inputs, target, Uniform(40), fault=BitFlip(), call=plain, metrics=metrics
        )
        return chosen(given, always=True).engine

    assert engine(Weights("*"), Critical()) == FirstOrder()
    assert engine(Weights("*"), Outcome()) == FirstOrder()
    assert engine(Weights("*"), Outcome(), Distance()) == Replay()
    assert engine(Weights("fc*"), Critical()) == Replay()
