"""Does the page of a hardened model say what was found, and nothing else?"""

import math
from dataclasses import replace

import pytest

from radhard.campaign import run
from radhard.comparison import Row, compare
from radhard.cost import Cost, Overhead, TimeRatio
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Int
from radhard.hardenings import Ranger
from radhard.report import (
    verification_html,
    verification_markdown,
    write_comparison,
    write_hardenings,
    write_verification,
)
from radhard.report.change import change_of
from radhard.report.estimate_cells import read, with_interval
from radhard.report.figures import ParetoPoint, dumbbells, pareto
from radhard.report.point_differences import in_points
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, PerTensor, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.stats import Estimate
from radhard.targets import Weights
from radhard.verification import Verification, profiles_in, verify
from tests.small import campaign, data, network

from .made import high_bits, made, none

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

COST = Overhead(Cost(38, 0, 1216, 30), Cost(38, 1, 1248, 30), TimeRatio(1.25, 1.1, 1.5, 15))


def found(sampler: Sampler, *, labels: bool = True) -> Verification:
    """The verification of a bound on a small network."""
    given = data() if labels else data().inputs
    space = FaultSpace.of(network(), Weights("*"), BitFlip(), Float32())
    before = run(network(), given, space, sampler, progress=False, audit=0)
    hard = Ranger()(network(), given)
    made = verify(before, hard, given, progress=False, audit=0)
    made.after.manifest["hardening"].update(by=["Ranger()"], cost=COST.to_dict())
    return Verification(before, made.after, made.own, COST, ("Ranger()",), made.notes)


@pytest.fixture(scope="module")
def verification() -> Verification:
    return found(PerTensor(20))


@pytest.fixture(scope="module")
def pages(verification: Verification) -> tuple[str, str]:
    """Its page and the twin."""
    return verification_html(verification), verification_markdown(verification)


def test_page_and_twin_say_before_after_difference_and_cost(verification, pages):
    (row,) = verification.comparison.rows
    for estimate in (row.before, row.after, row.difference):
        assert all(read(estimate).value in page for page in pages)
    for said in ("1.026x", "1.250x", "0.weight", "Ranger()", "More bits, more upsets"):
        assert all(said in page for page in pages)
    _, upsets = verification.upsets()
    assert all(f"{upsets.faults:,}" in page for page in pages)


def test_evidence_says_what_was_profiled_and_how_to_repeat_it(verification, pages):
    (profile,) = profiles_in(verification.after.manifest)
    assert "100 % of the samples of the campaign are among them" in profile
    assert profile in unescaped(pages[1])
    fingerprint = verification.before.manifest["model fingerprint"]
    assert all(fingerprint in page for page in pages)
    verification.after.manifest.update(replayed="base.db", model="hard")
    text = verification_markdown(verification, store="runs/hard.db", checks=verification.checks())
    assert "radhard verify base.db --model hard --store runs/hard-again.db" in text


def unescaped(markdown: str) -> str:
    return markdown.replace("\\", "")


def test_every_rate_before_and_after_has_its_interval(verification, pages):
    for by in ("tensor", "bit"):
        for row in compare(verification.before, verification.after, by=by).rows:
            cells = " | ".join(map(with_interval, (row.before, row.after)))
            assert f"| {row.group} | {cells} |" in unescaped(pages[1])
    assert "<small>[" in pages[0]


def rows_of(before: Results, after: Results, by: str) -> tuple[Row, ...]:
    return compare(before, after, by=by).rows


@pytest.mark.parametrize(
    ("rules", "answer", "worse"),
    [
        ((high_bits, none), "The hardening helps", "None of the"),
        ((none, high_bits), "The hardening harms", "do more harm"),
        ((none, none), "Whether the hardening helps cannot be told", "None of the"),
    ],
)
def test_verdict_follows_from_the_interval_of_the_difference(rules, answer, worse):
    before, after = (made(critical=rule, sampler=Exhaustive(), format=Int(8)) for rule in rules)
    text = verification_markdown(Verification(before, after, None, None))
    assert answer in text
    assert worse in text
    (row,) = compare(before, after).rows
    if row.reduction is not None:
        assert f"{read(row.reduction).value} {read(row.reduction).interval}" in text


