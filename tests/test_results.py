"""Do the figures of a run say what its trials say, each fault weighed alike?"""

import json
import sqlite3
import sys

import numpy as np
import pandas as pd
import pytest

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float16
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, PerBit, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.stats import wilson
from radhard.targets import Activations
from tests.small import campaign, data, network, prepared, space, without_checksums

# Two tensors of 3 and 5 words, one fault each: faults 0 to 2 and 3 to 7.
HARM = np.array([1.0, 0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0])


def harm(faults):
    return HARM[faults]


def test_exhausted_space_gives_the_exact_mean_of_each_group():
    results = prepared(space(), Exhaustive(), harm)
    assert results.complete
    rate = results.rate()
    assert (rate.value, rate.low, rate.high) == (1.75 / 8, 1.75 / 8, 1.75 / 8)
    by = results.rate(by="tensor")
    assert {name: e.value for name, e in by.items()} == {"a.weight": 0.5, "b.weight": 0.05}
    assert all(e.low == e.value == e.high for e in by.values())
    assert [e.trials for e in by.values()] == [3, 5]


def test_tensors_weigh_by_their_faults_not_by_their_trials():
    results = prepared(space(), PerTensor(3), harm)
    tried = results.trials.at(np.arange(6))
    a, b = HARM[tried[:3]].mean(), HARM[tried[3:]].mean()
    assert results.rate().value == pytest.approx((3 * a + 5 * b) / 8)
    assert results.rate().value != pytest.approx(HARM[tried].mean())


def test_simple_sample_of_verdicts_has_the_interval_of_wilson():
    large = space((100_000,))
    results = prepared(large, Uniform(400), lambda faults: faults % 10 == 0)
    rate = results.rate()
    low, high = wilson(rate.value, 400)
    assert rate.low == pytest.approx(low, abs=0.004)
    assert rate.high == pytest.approx(high, abs=0.004)


def test_no_event_has_an_upper_limit_above_zero():
    rate = prepared(space((1000, 1000)), PerTensor(50), lambda faults: 0 * faults).rate()
    assert rate.value == rate.low == 0
    assert 0.01 < rate.high < 0.2
    assert "none in 100 trials" in str(rate)


def test_groups_can_cross():
    results = prepared(
        space((4, 4), BitFlip(bits=(3, 15)), Float16()), Exhaustive(), lambda f: f % 2
    )
    by = results.rate(by="tensor, field")
    assert {name: rate.value for name, rate in by.items()} == {
        "a.weight, mantissa": 0.0,
        "a.weight, sign": 1.0,
        "b.weight, mantissa": 0.0,
        "b.weight, sign": 1.0,
    }
    assert list(results.rate(by="bit")) == ["3", "15"]


def test_rates_read_as_a_table():
    by = prepared(space(), Exhaustive(), harm).rate(by="layer")
    assert repr(by).splitlines() == [
        "Outcome().critical by layer",
        "a  50.0 % (exact: all 3 tried)",
        "b  5.00 % (exact: all 5 tried)",
    ]
    frame = by.to_frame()
    assert frame.columns.tolist() == ["layer", "value", "low", "high", "trials"]
    assert frame["value"].tolist() == [0.5, 0.05]


def test_what_is_done_with_estimates_does_not_reach_the_results():
    found = prepared(space(), Exhaustive(), harm)
    column = found.column(None)
    found.estimates(column, "tensor", 0.95).clear()
    assert found.estimates(column, "tensor", 0.95) == dict(found.rate(by="tensor"))
    assert len(found.rate(by="tensor")) == 2


def test_confidence_widens_the_interval():
    results = prepared(space((1000,)), Uniform(100), lambda f: f % 3 == 0)
    wide, usual = results.rate(confidence=0.999), results.rate()
    assert wide.low < usual.low < usual.value < usual.high < wide.high


