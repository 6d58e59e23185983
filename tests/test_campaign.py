"""Does a campaign end with the same results whatever happens to it, and is the model left alone?"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import digits, mnist
from radhard.engines import Engine
from radhard.engines.base import Session
from radhard.engines.serial import SerialSession
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32
from radhard.injection import inject
from radhard.metrics import Accuracy, Distance, Outcome, Sdc
from radhard.models import load
from radhard.notes import Note
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, PerBit, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.store import Store
from radhard.targets import Activations, Inputs, Weights
from tests.forked import ForkedPython
from tests.small import AFTER, BEFORE, Counting, campaign, data, digest, network, rows, tally


def space_of(model, fault=None, target=None):
    given = data() if isinstance(target, Activations) else None
    return FaultSpace.of(model, target or Weights("*"), fault or BitFlip(), Float32(), data=given)


def masked(threshold):
    """Faults in the words of large weights only."""
    model = network()
    masks = {
        name: tensor.abs() > threshold
        for name, tensor in model.named_parameters()
        if name.endswith("weight")
    }
    return FaultSpace.of(model, Weights("*"), BitFlip(), Float32(), words=masks)


def test_same_command_twice_gives_the_same_trials_to_the_last_bit(tmp_path):
    campaign(tmp_path / "a.db")
    campaign(tmp_path / "b.db")
    assert len(rows(tmp_path / "a.db")) == 60
    assert digest(tmp_path / "a.db") == digest(tmp_path / "b.db")


@pytest.mark.parametrize(
    "sampler", [Exhaustive(), Uniform(40), PerTensor(20), PerBit(2), ErrorRate((0.01, 0.1), 20)]
)
def test_outcomes_are_those_of_injecting_by_hand(sampler):
    model, given = network(), data()
    space = space_of(model)
    results = campaign(model=model, sampler=sampler, metrics=[Sdc()])
    golden = model(given.inputs).argmax(dim=1)
    for trial, figure in list(zip(results.numbers, results.values(), strict=True))[::7]:
        with torch.no_grad(), inject(model, space, results.trials[int(trial)]):
            outputs = model(given.inputs)
        wrong = (outputs.argmax(dim=1) != golden) | outputs.isnan().any(dim=1)
        silent = wrong & ~outputs.isnan().any(dim=1)
        assert figure == silent.double().mean().item()


def test_model_is_left_as_it_was_to_the_last_bit():
    model = network().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    campaign(model=model)
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


# Everything that could be cut off: before and after every statement that is sent to SQLite, and
# within every forward pass. The process forks, so that the parent never runs any of it.
KILLED = """
import os, signal, sqlite3, sys
import torch
torch.set_num_threads(1)
from radhard.execution import execution
from tests.small import Counting, campaign, digest, network

folder, whole = sys.argv[1:3]
execution._COMMIT_SECONDS = 0.0

class Killed:
    moment, left = None, None
    @classmethod
    def now(cls, what):
        if what == cls.moment:
            cls.left -= 1
            if cls.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

class Connection(sqlite3.Connection):
    def execute(self, *a):
        Killed.now("before"); found = super().execute(*a); Killed.now("after"); return found
    def executemany(self, *a):
        Killed.now("before"); found = super().executemany(*a); Killed.now("after"); return found
    def commit(self):
        Killed.now("before"); super().commit(); Killed.now("after")

real = sqlite3.connect
sqlite3.connect = lambda *a, **k: real(*a, **k, factory=Connection)

def child(path, moment, left):
    pid = os.fork()
    if not pid:
        Killed.moment, Killed.left = moment, left
        campaign(path, model=Counting(network(), lambda n: Killed.now("forward")))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

killed = 0
moments = {
    "forward": [0, 1, 2, 30, 61],
    "before": [0, 4, 8, 12, 17, 40, 95],
    "after": [0, 2, 6, 10, 14, 17, 95],
}
for moment, counts in moments.items():
    for left in counts[:: int(sys.argv[3])]:
        path = os.path.join(folder, f"{moment}{left}.db")
        died = child(path, moment, left)
        assert died in (0, -signal.SIGKILL), died
        killed += died != 0
        assert child(path, None, 0) == 0
        assert digest(path) == digest(whole), (moment, left)