def test_a_verdict_that_is_missing_says_how_many_trials_would_tell():
    def half(fault, chance):
        return high_bits(fault, chance) * 0.6

    before, after = (made(critical=rule, sampler=PerTensor(30)) for rule in (high_bits, half))
    (row,) = compare(before, after).rows
    assert row.difference.low < row.difference.value < 0 < row.difference.high
    more = (row.difference.high - row.difference.value) / -row.difference.value
    text = verification_markdown(Verification(before, after, None, None))
    assert f"about {float(f'{row.difference.trials * more**2:.2g}'):,.0f} trials would tell" in text


def test_each_of_several_fault_models_has_its_own_answer(tmp_path):
    """One that is removed and one that appears, which the mean of both hides."""
    space = FaultSpace.of(network(), Weights("*"), [BitFlip(bits=30), BitFlip(bits=31)], Float32())
    given = data()
    before = run(network(), given, space, Exhaustive(), progress=False, audit=0)
    text = verification_markdown(Verification(before, before, None, None))
    assert "Under BitFlip(bits=30): " in text
    assert "Under BitFlip(bits=31): " in text
    assert "## Fault models" in text
    hard = verify(before, Ranger()(network(), given), given, progress=False, audit=0).after
    hard.manifest["hardening"] = {"by": ["Ranger()"], "cost": COST.to_dict()}
    _, twin = write_hardenings(before, [hard, hard], tmp_path / "ways.html")
    table = twin.read_text("utf-8").partition("## Fault models")[2].partition("\n## ")[0]
    assert table.count("BitFlip(bits=30)") == table.count("BitFlip(bits=31)") == 2
    alone = verification_markdown(found(Uniform(20)))
    assert "Fault models" not in alone
    assert "Under " not in alone


@pytest.mark.parametrize("narrow", [False, True])
def test_dumbbells_join_the_rates_before_and_after(narrow):
    before, after = (
        made(critical=rule, sampler=Exhaustive(), format=Int(8)) for rule in (high_bits, none)
    )
    rows = rows_of(before, after, "tensor")
    (axes,) = dumbbells(rows, "rate", narrow).axes
    points = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert points == [rate.value for row in rows for rate in (row.before, row.after)]
    assert {change_of(row.difference).direction for row in rows} == {"better"}


def test_raw_rate_gives_failures_in_time(verification, pages):
    text = verification_markdown(verification, fit_per_bit=2.0)
    assert read(verification.upsets()[1].failures(2.0)).value in text
    assert "FIT" not in pages[1]


def test_page_at_error_rates_says_what_is_tolerated():
    both = found(ErrorRate((1e-3, 0.05), trials=8))
    text = verification_markdown(both)
    assert "Highest tolerable error rate" in text
    assert "at 0.001" in text
    assert "at an error rate of 0.05" in verification_html(both)


def test_page_without_labels_says_nothing_of_accuracy():
    text = verification_markdown(found(PerTensor(10), labels=False))
    assert "ccuracy" not in text


def test_pages_are_written(verification, tmp_path):
    page, twin = write_verification(verification, tmp_path / "hard.html", store="hard.db")
    assert "radhard report hard.db" in twin.read_text("utf-8")
    assert page.read_text("utf-8").count("<h1>") == 1


def test_page_of_several_draws_every_model_and_names_the_best(verification, tmp_path):
    runs = verification.before, [verification.after, verification.after]
    page, twin = write_hardenings(*runs, tmp_path / "ways.html")
    text = twin.read_text("utf-8")
    assert text.count("Ranger()") >= 4
    assert read(verification.before.rate()).interval in text
    assert page.read_text("utf-8").count("<svg") == 2
    assert profiles_in(verification.after.manifest)[0] in unescaped(text)
    assert unescaped(text).count("1.250x [1.100, 1.500]") >= 4
    best = min((verification.before, verification.after), key=lambda r: r.rate().value)
    assert f": {read(best.rate()).value} " in text.partition("**")[2].partition("**")[0]


def test_runs_that_cannot_stand_side_by_side_are_refused(verification, tmp_path):
    with pytest.raises(InputError, match="contains no costs"):
        write_hardenings(verification.before, [verification.before], tmp_path / "ways.html")
    rates = found(ErrorRate(0.01, trials=3))
    with pytest.raises(InputError, match="one fault per trial"):
        write_hardenings(rates.before, [rates.after], tmp_path / "ways.html")
    with pytest.raises(InputError, match="no hardening to compare"):
        write_hardenings(verification.before, [], tmp_path / "ways.html")