def test_trials_at_error_rates_are_told_apart():
    results = prepared(space(), ErrorRate((0.1, 0.5), 10), lambda faults: len(faults) / 8)
    assert results.by_rate
    assert results.usual_split == "rate"
    counts = [len(results.trials[n]) / 8 for n in range(20)]
    by = results.rate(by="rate")
    assert by["0.1"].value == pytest.approx(np.mean(counts[:10]))
    assert by["0.5"].value == pytest.approx(np.mean(counts[10:]))
    with pytest.raises(InputError, match="ask by='rate'"):
        results.rate()
    frame = results.to_frame()
    assert frame.columns.tolist() == ["trial", "rate", "faults", "weight", "Outcome().critical"]
    assert frame["rate"].tolist() == ["rate 0.1"] * 10 + ["rate 0.5"] * 10
    assert "by rate" in repr(results)


def test_one_error_rate_has_an_overall_mean():
    results = prepared(space(), ErrorRate(0.5, 10), lambda faults: len(faults) / 8)
    assert results.rate().value == results.rate(by="rate")["0.5"].value


COLUMNS = ("Outcome().masked", "Outcome().critical", "Accuracy().drop", "Distance().distance")
RANGES = ((0.0, 1.0), (0.0, 1.0), (-0.25, 0.75), (0.0, float("inf")))


def several(sampler, distance=lambda f: f, **changed):
    def figures(faults):
        h = HARM[faults]
        return np.stack([1 - h, h, h - 0.25, distance(faults)], axis=1)

    return prepared(space(), sampler, figures, columns=COLUMNS, ranges=RANGES, **changed)


def test_figures_are_found_by_their_whole_name_or_a_part_that_is_one():
    results = several(Exhaustive())
    assert results.headline == results.column() == "Outcome().critical"
    assert results.column("drop") == results.column("Accuracy()") == "Accuracy().drop"
    assert results.column("Outcome().masked") == "Outcome().masked"
    with pytest.raises(InputError, match=r"is several figures: .*masked, Outcome\(\).critical"):
        results.rate("Outcome()")
    with pytest.raises(InputError, match="is not a figure of this run"):
        results.rate("mask")


def test_figure_with_other_bounds_keeps_its_scale():
    drop = several(Exhaustive()).rate("drop")
    assert drop.value == drop.low == pytest.approx(1.75 / 8 - 0.25)
    loose = several(Uniform(4)).rate("drop")
    assert -0.25 <= loose.low < loose.value < loose.high <= 0.75


def test_a_figure_that_stays_as_it_was_reads_as_zero():
    results = prepared(
        space((50,)),
        Uniform(20),
        lambda f: 0 * f,
        columns=("Accuracy().drop",),
        ranges=((-0.08, 0.92),),
    )
    assert results.rate().value == 0


def test_figure_without_bounds_has_quantiles_and_no_mean():
    results = several(Exhaustive())
    with pytest.raises(InputError, match="ask for quantile"):
        results.rate("distance")
    median = results.quantile("distance")
    assert (median.value, median.low, median.high) == (3.0, 0.0, 7.0)
    assert results.quantile("distance", 0.9).high == np.inf
    with pytest.raises(InputError, match="a quantile over strata"):
        several(PerTensor(3)).quantile("distance")


@pytest.mark.parametrize(
    ("sampler", "distance", "said"),
    [
        (Exhaustive(), lambda f: f, "Distance().distance      median 3.0 [0, 7.0]"),
        (PerTensor(3), lambda f: 9 + 0 * f, "Distance().distance      up to 9"),
        (PerTensor(3), lambda f: np.inf + f, "Distance().distance      up to inf"),
        (Exhaustive(), lambda f: np.where(f < 2, np.nan, f), "NaN in 2 of 8 trials"),
    ],
)
def test_a_run_reads_with_every_figure(sampler, distance, said):
    text = repr(several(sampler, distance))
    assert text.startswith(f"{8 if sampler == Exhaustive() else 6} trials of <8 faults")
    assert said in text


def test_unfinished_run_says_so_and_a_run_without_trials_says_nothing():
    some = prepared(space(), Exhaustive(), harm, executed=np.array([0, 3]))
    assert not some.complete
    assert repr(some).startswith("2 of 8 trials of ")
    none = prepared(space(), Exhaustive(), harm, executed=np.zeros(0, np.int64))
    assert repr(none).startswith("0 of 8 trials of ")
    assert len(none.to_frame()) == len(none.worst()) == 0
    with pytest.raises(InputError, match="no trial has been executed yet"):
        none.rate()


