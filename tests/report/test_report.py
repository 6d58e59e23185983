"""Does a report say what the results say, in both of its forms, for every kind of run?"""

import base64
import hashlib
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

from radhard import report
from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Int
from radhard.report.blocks import Picture, Table
from radhard.report.estimate_cells import read, read_rows
from radhard.report.main_figure import main_figure
from radhard.report.point_differences import in_points
from radhard.report.sections.convergence import _rates, convergence
from radhard.report.sections.spread import spread
from radhard.results import Results
from radhard.samplers import Exhaustive, Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights

from .made import CASES, OUTCOME, made, none, rendered


def words(text: str) -> str:
    """What a reader of a page or of its twin sees, without markup."""
    text = re.sub(r"<script>.*?</script>", " ", text, flags=re.DOTALL)
    body = re.sub(r"<style>.*?</style>", " ", text, flags=re.DOTALL)
    body = re.sub(r"<[^>]+>", " ", body).replace("|", " ")
    return " ".join(unescape(body.replace("\\", "")).split())


def intervals(text: str) -> set[str]:
    """Every interval that a text gives."""
    return set(re.findall(r"\[-?[\d.,e-]+(?: %)?, -?[\d.,e-]+(?: %)?\]", words(text)))


class Balanced(HTMLParser):
    """Fails on a tag that is closed and was not open, and remembers those left open."""

    VOID = ("meta", "link", "br", "hr", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


INTACT = "intact = model.state_dict()[space[fault].tensor].clone()\n"

WITHOUT_RATE = ("not begun", "accuracy only", "distance only")


@pytest.fixture(params=list(CASES))
def both(request: pytest.FixtureRequest) -> tuple[str, str]:
    _, page, twin = rendered(request.param)
    return page, twin


def test_page_is_well_formed(both: tuple[str, str]) -> None:
    parser = Balanced()
    parser.feed(both[0])
    assert not parser.open
    assert parser.seen.count("script") == 1


def test_page_allows_its_own_script_only(both: tuple[str, str]) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", both[0], flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', both[0])
    assert policy.split("; ")[0] == "default-src 'none'"
    assert f"script-src 'sha256-{digest}'" in unescape(policy).split("; ")


def test_page_and_twin_give_the_same_intervals(both: tuple[str, str]) -> None:
    assert intervals(both[0]) == intervals(both[1])


def test_ids_are_unique_and_every_reference_has_its_target(both: tuple[str, str]) -> None:
    ids = re.findall(r'\bid="([^"]*)"', both[0])
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:href="#|url\(#)([^")]*)', both[0])
    wanted += [
        name for group in re.findall(r'labelledby="([^"]*)"', both[0]) for name in group.split()
    ]
    assert set(wanted) <= set(ids)


def test_figures_are_xml_in_the_colours_of_the_page(both: tuple[str, str]) -> None:
    for figure in re.findall(r"<svg.*?</svg>", both[0], flags=re.DOTALL):
        root = ElementTree.fromstring(
            figure.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
        )
        assert root.get("role") == "img"
        assert "fe" not in re.findall(r"#\w\w(fe)\w\w", figure)
        assert "DejaVu" not in figure


def test_every_figure_is_a_sentence_in_the_twin(both: tuple[str, str]) -> None:
    twin = words(both[1])
    for finding in re.findall(r"<figcaption>(.*?)</figcaption>", both[0], flags=re.DOTALL):
        assert words(finding) in twin


@pytest.mark.parametrize("case", [case for case in CASES if case not in WITHOUT_RATE])
def test_headline_is_the_rate_of_the_results(case: str) -> None:
    results, _, twin = rendered(case)
    rates = results.estimates("Outcome().critical", results.usual_split, 0.95)
    worst = max(rates.values(), key=lambda rate: rate.value)
    value, interval, _ = read(worst)
    first = re.search(r"\*\*Critical SDC rate.*?: (.*?)\*\*", twin)
    assert first is not None
    assert first.group(1) == f"{value} {interval}"


def test_groups_are_those_of_the_results(campaign: tuple[Results, Path]) -> None:
    results, file = campaign
    page = words(report.html(results, store=file))
    twin = words(report.markdown(results, store=file))
    for by in ("tensor", "field", "bit"):
        for group, reading in read_rows(results.rate(by=by)).items():
            row = " ".join(reading)
            assert re.search(rf"\b{re.escape(group)}\b[^\[]*{re.escape(row)}", page), (by, group)
            assert re.search(rf"\b{re.escape(group)}\b[^\[]*{re.escape(row)}", twin), (by, group)
    for column in results.columns:
        rate = results.rate(column)
        drop = results.details[column].role == "drop"
        assert str(read(in_points(rate) if drop else rate)) in page


