"""Is a model held to a limit by an assertion, in pytest and outside, and said why it is not?"""

import subprocess
import sys
from importlib.metadata import entry_points
from xml.etree import ElementTree

import pytest

from radhard.results import Results
from radhard.samplers import ErrorRate, Uniform
from radhard.testing import assert_resilient
from tests import small


def test_results_come_back_where_the_limit_is_kept_by_the_upper_end(tmp_path):
    store = tmp_path / "a.db"
    seen = []
    results = assert_resilient(
        small.network(),
        small.data(),
        sampler=Uniform(60),
        max_rate=1.0,
        store=store,
        record=lambda name, value: seen.append((name, value)),
    )
    assert results.rate() == Results.open(store).rate()
    assert seen == [("critical SDC rate", str(results.rate()))]
    again = assert_resilient(
        small.network(), small.data(), sampler=Uniform(60), max_rate=results.rate().high
    )
    assert again.rate() == results.rate()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (lambda rate: (rate.value + rate.high) / 2, "more trials"),
        (lambda rate: (rate.low + rate.value) / 2, "the lower limit is not"),
        (lambda rate: rate.low / 2, "above"),
    ],
)
def test_a_missed_limit_fails_and_says_whether_more_trials_may_help(limit, said):
    rate = small.campaign(seed=0, metrics="Outcome()").rate()
    assert 0 < rate.low < rate.value < rate.high
    with pytest.raises(AssertionError, match="critical SDC rate") as missed:
        assert_resilient(small.network(), small.data(), sampler=Uniform(60), max_rate=limit(rate))
    assert said in str(missed.value)
    assert ("more trials" in str(missed.value)) == (said == "more trials")


def test_a_limit_holds_at_every_error_rate():
    sampler = ErrorRate((1e-6, 0.4), trials=6)
    with pytest.raises(AssertionError) as missed:
        assert_resilient(small.network(), small.data(), sampler=sampler, max_rate=0.5)
    assert "at 0.4" in str(missed.value)


TESTS = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).eval()

def inputs():
    torch.manual_seed(1)
    return torch.randn(8, 3)

def test_kept(assert_resilient):
    results = assert_resilient(build(), inputs(), sampler="Uniform(40)", max_rate=1.0)
    assert results.complete

def test_missed(assert_resilient):
    assert_resilient(build(), inputs(), sampler="Uniform(40)", max_rate=0.0001)
"""


def test_pytest_offers_the_assertion_as_a_fixture(tmp_path):
    (tmp_path / "test_mine.py").write_text(TESTS)
    installed = any(point.name == "radhard" for point in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "radhard.pytest_plugin"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *plugin,
        "-p",
        "no:cacheprovider",
        "-q",
        "-W",
        "ignore",
    ]
    done = subprocess.run(
        [*command, "--junitxml=out.xml", "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "FAIL  critical SDC rate" in done.stdout
    cases = {
        case.get("name"): case for case in ElementTree.parse(tmp_path / "out.xml").iter("testcase")
    }
    for name, failed in (("test_kept", False), ("test_missed", True)):
        (rate,) = cases[name].iter("property")
        assert rate.get("name") == "critical SDC rate"
        assert "40 trials" in rate.get("value")
        assert (cases[name].find("failure") is not None) is failed


def test_the_plugin_of_an_installed_package_is_light():
    code = (
        "import sys, radhard.pytest_plugin\n"
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