def test_opened_run_is_the_run_that_was_returned(tmp_path):
    first = campaign(tmp_path / "run.db", sampler=PerBit(2))
    again = Results.open(tmp_path / "run.db")
    assert again.to_frame().equals(first.to_frame())
    assert repr(again) == repr(first)
    assert again.rate() == first.rate()


def test_frame_tells_where_every_fault_is():
    model, given = network(), data()
    results = campaign(model=model, sampler=Uniform(30))
    frame = results.to_frame()
    assert frame.columns.tolist()[:9] == [
        *("trial", "tensor", "index", "layer", "kind", "role", "bit", "field", "fault")
    ]
    added = ["stratum", "direction", "weight"]
    assert frame.columns.tolist()[9:] == [*added, *results.columns]
    for row in frame.itertuples():
        said = f"{row.tensor}{list(row.index)} bit {row.bit} ({row.field})"
        assert results.space.describe(row.fault) == said
    flowing = FaultSpace.of(
        model, Activations("0"), BitFlip(), results.space.formats[0], data=given
    )
    frame = campaign(model=model, data=given, space=flowing).to_frame()
    assert set(frame["sample"]) <= set(range(8))
    assert frame["fault"].tolist() == [
        flowing.index(flowing[fault]) for fault in frame["fault"].tolist()
    ]


def test_worst_are_the_highest_and_the_earliest_among_equals():
    results = prepared(space(), Exhaustive(), harm)
    worst = results.worst(4)
    assert worst["fault"].tolist() == [0, 1, 4, 2]
    assert len(results.worst(100)) == 8
    assert several(Exhaustive()).worst(1, "masked")["fault"].tolist() == [2]


def test_only_keeps_some_trials_and_the_weights_of_their_strata():
    results = prepared(space(), PerTensor(3), harm)
    some = results.only(np.array([0, 3, 4]))
    assert some.numbers.tolist() == [0, 3, 4]
    assert [e.trials for e in some.rate(by="tensor").values()] == [1, 2]


def test_csv_holds_every_trial(tmp_path):
    results = prepared(space(), Exhaustive(), harm)
    path = results.export(tmp_path / "trials.csv")
    found = pd.read_csv(path)
    assert found["Outcome().critical"].tolist() == HARM.tolist()
    assert found["index"].tolist()[:2] == ["(0,)", "(1,)"]


def test_parquet_needs_pyarrow_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    with pytest.raises(InputError, match=r"pip install 'radhard\[parquet\]'"):
        prepared(space(), Exhaustive(), harm).export(tmp_path / "trials.parquet")
    assert list(tmp_path.iterdir()) == []


def test_parquet_holds_every_trial(tmp_path):
    results = prepared(space(), Exhaustive(), harm)
    found = pd.read_parquet(results.export(tmp_path / "trials.parquet"))
    assert found["Outcome().critical"].tolist() == HARM.tolist()
    assert found["fault"].tolist() == list(range(8))


def test_export_to_something_else_is_refused(tmp_path):
    results = prepared(space(), Exhaustive(), harm)
    with pytest.raises(InputError, match=r"name a .csv or a .parquet file"):
        results.export(tmp_path / "trials.xlsx")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"file"):
        results.export(tmp_path / "file" / "trials.csv")


@pytest.fixture
def run_file(tmp_path):
    campaign(tmp_path / "run.db")
    return tmp_path / "run.db"


def tampered(path, statement, *values):
    without_checksums(path)
    with sqlite3.connect(path) as db:
        db.execute(statement, values)
    db.close()


