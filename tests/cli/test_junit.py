"""Do a CI system, a script and a reader get the same verdicts on limits?"""

import json
import sys
from xml.etree import ElementTree

import pytest

from radhard.cli import main
from radhard.cli.junit import write_junit
from radhard.results import Results
from radhard.stats import Estimate, LimitCheck
from tests.cli.test_run_command import CODE, OWN


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "own_code.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("own_code", None)


def test_every_limit_is_a_test_case_and_a_missed_one_a_failure(folder, capsys):
    sampler = ["--sampler", "ErrorRate((1e-6, 0.9), trials=30)", "--store", "a.db"]
    limit = ["--max-rate", "20%", "--junit", "limits.xml", "--json"]
    assert main([*OWN[:4], *sampler, *limit]) == 1
    told = json.loads(capsys.readouterr().out)
    suite = ElementTree.parse("limits.xml").getroot().find("testsuite")
    failed = {case.get("name"): case.find("failure") is not None for case in suite.iter("testcase")}
    rates = Results.open("a.db").rate(by="rate")
    assert failed == {f"critical SDC rate at {x}": rate.high > 0.2 for x, rate in rates.items()}
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert {check["name"]: not check["passed"] for check in told["limits"]} == failed
    assert told["passed"] is False
    assert [check["limit"] for check in told["limits"]] == [0.2, 0.2]


def test_a_quiet_run_tells_its_verdict(folder, capsys):
    assert main([*OWN, "--max-rate", "100%", "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("PASS  critical SDC rate")


def test_a_file_of_verdicts_without_a_limit_is_refused(folder, capsys):
    assert main([*OWN, "--junit", "limits.xml"]) == 2
    assert "--max-rate" in capsys.readouterr().err
    assert main([*OWN, "--max-rate", "1%", "--junit", "limits.txt"]) == 2
    assert ".xml" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["101%", "-1%", "x%", "nan%", "%"])
def test_a_percentage_that_is_no_share_is_refused(folder, capsys, limit):
    assert main([*OWN, "--max-rate", limit]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_names_that_xml_does_not_allow_are_written_all_the_same(tmp_path):
    rate = Estimate(0.1, 0.0, 0.2, confidence=0.95, trials=9)
    check = LimitCheck("a <rate> \x1b & \x00", "", 0.1, rate)
    write_junit(tmp_path / "a.xml", "x", [check], {"k": "\x01"})
    (case,) = ElementTree.parse(tmp_path / "a.xml").getroot().iter("testcase")
    assert case.get("name").startswith("a <rate> ")
