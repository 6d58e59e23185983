"""Do the lines on a page give the rate of the page?"""

import ast
import shlex

import numpy as np
import pytest

from radhard.cli import main
from radhard.engines import FirstOrder
from radhard.report.blocks import Code
from radhard.report.main_figure import main_figure
from radhard.report.sections.headline import headline
from radhard.report.sections.spread import spread
from radhard.report.sections.trial_export import trial_export
from radhard.results import Results
from radhard.samplers import ErrorRate, PerTensor, Uniform
from tests.engines.test_correction import RASH, ran
from tests.small import campaign, prepared, space


def rate_of_lines(path, monkeypatch):
    """The value of the last line in the section, executed in the folder of the run."""
    monkeypatch.chdir(path.parent)
    results = Results.open(path)
    section = trial_export(results, main_figure(results), path.relative_to(path.parent))
    command, code = [block.text for block in section.blocks if isinstance(block, Code)]
    assert main(shlex.split(command)[1:]) == 0
    *before, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    names: dict[str, object] = {}
    exec(compile(ast.Module(before, []), "page", "exec"), names)
    return results, eval(compile(ast.Expression(last.value), "page", "eval"), names)


def test_the_lines_give_the_rate(tmp_path, monkeypatch):
    campaign(tmp_path / "run.db", sampler=PerTensor(200))
    results, rate = rate_of_lines(tmp_path / "run.db", monkeypatch)
    assert rate == pytest.approx(results.rate().value)
    assert rate != pytest.approx(results.values().mean(), rel=1e-3)


def test_the_lines_add_corrections(tmp_path, monkeypatch):
    path = tmp_path / "run.db"
    ran(3, FirstOrder(audit=0.2, **RASH), Uniform(400), store=path)
    results, rate = rate_of_lines(path, monkeypatch)
    assert results.means.corrections(results.headline).any()
    assert rate == pytest.approx(results.rate().value)


def test_the_lines_give_the_rate_at_each_error_rate(tmp_path, monkeypatch):
    campaign(tmp_path / "run.db", sampler=ErrorRate((0.001, 0.01), trials=20))
    results, rates = rate_of_lines(tmp_path / "run.db", monkeypatch)
    expected = [rate.value for rate in results.rate(by="rate").values()]
    assert rates.tolist() == pytest.approx(expected)


def test_a_page_names_one_share_of_faults_without_harm():
    harm_of = np.arange(4000) < 100  # the first tensor: all of it
    results = prepared(
        space((100, 3900)),
        PerTensor(100),
        lambda faults: harm_of[faults] / 2,
        columns=("Critical().critical",),
        metrics=["Critical()"],
        samples=2,
    )
    harm = main_figure(results)
    picture, counted, table = spread(results, harm).blocks
    share = dict(row[:2] for row in table.rows)["none"]
    assert share in headline(results).meaning
    assert share in picture.finding
    # The share among the trials is another one, and said to be so.
    harmless = int((results.values() <= 0).sum())
    assert f"{harmless:,} of {len(results):,}" in counted.text
    assert f"{harmless:,} of" not in headline(results).meaning


def test_a_table_has_the_trials_of_one_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    campaign("a.db")
    assert main(["report", "a.db", "-o", "out/a.csv"]) == 0
    assert capsys.readouterr().out.strip() == "out/a.csv"
    assert main(["report", "a.db", "a.db", "-o", "b.csv"]) == 2
    assert "one run" in capsys.readouterr().err
