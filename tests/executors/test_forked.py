"""Do several processes come to the figures of one, whatever happens to them?"""

import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from radhard.cli import main
from radhard.engines import Engine, Folded, Replay, Serial
from radhard.engines.base import Session, TrialResults
from radhard.engines.inferred import Inferred
from radhard.engines.serial import SerialSession
from radhard.errors import InputError
from radhard.executors import Forked, Local, execute, forked
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.notes import Note
from radhard.samplers import ErrorRate, Uniform
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.store import Store
from radhard.targets import Activations, Weights
from tests.engines.campaigns import campaign as of_zoo
from tests.forked import ForkedPython
from tests.small import Counting, campaign, data, digest, network
from tests.zoo import named


def children():
    """Process numbers of all children, dead ones too."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(number) for number in found}


@pytest.fixture(autouse=True)
def nobody_is_left():
    before = children()
    yield
    assert children() <= before


def found_by(session, number, todo=None):
    """The figures of trials by their numbers."""
    todo = range(len(session.campaign.trials)) if todo is None else todo
    executor = Local() if number == 1 else Forked(number)
    with executor.open() as pool, closing(execute(session, todo, pool)) as parts:
        pairs = [
            (trial, tuple(row))
            for part in parts
            for trial, row in zip(part.numbers, part.figures.tolist(), strict=True)
        ]
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


class Chunked(Session):
    """What Serial does, in chunks as other sessions have them."""

    def run(self, trials):
        yield from SerialSession(self.campaign).run(trials)


@pytest.mark.parametrize(
    ("engine", "name"), [(Serial(), "lstm"), (Replay(), "residual"), (Replay(), "lstm")], ids=repr
)
def test_any_number_of_workers_finds_the_same_to_the_last_bit(engine, name):
    session = engine.open(of_zoo(named(name), Weights("*"), Uniform(90)))
    one = found_by(session, 1)
    assert set(one) == set(range(90))
    for number in (2, 3):
        assert repr(sorted(found_by(session, number).items())) == repr(sorted(one.items()))


@pytest.mark.parametrize("engine", [Serial(), Folded()], ids=repr)
def test_error_rates_have_the_same_figures_with_workers(engine):
    given = of_zoo(named("convolutions"), Weights("*"), ErrorRate((0.001, 0.01), 12))
    one = found_by(engine.open(given), 1)
    assert set(one) == set(range(24))
    assert repr(sorted(found_by(engine.open(given), 2).items())) == repr(sorted(one.items()))


@pytest.mark.parametrize("left", [[0], [7, 8, 50], range(1, 90)])
def test_figures_do_not_depend_on_what_is_done_already(left):
    session = Replay().open(of_zoo(named("residual"), Weights("*"), Uniform(90)))
    whole = found_by(session, 1)
    for number in (1, 2):
        found = found_by(session, number, left)
        assert set(found) == set(left)
        assert all(repr(found[trial]) == repr(whole[trial]) for trial in left)


@pytest.mark.parametrize("engine", [Serial(), Replay(), Folded()], ids=repr)
def test_chunks_hold_every_trial_once(engine):
    for sampler in (Uniform(300), ErrorRate(0.01, 30)):
        if isinstance(engine, Replay) and isinstance(sampler, ErrorRate):
            continue
        given = of_zoo(named("residual"), [Weights("*"), Activations("*")], sampler)
        trials = [trial for chunk in engine.open(given).chunks() for trial in chunk]
        assert sorted(trials) == list(range(len(given.trials)))


def test_default_chunks_are_of_one_tensor_each():
    given = of_zoo(named("convolutions"), Weights("*"), Uniform(600))
    chunks = list(Chunked(given).chunks())
    places = [set(given.space.locate(given.trials.at(np.array(c)))[0].tolist()) for c in chunks]
    assert all(len(place) == 1 for place in places)
    assert max(map(len, chunks)) <= 256


def test_run_file_is_the_same_for_any_number_of_workers(tmp_path):
    for number in (1, 2, 4):
        campaign(tmp_path / f"{number}.db", workers=number, engine=Serial())
    assert digest(tmp_path / "1.db") == digest(tmp_path / "2.db") == digest(tmp_path / "4.db")


def test_model_and_threads_are_left_as_they_were():
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.set_num_threads(2)
    try:
        campaign(model=model, workers=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@component
class Mortal(Engine):
    """Serial, until it comes to trial ``at``, ``times`` times."""

    at: int
    folder: str
    times: int = 1
    how: int = signal.SIGKILL

    def prepare(self, campaign):
        return MortalSession(campaign, self)


class MortalSession(Chunked):
    def __init__(self, campaign, mortal):
        super().__init__(campaign)
        self.mortal = mortal

    def run(self, trials):
        for trial in trials:
            yield from super().run([trial])
            deaths = Path(self.mortal.folder) / "deaths"
            if trial == self.mortal.at and len(deaths.read_text()) < self.mortal.times:
                with deaths.open("a") as file:
                    file.write("+")
                os.kill(os.getpid(), self.mortal.how)


def test_worker_that_hangs_is_replaced_and_its_trials_run_again(tmp_path):
    engine = mortal(tmp_path, how=signal.SIGSTOP)
    results = campaign(tmp_path / "run.db", workers=2, engine=engine, worker_timeout=2)
    assert len((tmp_path / "deaths").read_text()) == 1
    assert results.complete
    campaign(tmp_path / "whole.db", engine=Serial())
    assert digest(tmp_path / "run.db") == digest(tmp_path / "whole.db")


def test_trial_that_hangs_twice_is_named_with_the_limit_and_the_rest_is_kept(tmp_path):
    engine = mortal(tmp_path, how=signal.SIGSTOP, times=9)
    with pytest.raises(InputError, match=r"1\.5 seconds.*trials .*17.*worker_timeout"):
        campaign(tmp_path / "run.db", workers=2, engine=engine, worker_timeout=1.5)
    with Store(tmp_path / "run.db") as file:
        assert len(file.done())


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "2", True])
def test_time_limit_that_is_no_time_is_refused(timeout):
    with pytest.raises(InputError, match="worker_timeout"):
        campaign(workers=2, worker_timeout=timeout)


def mortal(folder, **options):
    (folder / "deaths").write_text("")
    return Mortal(17, str(folder), **options)


@pytest.mark.parametrize("times", [1, 2])
def test_worker_that_dies_is_replaced_and_its_trials_run_again(tmp_path, times):
    results = campaign(tmp_path / "run.db", workers=2, engine=mortal(tmp_path, times=times))
    assert len((tmp_path / "deaths").read_text()) == times
    assert results.complete
    campaign(tmp_path / "whole.db", engine=Serial())
    assert digest(tmp_path / "run.db") == digest(tmp_path / "whole.db")


def test_chunk_that_kills_all_its_workers_is_named_and_the_others_are_kept(tmp_path):
    path = tmp_path / "run.db"
    with pytest.raises(InputError, match=r"3 workers died .*SIGKILL.*trials: .*out of memory") as e:
        campaign(path, workers=2, engine=mortal(tmp_path, times=9))
    assert "\n" not in str(e.value)
    assert len((tmp_path / "deaths").read_text()) == 3
    assert digest(path)
    again = campaign(path, workers=2, engine=Serial(), audit=0)
    assert again.to_frame().equals(campaign().to_frame())


class Failing(nn.Module):
    """Fails as no fault makes it fail."""

    def __init__(self, error):
        super().__init__()
        self.inner, self.error, self.driver = network(), error, os.getpid()

    def forward(self, x):
        if os.getpid() != self.driver:
            raise self.error
        return self.inner(x)


@pytest.mark.parametrize(
    ("error", "seen", "said"),
    [
        (InputError("no such thing"), InputError, "^no such thing$"),
        (MemoryError(), InputError, "^out of memory in a worker; use fewer workers"),
        (SystemExit(), InputError, "3 workers died"),
        (KeyboardInterrupt(), InputError, r"3 workers died one after another \(exit code 1\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_goes_wrong_in_a_worker_is_told_in_one_line(error, seen, said, capfd):
    with pytest.raises(seen, match=said) as raised:
        campaign(model=Failing(error), workers=2)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


@component
class Broken(Engine):
    """An engine with a mistake in it."""

    def prepare(self, campaign):
        return BrokenSession(campaign)


class BrokenSession(Session):
    def run(self, trials):
        yield TrialResults([trials[0]], np.zeros(1) + {})


def test_mistake_in_an_engine_is_shown_with_its_place():
    with pytest.raises(RuntimeError, match=r"in a worker:\n(.*\n)*.*np.zeros\(1\)(.*\n)*TypeError"):
        campaign(workers=2, engine=Broken())


def test_what_cannot_be_is_refused(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="workers=0 is not allowed"):
        campaign(tmp_path / "run.db", workers=0)
    with monkeypatch.context() as patch:
        patch.setattr(forked.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
        with pytest.raises(InputError, match=r"requires the fork start method.*Ray\(workers=2\)"):
            campaign(tmp_path / "run.db", workers=2)
        assert campaign(workers=1).complete
    given = of_zoo(named("flat"), Weights("*"))
    given.workload.model.to("meta")
    with pytest.raises(InputError, match="on the CPU, this one is on 'meta'"):
        Forked(2).check_possible(given)
    assert not (tmp_path / "run.db").exists()


def test_notes_of_workers_reach_the_results_once():
    record = Inferred("0.weight", (3,), (2,), (1,), (), tried=False).to_dict()  # of older files

    class TalkingSession(Chunked):
        def run(self, trials):
            for part in super().run(trials):
                notes = [Note.text("I am a worker.")]
                yield replace(part, notes=notes, inferences={"of a worker": record})

    @component
    class Talking(Engine):
        """Serial, with something to say."""

        def prepare(self, campaign):
            return TalkingSession(campaign)

    results = campaign(workers=2, engine=Talking(), audit=0)
    assert results.notes.count(Note.text("I am a worker.")) == 1
    assert results.manifest["inferred"]["of a worker"]["faults"] == [3]


# A campaign in a process of its own, with two workers that are in no hurry.
SLOW = """
import sys, time, torch
torch.set_num_threads(1)
from tests.small import Counting, campaign, network
def slowly(n):
    if n > 2:
        time.sleep(0.05)