print("killed", killed)
"""


@pytest.mark.parametrize(("every", "least"), [(2, 9), pytest.param(1, 17, marks=pytest.mark.slow)])
def test_run_killed_at_any_moment_continues_to_the_same_results(tmp_path, every, least):
    campaign(tmp_path / "whole.db", model=Counting(network()))
    (tmp_path / "killed").mkdir()
    with ForkedPython(
        KILLED, tmp_path / "killed", tmp_path / "whole.db", str(every), folder=tmp_path
    ) as process:
        code, out, err = process.result()
    assert code == 0, err
    assert int(out.split()[1]) >= least


def interrupted(after):
    def seen(n):
        if n == after:
            raise KeyboardInterrupt

    return seen


@pytest.mark.parametrize("after", [1, 3, 9, 20, 61])
def test_interrupted_run_keeps_its_trials_and_continues_to_the_same_results(tmp_path, after):
    whole = campaign(model=Counting(network()))
    model, path = Counting(network(), interrupted(after)), tmp_path / "run.db"
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(KeyboardInterrupt):
        campaign(path, model=model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    # The pass that was cut off does not count.
    done = max(0, after - BEFORE - 1)
    assert len(rows(path) if path.exists() else []) == done
    assert not list(tmp_path.glob("*.lock"))
    model.seen, model.count = interrupted(-1), tally()
    again = campaign(path, model=model)
    assert model.passes == BEFORE + 60 - done + AFTER  # nothing is done twice
    assert again.to_frame().equals(whole.to_frame())


def test_finished_run_is_not_run_again(tmp_path):
    first = campaign(tmp_path / "run.db", model=Counting(network()))
    model = Counting(network())
    again = campaign(tmp_path / "run.db", model=model)
    assert model.passes == BEFORE
    assert again.to_frame().equals(first.to_frame())


def test_run_continues_with_another_engine(tmp_path):
    class BackwardsSession(Session):
        def run(self, trials):
            for part in list(SerialSession(self.campaign).run(list(trials)[::-1])):
                yield replace(part, notes=[Note.text("It went backwards.")])

    @component
    class Backwards(Engine):
        """Serial, the last trial first and several at a time."""

        def prepare(self, campaign):
            return BackwardsSession(campaign)

    with pytest.raises(KeyboardInterrupt):
        campaign(tmp_path / "run.db", model=Counting(network(), interrupted(30)))
    again = campaign(tmp_path / "run.db", model=Counting(network()), engine=Backwards())
    assert again.to_frame().equals(campaign(model=Counting(network())).to_frame())
    assert again.notes.count(Note.text("It went backwards.")) == 1


def with_other_weights(model):
    with torch.no_grad():
        model[0].weight[0, 0] += 1
    return model


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"model": with_other_weights(network())}, "the model is not the same"),
        ({"data": data(seed=9)}, "the data is not the same"),
        ({"data": data(samples=7)}, "samples is 8 there, 7 here"),
        ({"data": data().inputs}, "the data is not the same"),
        ({"seed": 4}, "seed is 3 there, 4 here"),
        ({"sampler": Uniform(61)}, r"sampler is 'Uniform\(60\)' there, 'Uniform\(61\)' here"),
        ({"metrics": [Sdc()]}, "metrics is"),
        ({"batch": 4}, "batch is 8 there, 4 here"),
        (
            {"space": space_of(network(), StuckAt(1))},
            r"fault model is BitFlip\(\) there, StuckAt\(1\) here",
        ),
        ({"space": space_of(network(), target=Weights("0"))}, "target is"),
        ({"space": masked(0.1)}, "in all words there, those of a mask here"),
        ({"space": space_of(network(), target=Activations("0"))}, "target is"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_another_run_on_the_same_file_is_refused_and_the_difference_named(tmp_path, changed, named):
    path = tmp_path / "run.db"
    with pytest.raises(KeyboardInterrupt):
        campaign(path, data=data(), model=None, engine=Stopping(20))
    before = digest(path), path.read_bytes()
    with pytest.raises(InputError, match=named) as raised:
        campaign(path, **changed)
    assert "\n" not in str(raised.value)
    assert "run.db" in str(raised.value)
    assert (digest(path), path.read_bytes()) == before


@pytest.mark.parametrize(
    ("space", "named"),
    [
        (lambda: masked(0.2), r"the mask of words of '0\.weight' is not the same"),
        (lambda: space_of(network()), "those of a mask there, all words here"),
    ],
)
def test_a_run_on_some_words_is_not_continued_on_others(tmp_path, space, named):
    path = tmp_path / "run.db"
    campaign(path, space=masked(0.1))
    with pytest.raises(InputError, match=named):
        campaign(path, space=space())


@component
class Stopping(Engine):
    """Serial, until somebody presses Ctrl-C."""

    after: int

    def prepare(self, campaign):
        return StoppingSession(campaign, self.after)


class StoppingSession(Session):
    def __init__(self, campaign, after):
        super().__init__(campaign)
        self.after = after

    def run(self, trials):
        own = SerialSession(self.campaign)
        for n, trial in enumerate(trials):
            if n == self.after:
                raise KeyboardInterrupt
            yield own.trial(trial)


def test_same_model_in_another_format_is_another_run(tmp_path):
    from radhard.formats import BFloat16, stored_as

    model = stored_as(network(), BFloat16())
    campaign(tmp_path / "run.db", model=model)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), BFloat16())
    with pytest.raises(InputError, match=r"format is Float32\(\) there, BFloat16\(\) here"):
        campaign(tmp_path / "run.db", model=model, space=space)


def test_two_runs_on_one_file_are_refused_while_the_first_is_running(tmp_path):
    path, told = tmp_path / "run.db", []

    def second(n):
        if n == BEFORE + 2:
            with pytest.raises(InputError, match="another process is writing") as raised:
                campaign(path)
            told.append(raised)
            with Store(path) as reader:  # reading is allowed
                assert not reader.empty

    results = campaign(path, model=Counting(network(), second))
    assert told
    assert results.to_frame().equals(campaign(model=Counting(network())).to_frame())


FULL = """
import resource, sys
import torch
torch.set_num_threads(1)
from radhard.execution import execution
from radhard.errors import InputError
from radhard.samplers import Exhaustive
from tests.small import campaign
execution._COMMIT_SECONDS = 0.0
resource.setrlimit(resource.RLIMIT_FSIZE, (48_000, resource.RLIM_INFINITY))
try:
    campaign(sys.argv[1], sampler=Exhaustive())
