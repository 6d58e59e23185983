"""Does a cluster give the figures of one process, whatever happens to its workers?"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
import torch
from torch import Tensor, nn

from radhard.engines import Bracket
from radhard.errors import InputError
from radhard.executors import EXECUTORS, Forked, Local, Ray
from radhard.executors import ray as room
from radhard.metrics import Critical
from radhard.results import Results
from radhard.samplers import PerTensor
from tests.small import campaign, digest, network

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One small cluster for all tests, as starting one takes seconds; so does every worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Workers import the models of this file.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        yield _started()
        ray.shutdown()


def _started(attempts: int = 4) -> str:
    """The address of a new cluster; Ray gives a busy machine 30 seconds and not more."""
    for attempt in range(attempts):
        try:
            context = ray.init(
                num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
            )
            return str(context.address_info["address"])
        except Exception:
            ray.shutdown()
            if attempt == attempts - 1:
                raise
    raise AssertionError


def pictures() -> tuple[nn.Module, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3)
        )
        return model.eval(), torch.randn(6, 1, 6, 6)


def test_figures_and_records_are_those_of_one_process_to_the_last_bit(tmp_path):
    model, data = pictures()
    told = []
    for executor in (Local(), Forked(2), Ray(workers=2)):
        path = tmp_path / f"{executor!r}.db"
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as all workers have
        results = campaign(
            path,
            model=model,
            data=data,
            sampler=PerTensor(40),
            metrics=[Critical()],
            engine=Bracket(),
            executor=executor,
            call=lambda model, batch: model(batch),  # which pickle cannot send
        )
        torch.set_num_threads(threads)
        assert results.complete
        records = {name: results.manifest[name] for name in ("inferred", "crashes", "audit")}
        told.append((digest(path), records))
    assert told[0] == told[1] == told[2]


class Mortal(nn.Module):
    """Kills the process that evaluates it, so many times; the driver survives."""

    def __init__(self, folder: Path, times: int, after: int) -> None:
        super().__init__()
        self.inner, self.driver = network(), os.getpid()
        self.folder, self.times, self.after = folder, times, after

    def forward(self, x: Tensor) -> Tensor:
        if os.getpid() != self.driver:
            passes = self.folder / f"{os.getpid()}"
            count = len(passes.read_bytes()) if passes.exists() else 0
            passes.write_bytes(b"." * (count + 1))
            if count >= self.after and len(list(self.folder.glob("dead*"))) < self.times:
                (self.folder / f"dead-{os.getpid()}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return self.inner(x)


def test_a_lost_worker_changes_nothing(tmp_path):
    folder = tmp_path / "passes"
    folder.mkdir()
    model = Mortal(folder, times=1, after=15)
    expected, found = tmp_path / "expected.db", tmp_path / "found.db"
    torch.set_num_threads(1)
    campaign(expected, model=model)
    results = campaign(found, model=model, executor=Ray(workers=1))
    assert len(list(folder.glob("dead*"))) == 1
    assert results.complete
    assert digest(found) == digest(expected)


@pytest.mark.slow
def test_trials_at_which_processes_are_lost_again_and_again_are_named(tmp_path):
    folder = tmp_path / "passes"
    folder.mkdir()
    model = Mortal(folder, times=100, after=0)
    with pytest.raises(InputError, match=r"3 workers were lost one after another .* trials: \d"):
        campaign(tmp_path / "run.db", model=model, executor=Ray(workers=1))


SLOW = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from radhard.executors import Ray
from tests.executors.test_ray import Slow
from tests.small import campaign
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    campaign(folder / "run.db", model=Slow(folder), executor=Ray(address=sys.argv[2], workers=1))
"""


class Slow(nn.Module):
    """Takes its time in every pass, until there is a file "fast"."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.inner, self.fast = network(), folder / "fast"

    def forward(self, x: Tensor) -> Tensor:
        if not self.fast.exists():
            time.sleep(0.05)
        return self.inner(x)


@pytest.mark.slow
def test_a_killed_driver_resumes_with_the_same_trials(tmp_path, cluster):
    path, expected = tmp_path / "run.db", tmp_path / "expected.db"
    script = tmp_path / "driver.py"
    script.write_text(SLOW)
    driver = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), cluster],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    done = 0
    while driver.poll() is None and not 0 < done < 60:
        time.sleep(0.1)
        done = _trials(path)
    driver.kill()
    driver.wait()
    assert 0 < _trials(path) < 60
    (tmp_path / "fast").touch()
    torch.set_num_threads(1)
    results = campaign(path, model=Slow(tmp_path))
    campaign(expected, model=Slow(tmp_path))
    assert results.complete
    assert digest(path) == digest(expected)


def _trials(path: Path) -> int:
    try:
        return len(Results.open(path)) if path.exists() else 0
    except InputError:  # not begun yet
        return 0


def test_what_cannot_be_sent_is_named(tmp_path):
    lock = threading.Lock()

    def call(model: nn.Module, batch: Tensor) -> Tensor:
        with lock:
            return model(batch)

    with pytest.raises(InputError, match=r"sends the call to other processes.*workers=N"):
        campaign(tmp_path / "run.db", call=call, executor=Ray(workers=1))


def test_user_errors_in_workers_are_one_line():
    class Refusing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.driver = network(), os.getpid()

        def forward(self, x: Tensor) -> Tensor:
            if os.getpid() != self.driver:
                raise InputError("no worker may evaluate this")
            return self.inner(x)

    with pytest.raises(InputError, match=r"no worker may evaluate this"):
        campaign(model=Refusing(), executor=Ray(workers=1))


def test_arguments_are_checked():
    with pytest.raises(InputError, match="workers=0"):
        Ray(workers=0)
    with pytest.raises(InputError, match="executor='Forked"):
        campaign(workers=2, executor="Ray()")
    assert EXECUTORS.parse("Ray(address='auto', workers=4)") == Ray("auto", 4)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"radhard\[ray\]"):
        campaign(executor=Ray(workers=1))


def test_an_address_without_a_cluster_is_named():
    def init(**_: object) -> None:
        raise ConnectionError("nothing listens there\nand more")

    absent = SimpleNamespace(is_initialized=lambda: False, init=init)
    with (
        pytest.raises(InputError, match=r"at 'head:6379': nothing listens there$"),
        room._connection(absent, "head:6379", None),
    ):
        pass