def test_a_run_on_other_faults_is_told_apart_on_the_page_of_several(verification, tmp_path):
    hard = Ranger()(network(), data())
    space = verification.before.space
    other = campaign(model=network(), space=space, sampler=verification.before.sampler, seed=7)
    odd = verify(other, hard, data(), base=network(), timed=False, added=0, progress=False)
    runs = [verification.after, odd.after]
    _, twin = write_hardenings(verification.before, runs, tmp_path / "ways.html")
    text = twin.read_text(encoding="utf-8")
    assert "seed 7" in text
    assert "are not those of unprotected" in text
    _, twin = write_hardenings(verification.before, [verification.after], tmp_path / "one.html")
    assert "was not tried on the faults" not in twin.read_text(encoding="utf-8")


def test_page_of_a_verification_says_which_faults_both_runs_tried(verification, pages):
    text = pages[1]
    assert "Which faults each run tried" in text
    assert text.count(f"seed {verification.before.seed}") >= 2


@pytest.mark.parametrize("name", ["x.docx", "x", "x.md", "x.txt", ".html"])
def test_a_report_of_another_kind_is_refused_and_nothing_written(verification, tmp_path, name):
    with pytest.raises(InputError, match=r"\.html"):
        write_verification(verification, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def point(cost: float, rate: float) -> ParetoPoint:
    return ParetoPoint(
        f"{cost} {rate}", (cost,), Estimate(rate, rate / 2, min(2 * rate, 1), 0.95, 9)
    )


def test_line_joins_only_what_no_other_one_beats():
    models = [point(1.0, 0.4), point(1.5, 0.2), point(1.7, 0.3), point(2.0, 0.1), point(2.5, 0.1)]
    (axes,) = pareto(models, ("bits",), "rate", False).axes
    line = axes.lines[0]
    assert list(line.get_xdata()) == [1.0, 1.5, 2.0]
    bottom, top = axes.get_ylim()
    assert bottom == 0
    assert top > 0.4


def test_a_measured_cost_is_drawn_with_its_range_and_the_axis_has_room_for_it():
    measured = replace(point(1.5, 0.2), spans=((1.2, 1.9),))
    (axes,) = pareto([point(1.0, 0.4), measured], ("time",), "rate", False).axes
    segments = [line for lines in axes.collections for line in lines.get_segments()]
    assert any(a[0] == 1.2 and b[0] == 1.9 and a[1] == b[1] == 0.2 for a, b in segments)
    assert axes.get_xlim()[1] > 1.9
    assert replace(measured, costs=(1, 1.5), spans=(None, (1.2, 1.9))).at([1]) == measured


@pytest.mark.parametrize("narrow", [False, True])
def test_models_alike_in_everything_can_be_drawn(narrow):
    figure = pareto([point(1.0, 0.0), point(1.0, 0.0)], ("bits",), "rate", narrow)
    left, right = figure.axes[0].get_xlim()
    assert math.isfinite(left)
    assert left < 1 < right


def test_two_runs_of_other_formats_share_a_page(tmp_path):
    first, second = made(format=Int(8), sampler=Exhaustive()), made(sampler=PerTensor(40))
    page, twin = write_comparison(first, second, tmp_path / "two.html", names=("a.db", "b.db"))
    text = twin.read_text("utf-8")
    assert page.read_text("utf-8").count("<h1>") == 1
    (row,) = compare(first, second).rows
    assert str(read(in_points(row.difference))) in text
    assert "not the same faults: stored as Int(8) in the first run, Float32() in the second" in text
    assert "Evidence, second run" in text
    assert "## Bits" not in text  # bit 7 is another one in each format


def test_a_pair_of_runs_without_a_bounded_figure_is_refused(tmp_path):
    run = made(columns=["Distance().distance"], format=Int(8), sampler=Uniform(20))
    with pytest.raises(InputError, match=r"Distance\(\)\.distance has no bounds"):
        write_comparison(run, run, tmp_path / "two.html")
