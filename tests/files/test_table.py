"""Is a table of a file's names text to a spreadsheet, and are its numbers numbers?"""

import csv

import pandas as pd
import pytest

from radhard.errors import InputError
from radhard.escaping import printable
from radhard.files import write_table

HOSTILE = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "\tx", "\r=1", "\n=1"]


def test_text_that_looks_like_a_formula_is_quoted_and_numbers_are_as_they_were(tmp_path):
    frame = pd.DataFrame({"=name": HOSTILE, "value": [-1.5, 2.0, -3.0, 0.0, 1e-9, -0.5, 7.0]})
    path = write_table(frame, tmp_path / "a.csv")
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["'=name", "value"]
    assert [row[0] for row in rows] == ["'" + printable(name) for name in HOSTILE]
    assert [float(row[1]) for row in rows] == frame["value"].tolist()


def test_ordinary_names_are_left_alone(tmp_path):
    frame = pd.DataFrame({"tensor": ["conv1.weight", "层.权重", "a=b", ""], "n": [1, 2, 3, -4]})
    assert pd.read_csv(write_table(frame, tmp_path / "a.csv"), keep_default_na=False).equals(frame)


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.CSV.txt"])
def test_another_kind_of_file_or_place_is_refused(tmp_path, name):
    with pytest.raises(InputError):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_folders_of_a_table_are_made(tmp_path):
    assert write_table(pd.DataFrame({"a": [1]}), tmp_path / "new" / "runs" / "a.csv").is_file()
    with pytest.raises(InputError):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "new" / "runs" / "a.csv" / "b.csv")