print("ready", flush=True)
try:
    campaign(sys.argv[1], model=Counting(network(), slowly), workers=2)
except KeyboardInterrupt:
    print("interrupted")
"""


def started(path):
    """The campaign, once both workers are at work, and their process numbers."""
    driver = ForkedPython(SLOW, path, folder=path.parent)
    own = Path(f"/proc/{driver.pid}/task/{driver.pid}/children")
    while len(own.read_text().split()) < 2:
        assert not driver.ended(), driver.result()
        time.sleep(0.01)
    return driver, [int(number) for number in own.read_text().split()]


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def await_end_of(numbers):
    for _ in range(1000):
        if not any(map(alive, numbers)):
            return
        time.sleep(0.01)
    raise AssertionError("a worker outlives its driver")


@pytest.mark.parametrize("interrupted", [True, False], ids=["ctrl_c", "kill_9"])
def test_stopped_run_leaves_no_process_and_continues_to_the_same_results(tmp_path, interrupted):
    path = tmp_path / "run.db"
    driver, numbers = started(path)
    with driver:
        time.sleep(0.3)
        if interrupted:
            os.killpg(driver.pid, signal.SIGINT)  # as a terminal does
        else:
            driver.kill(signal.SIGKILL)
        _, said, complaints = driver.result()
    await_end_of(numbers)
    assert complaints == ""
    assert ("interrupted" in said) == interrupted
    whole, again = tmp_path / "whole.db", Counting(network())
    campaign(whole, model=Counting(network()))
    assert len(digest(path)) < 60
    campaign(path, model=again, workers=2)
    assert digest(path) == digest(whole)


def test_ctrl_c_while_a_worker_is_started_leaves_no_process(monkeypatch):
    class Starting(forked.Worker):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)  # so that the signal arrives while nobody knows this worker yet

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(forked, "Worker", Starting)
    with pytest.raises(KeyboardInterrupt):
        campaign(workers=2)
    assert signal.getsignal(signal.SIGINT) is before


def test_command_line_takes_workers_and_an_audit(tmp_path, capsys):
    for number in ("1", "2"):
        command = ["run", "lenet5", "--data", "mnist", "--n", "3", "--sampler", "Uniform(25)"]
        command += ["--engine", "Replay()", "--workers", number, "--audit", "1", "-v"]
        assert main([*command, "--store", str(tmp_path / f"{number}.db")]) == 0
    assert "Audit: 25 of 25 trials" in " ".join(capsys.readouterr().out.split())
    assert digest(tmp_path / "1.db") == digest(tmp_path / "2.db")


def test_samples_that_flow_have_the_same_figures_with_workers():
    model = network()
    space = FaultSpace.of(model, Activations("*"), BitFlip(), Float32(), data=data())
    options = {"model": model, "space": space, "sampler": Uniform(300), "engine": Replay()}
    frames = [campaign(workers=n, audit=0, **options).to_frame() for n in (1, 2)]
    assert frames[0].equals(frames[1])