def test_same_results_give_the_same_bytes(campaign: tuple[Results, Path]) -> None:
    results, file = campaign
    again = Results.open(file)
    assert report.html(results, store=file) == report.html(again, store=file)
    assert report.markdown(results, store=file) == report.markdown(again, store=file)


def test_what_was_asked_reads_as_a_sentence(campaign: tuple[Results, Path]) -> None:
    assert (
        "60 single bit flips per tensor in the weights of lenet5 (61,470 words of Float32, "
        "1,967,040 possible faults) were tried on 20 samples of mnist, seed 1."
    ) in report.markdown(campaign[0])


def test_fault_free_accuracy_is_that_of_the_model(campaign: tuple[Results, Path]) -> None:
    results, _ = campaign
    golden = results.values("Accuracy().accuracy") + results.values("Accuracy().drop")
    assert f"fault-free accuracy: {100 * golden[0]:.0f} % (of these 20 samples)" in report.markdown(
        results
    )


def test_unfinished_run_says_so_first() -> None:
    text = report.markdown(made(done=0.3))
    assert "**Unfinished: 36 of 120 planned trials" in text
    assert text.index("Unfinished") < text.index("Critical SDC rate")
    assert "were to be tried" in text
    assert "Unfinished" not in report.markdown(made())


def test_tensors_that_were_never_faulty_are_named_unknown() -> None:
    assert "1 of 2 tensors" in report.markdown(made(done=0.3))