except InputError as error:
    print(error)
"""


def test_run_that_hits_a_limit_of_the_disk_is_told_and_continues_when_there_is_room(tmp_path):
    """A limit on the size of files stands in for the disk: SQLite's writes fail half-way."""
    path = tmp_path / "run.db"
    with ForkedPython(FULL, path, folder=tmp_path) as process:
        code, out, err = process.result()
    assert code == 0, err
    assert len(out.splitlines()) == 1
    assert "make room" in out
    assert "run the same command again to continue" in out
    kept = digest(path)
    whole = tmp_path / "whole.db"
    campaign(whole, sampler=Exhaustive())
    assert 0 < len(kept) < len(rows(whole))
    assert kept == digest(whole)[: len(kept)]
    campaign(path, sampler=Exhaustive())
    assert digest(path) == digest(whole)


def test_golden_passes_twice_and_every_trial_once_however_many_metrics():
    one, many = Counting(network()), Counting(network())
    campaign(model=one, metrics=[Outcome()])
    metrics = [Outcome(), Outcome("due"), Sdc(), Sdc(k=2), Accuracy(), Distance()]
    results = campaign(model=many, metrics=metrics)
    assert one.passes == many.passes == BEFORE + 60 + AFTER
    assert len(results.columns) == 4 + 4 + 1 + 1 + 2 + 1


def test_without_labels_only_the_golden_answer_counts():
    results = campaign(data=data().inputs)
    assert results.manifest["metrics"] == ["Outcome()"]
    assert campaign().manifest["metrics"] == ["Outcome()", "Accuracy()"]


def test_model_in_training_mode_runs_in_evaluation_mode_and_the_notes_say_so():
    model = nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.9), nn.Linear(6, 2)).train()
    model[0].eval()  # partly frozen, as in fine-tuning
    results = campaign(model=model)
    assert Note("training mode") in results.notes
    assert [module.training for module in model.modules()] == [True, False, True, True]
    assert Note("training mode") not in campaign(model=network()).notes


