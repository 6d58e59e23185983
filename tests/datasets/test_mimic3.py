"""Are the files of the MIMIC-III benchmark read as its scripts write them?"""

import csv

import pytest
import torch

from radhard import datasets, models
from radhard.datasets.mimic3 import _CATEGORIES, _NUMERIC
from radhard.errors import InputError

HEADER = ["Hours", *sorted([*_NUMERIC, *_CATEGORIES], key=str.lower)]


def written(path, rows):
    """A file with these rows, each of some of the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, HEADER)
        table.writeheader()
        table.writerows(rows)


@pytest.fixture
def folder(tmp_path):
    """Two patients for training and one for testing, whose rates of the heart are 90, 110, 120."""
    for task, header, period in (
        ("in-hospital-mortality", "stay,y_true", ""),
        ("decompensation", "stay,period_length,y_true", "5.0,"),
    ):
        for half, stays in (("train", (90, 110)), ("test", (120,))):
            names = [f"{rate}_episode1_timeseries.csv" for rate in stays]
            for rate, name in zip(stays, names, strict=True):
                rows = [
                    {"Hours": "0.0", "Heart Rate": rate, "Glascow coma scale total": "7.0"},
                    {"Hours": "3.25", "pH": "7.1", "Glascow coma scale eye opening": "To Pain"},
                    {"Hours": "4.75", "Heart Rate": rate + 10},
                    {"Hours": "60", "Heart Rate": "300"},
                ]
                written(tmp_path / task / half / name, rows)
            lines = [f"{name},{period}{number % 2}" for number, name in enumerate(names)]
            place = tmp_path / task / half / "listfile.csv"
            place.write_text("\n".join([header, *lines]) + "\n")
    return tmp_path


def test_a_series_has_the_values_masks_and_times_of_its_hours(folder):
    data = datasets.load(f"mimic3({str(folder)!r}, task='decompensation', steps=6)")
    assert data.inputs.shape == (1, 6, 94)
    sample = data.inputs[0]
    # The period has five hours; the step before the series began has the normal values.
    heart, total = list(_NUMERIC).index("Heart Rate"), 12 + 2 + 8 + 12
    raw = torch.tensor([86, 120, 120, 120, 120, 130.0])
    train = torch.tensor([[86.0, 90, 90, 90, 90, 100], [86, 110, 110, 110, 110, 120]])
    expected = (raw - train.mean()) / train.std(correction=0)
    assert torch.allclose(sample[:, heart], expected, atol=1e-5)
    assert sample[:, total : total + 13].argmax(1).tolist() == [12, 4, 4, 4, 4, 4]
    masks = sample[:, 59:76]
    assert masks[:, heart].tolist() == [0, 1, 0, 0, 0, 1]
    assert masks.sum() == 5
    assert sample[:, 76 + heart].tolist() == [0, 0, 1, 2, 3, 0]
    assert sample[:, 93].tolist() == [0, 1, 1, 1, 1, 1]


def test_of_longer_series_the_last_hours_are_taken_with_what_was_known(folder):
    full, short = (
        datasets.load(f"mimic3({str(folder)!r}, task='decompensation', steps={steps})").inputs[0]
        for steps in (5, 2)
    )
    assert torch.equal(full[-2:, 12:76], short[:, 12:76])
    mortality = datasets.mimic3(folder, split="all")
    assert mortality.inputs.shape == (3, 48, 94)
    assert sorted(mortality.labels.tolist()) == [0, 0, 1]
    # What was measured after 48 hours is not known: 300 beats a minute.
    assert mortality.inputs[:, -1, 3].abs().max() < 3


def test_stagenet_takes_them(folder):
    inputs = datasets.mimic3(folder, steps=6).inputs
    assert models.load("stagenet")(inputs).shape == (1, 1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("listfile.csv", "stay\n", "y_true"),
        ("listfile.csv", "stay,y_true\nnone.csv,1\n", "none.csv"),
        ("listfile.csv", "stay,y_true\n120_episode1_timeseries.csv,2\n", "broken"),
        ("120_episode1_timeseries.csv", "Hours,pH\n1,7\n", "no column"),
    ],
)
def test_broken_files_are_named_in_one_line(folder, name, text, message):
    (folder / "in-hospital-mortality" / "test" / name).write_text(text)
    with pytest.raises(InputError, match=message):
        datasets.mimic3(folder)


def test_values_that_are_none_are_named(folder):
    path = folder / "in-hospital-mortality" / "test" / "120_episode1_timeseries.csv"
    for column, value in (("pH", "acid"), ("Glascow coma scale total", "16"), ("Hours", "")):
        written(path, [{"Hours": "1", column: value}])
        with pytest.raises(InputError, match=column):
            datasets.mimic3(folder)
    with pytest.raises(InputError, match="decompensation"):
        datasets.mimic3(folder, task="length-of-stay")
    with pytest.raises(InputError, match="listfile"):
        datasets.mimic3(folder / "nowhere")