def test_line_of_python_injects_the_worst_fault(campaign: tuple[Results, Path]) -> None:
    results, file = campaign
    text = report.markdown(results, store=file)
    worst = results.worst(1).iloc[0]
    assert f"with rh.inject(model, space, {worst['fault']}): ..." in text
    block = re.search(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert block is not None
    # As whoever copies it would: in a Python of its own, where nothing has been imported yet.
    check = "    assert not model.state_dict()[space[fault].tensor].equal(intact)\n"
    lines = block.group(1).replace("with rh", f"fault = {worst['fault']}\n{INTACT}with rh")
    done = subprocess.run([sys.executable, "-c", lines + check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_raw_rate_gives_failures_in_time(campaign: tuple[Results, Path]) -> None:
    results, _ = campaign
    rate = results.rate()
    expected = rate.map(lambda share: share * 2e-3 * 61_470 * 32, "FIT")
    assert " ".join(read(expected)) in words(report.markdown(results, fit_per_bit=2e-3))
    assert "an example and not a measurement" in report.markdown(results)
    assert "an example and not a measurement" not in report.markdown(results, fit_per_bit=2e-3)


def test_single_samples_do_not_multiply_the_bits_at_risk() -> None:
    # Two layers of four outputs, 32 bits each, however many samples they are told apart for.
    assert "Failures in 1e9 hours of 256 bits" in rendered("activations")[2]


def test_long_tables_are_folded_and_complete() -> None:
    _, page, _ = rendered("a hundred tensors")
    assert "88 more rows" in page
    for layer in range(100):
        assert f">{layer}.weight<" in page


def test_zero_events_never_read_as_certainty() -> None:
    text = words(report.markdown(made(critical=lambda fault, chance: 0.0)))
    assert "no prediction was corrupted" in text
    assert "at 95 % confidence not more than one in" in text
    assert "0 in all 120 trials" in text
    assert not re.search(r"\b0 % (?!\[)(?!masked)", text.split("Sample sizes")[0])


@pytest.mark.parametrize("path", ["base.md", "."])
def test_path_that_is_no_page_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match=r"base\.html"):
        report.write(made(columns=OUTCOME), tmp_path / path)


def test_limits_that_were_asked_for_are_said_to_be_kept_or_not() -> None:
    results = made(format=Int(8), sampler=Exhaustive())
    rate = results.rate().value
    for limit, answer in ((rate + 0.01, "PASS"), (rate - 0.01, "FAIL")):
        text = report.markdown(results, checks=results.checks(limit))
        assert f"**{answer}**: " in text
    assert "PASS" not in report.markdown(results)


@pytest.mark.parametrize(
    ("results", "answer"),
    [
        (made(format=Int(8), sampler=Uniform(10)), True),
        (made(critical=none, format=Int(8), sampler=Uniform(10)), True),
        (made(sampler=Uniform(900)), False),
        (made(format=Int(8), sampler=Exhaustive()), False),
    ],
)
def test_a_campaign_that_is_too_small_is_called_so(results: Results, answer: bool) -> None:
    text = report.markdown(results)
    assert ("**Too small to judge.**" in text) == answer
    rate = results.rate()
    if answer and rate.value > 0:
        needed = rate.trials * ((rate.high - rate.value) / (rate.value / 2)) ** 2
        assert f"about {float(f'{needed:.2g}'):,.0f} trials would bring" in text


def test_a_kept_limit_is_not_called_too_small_to_judge() -> None:
    results = made(format=Int(8), sampler=Uniform(10))
    kept = report.markdown(results, checks=results.checks(1.0))
    assert "**Enough for the limit, not for the rate.**" in kept
    assert "Too small to judge" not in kept
    assert "Too small to judge" in report.markdown(results, checks=results.checks(1e-6))


def test_a_limit_that_is_nearly_kept_says_how_many_trials_would_tell() -> None:
    results = made(format=Int(8), sampler=Uniform(120))
    rate = results.rate()
    limit = (rate.value + rate.high) / 2
    needed = float(f"{rate.trials * ((rate.high - rate.value) / (limit - rate.value)) ** 2:.2g}")
    text = report.markdown(results, checks=results.checks(limit))
    assert f"about {needed:,.0f} trials would tell that the limit is kept" in text
    assert "would tell that" not in report.markdown(results, checks=results.checks(rate.value / 2))


@pytest.mark.parametrize("narrow", [False, True])
def test_histogram_has_the_share_of_the_faults_in_every_bin(narrow: bool) -> None:
    results = made(format=Int(8), sampler=Exhaustive())
    (picture, table) = spread(results, main_figure(results)).blocks
    assert isinstance(picture, Picture)
    assert isinstance(table, Table)
    (axes,) = picture.draw(narrow).axes
    heights = [bar.get_height() for bar in axes.patches]
    harm = results.values()
    edges = [(harm <= 0).mean()]
    edges += [((harm > t / 10) & (harm <= (t + 1) / 10)).mean() for t in range(10)]
    assert heights == pytest.approx(edges)
    assert sum(heights) == pytest.approx(1)
    assert len(table.rows) == len(heights) == 11


def test_harm_by_class_is_a_share_of_the_samples_of_the_class() -> None:
    torch.manual_seed(0)
    model, data = nn.Linear(4, 3), torch.randn(20, 4)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    results = run(
        model, data, space, Uniform(200), metrics=["ClassHarm(3)", "Critical()"], progress=False
    )
    text = words(report.markdown(results))
    golden = model(data).argmax(1)
    for at in range(3):
        size = int((golden == at).sum())
        rate = results.rate(f"class_{at}").map(
            lambda x, size=size: min(1.0, 20 * x / size), "share"
        )
        assert f"{at} {size} {' '.join(read(rate))}" in text
    assert sum(results.rate(f"class_{at}").value for at in range(3)) == pytest.approx(
        results.rate("critical").value
    )


def test_convergence_ends_at_the_result_and_has_passed_the_smaller_campaigns() -> None:
    whole, half = (made(format=Int(8), sampler=Uniform(n)) for n in (120, 60))
    text = words(report.markdown(whole))
    last = read(whole.rate())
    assert f"{last.value} {last.interval} after all 120" in text
    part = whole.only(np.arange(60))
    assert convergence(half, main_figure(half)) is not None
    rates = _rates(whole, main_figure(whole))
    assert rates[60] == part.rate()
    assert list(rates) == sorted(rates, reverse=True)


def test_cells_of_few_trials_are_told() -> None:
    assert "rest on fewer than 20 trials" in rendered("bursts")[2]
    assert "rest on fewer than 20 trials" not in rendered("all faults")[2]


def test_both_files_are_written_into_a_new_folder(tmp_path: Path) -> None:
    results = made(columns=OUTCOME)
    paths = report.write(results, tmp_path / "new" / "base.html")
    assert [path.name for path in paths] == ["base.html", "base.md"]
    assert paths[0].read_text("utf-8") == report.html(results)
    assert paths[1].read_text("utf-8") == report.markdown(results)