class Noisy(nn.Module):
    """Says something else at each pass."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x) + torch.rand(1)


def test_forward_that_is_not_deterministic_is_refused_unless_told_otherwise(tmp_path):
    path = tmp_path / "run.db"
    with pytest.raises(InputError, match=r"not deterministic.*deterministic=False"):
        campaign(path, model=Noisy().eval())
    assert not path.exists()
    results = campaign(path, model=Noisy().eval(), deterministic=False, engine="auto")
    assert results.complete
    chosen, *_, allowed = results.notes
    assert chosen.kind == "engine"
    assert chosen.facts["engine"] == "Serial()"
    assert "fault-free passes may differ" in chosen.facts["why"]
    assert allowed == Note("nondeterministic")


def test_nan_without_any_fault_is_refused(tmp_path):
    given = data()
    given.inputs[5] = torch.nan
    with pytest.raises(InputError, match="NaN for 1 of 8 samples"):
        campaign(tmp_path / "run.db", data=given)
    assert not (tmp_path / "run.db").exists()


def test_more_distinct_faults_than_there_are_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"961 distinct faults.* 960"):
        campaign(tmp_path / "run.db", sampler=Uniform(961))
    assert not (tmp_path / "run.db").exists()
    assert len(campaign(sampler=Uniform(960))) == 960


def test_labels_of_another_length_and_no_data_are_refused():
    with pytest.raises(InputError, match="7 labels for 8 samples"):
        campaign(data=(data().inputs, torch.zeros(7)))
    with pytest.raises(InputError, match="no samples"):
        campaign(data=torch.zeros(0, 3))


def test_space_of_other_samples_is_refused():
    model = network()
    space = space_of(model, target=Activations("0"))
    with pytest.raises(InputError, match="made for 8 samples, the data has 7"):
        campaign(model=model, space=space, data=data(samples=7))
    every = space_of(model, target=Activations("0", sample="every"))
    assert campaign(model=model, space=every, data=data(samples=7)).complete


def test_model_that_cannot_take_the_data_is_told_in_one_line():
    with pytest.raises(InputError, match=r"fault-free forward pass fails: RuntimeError") as raised:
        campaign(data=torch.zeros(4, 5))
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_a_run_says_where_it_was_made(tmp_path):
    results = campaign(tmp_path / "run.db", names={"model": "tiny", "seed": 99})
    assert results.manifest["model"] == "tiny"
    assert results.manifest["seed"] == 3  # what identifies a run is not for others to say
    assert results.manifest["environment"]["torch"] == torch.__version__
    assert Results.open(tmp_path / "run.db").manifest == results.manifest


def test_a_number_of_trials_is_written_before_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("radhard.execution.execution._COMMIT_SECONDS", 0.0)
    monkeypatch.setattr("radhard.engines.serial._HELD_SECONDS", 0.0)
    seen = []

    def look(n):
        if n == 40:
            seen.append(len(Results.open(tmp_path / "run.db")))

    campaign(tmp_path / "run.db", model=Counting(network(), look))
    assert seen == [40 - BEFORE - 1]


def test_a_right_answer_that_one_sample_loses_is_a_drop_of_one(tmp_path):
    model, digits = load("lenet5"), mnist(n=40)
    space = FaultSpace.of(model, Inputs("*"), BitFlip(30), Float32(), data=digits)
    found = run(model, digits, space, Uniform(60), seed=1, store=tmp_path / "a.db", progress=False)
    drops = found.values("Accuracy().drop")
    assert set(drops) <= {-1.0, 0.0, 1.0}
    assert drops.max() == 1
    assert found.rate("Accuracy().drop").value == pytest.approx(drops.mean())


@pytest.mark.parametrize("sampler", [ErrorRate(1e-3, trials=10**11), ErrorRate(0.1, trials=10**18)])
def test_more_trials_than_fit_in_memory_are_refused(tmp_path, sampler):
    with pytest.raises(InputError, match="trials"):
        campaign(tmp_path / "a.db", sampler=sampler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [{"batch": 0}, {"batch": -5}, {"audit": float("nan")},
                                    {"workers": 10**6}, {"seed": -1}])  # fmt: skip
def test_a_number_out_of_range_is_refused_by_name(tmp_path, option):
    with pytest.raises(InputError, match=next(iter(option))):
        campaign(tmp_path / "a.db", **option)
    assert list(tmp_path.iterdir()) == []


def test_model_and_data_may_be_texts_and_the_run_file_names_them(tmp_path):
    by_text = run(
        "mlp(hidden=(4,), inputs=64)", "digits(n=10)", sampler="Uniform(5)", store=tmp_path / "a.db"
    )
    model, given = load("mlp(hidden=(4,), inputs=64)"), digits(n=10)
    by_hand = run(model, given, FaultSpace.of(model), Uniform(5), store=tmp_path / "b.db")
    assert digest(tmp_path / "a.db") == digest(tmp_path / "b.db")
    assert by_text.manifest["model"] == "mlp(hidden=(4,), inputs=64)"
    assert by_text.manifest["data"] == "digits(n=10)"
    assert by_hand.manifest.get("model") is None