def manifest_of(path):
    with sqlite3.connect(path) as db:
        text = db.execute("SELECT value FROM manifest WHERE key = 'space'").fetchone()[0]
    db.close()
    return json.loads(text)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM manifest WHERE key = 'planned'", "'planned' is missing"),
        ("UPDATE manifest SET value = '61' WHERE key = 'planned'", "61 trials were planned"),
        ("UPDATE manifest SET value = '\"3\"' WHERE key = 'seed'", "'seed' is not a whole number"),
        ("UPDATE manifest SET value = '4' WHERE key = 'seed'", "its faults are not those"),
        ("UPDATE manifest SET value = '[]' WHERE key = 'space'", "'space' is not a dict"),
        ("UPDATE trials SET fault = fault + 1 WHERE trial = 7", "its faults are not those"),
        ("UPDATE trials SET fault = NULL WHERE trial = 7", "its faults are not those"),
        ("UPDATE trials SET trial = 60 WHERE trial = 7", "not planned"),
        ("UPDATE trials SET trial = -1 WHERE trial = 7", "not planned"),
        ("UPDATE trials SET faults = 'x', \"Outcome().due\" = 'x'", "cannot be read"),
        ("DROP TABLE trials", "tables are not those"),
    ],
)
def test_file_that_was_tampered_with_is_refused_in_one_line(run_file, statement, said):
    tampered(run_file, statement)
    with pytest.raises(InputError, match=said) as raised:
        Results.open(run_file)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("column", ["Outcome().critical", "Outcome().masked"])
def test_figure_outside_its_range_gives_no_rate(run_file, column):
    tampered(run_file, f'UPDATE trials SET "{column}" = 7 WHERE trial = 7')
    with pytest.raises(InputError, match=r"not in \[0, 1\]"):
        Results.open(run_file).rate(column)


@pytest.mark.parametrize("where", ["fault", "format", "sampler", "targets"])
def test_file_that_names_foreign_code_runs_it_only_if_it_is_trusted(
    run_file, tmp_path, monkeypatch, where
):
    name = f"foreign_{where}"
    (tmp_path / f"{name}.py").write_text(
        "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
        "from radhard.faults import BitFlip\nfrom radhard.formats import Float32\n"
        "from radhard.samplers import Uniform\nfrom radhard.targets import Weights\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    called = {
        "fault": "BitFlip()",
        "format": "Float32()",
        "sampler": "Uniform(60)",
        "targets": "Weights('*')",
    }
    text = f"{name}:{called[where]}"
    if where == "sampler":
        tampered(run_file, "UPDATE manifest SET value = ? WHERE key = 'sampler'", json.dumps(text))
    else:
        space = manifest_of(run_file)
        (term,) = space["terms"]
        entries = {"fault": ("faults", [text]), "format": ("formats", [["*", text]])}
        key, value = entries.get(where, (where, [text]))
        term[key] = value
        tampered(run_file, "UPDATE manifest SET value = ? WHERE key = 'space'", json.dumps(space))
    with pytest.raises(InputError, match="names code outside radhard") as raised:
        Results.open(run_file)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / f"{name}.ran").exists()
    assert Results.open(run_file, foreign=True).complete
    assert (tmp_path / f"{name}.ran").exists()


def test_some_trials_of_a_file_that_is_not_trusted_import_nothing_either(tmp_path, monkeypatch):
    (tmp_path / "foreign_metric.py").write_text(
        "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
        "from radhard.metrics import Critical\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    columns = ("foreign_metric:Critical().critical",)
    results = prepared(space(), Exhaustive(), harm, columns=columns)
    for some in (results, results.only(np.arange(4))):
        assert some.details[columns[0]].harm is None
        assert not (tmp_path / "foreign_metric.ran").exists()
    trusted = Results(
        results.manifest, results.to_frame()[["trial", "fault", *columns]], foreign=True
    )
    assert trusted.only(np.arange(4)).details[columns[0]].harm is not None


def test_a_rate_that_is_not_a_number_is_refused_not_given():
    found = prepared(space(), Uniform(4), lambda faults: np.full(len(faults), np.nan))
    with pytest.raises(InputError):
        found.rate()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (lambda r: r.rate(by=["layer", "bit"]), "layer, bit"),
        (lambda r: r.rate(confidence="high"), "confidence"),
        (lambda r: r.rate(confidence=None), "confidence"),
        (lambda r: r.rate(3), "figure"),
        (lambda r: r.values(3), "figure"),
        (lambda r: r.worst(2.5), "n=2.5"),
        (lambda r: r.worst(-1), "n=-1"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused_in_one_line(asked, named):
    results = prepared(space(), Exhaustive(), harm)
    with pytest.raises(InputError, match=named) as caught:
        asked(results)
    assert "\n" not in str(caught.value)
