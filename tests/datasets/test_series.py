"""Are .ts files read exactly, and broken ones refused by line?"""

import contextlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.datasets.series import read_series
from radhard.errors import InputError

HEADER = "# a comment\n@problemName p\n@classLabel true left right\n@data\n"
numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("series") / "file.ts"


@given(st.data(), st.integers(1, 4))
def test_series_of_any_length_are_read_exactly(file, data, channels):
    length = st.integers(1, 6)
    one = length.flatmap(
        lambda steps: st.lists(
            st.lists(numbers, min_size=steps, max_size=steps),
            min_size=channels,
            max_size=channels,
        )
    )
    items = data.draw(st.lists(st.tuples(one, st.sampled_from(["left", "right"])), min_size=1))
    lines = [
        ":".join([*(",".join(map(repr, channel)) for channel in values), label])
        for values, label in items
    ]
    file.write_text(HEADER + "\n".join(lines) + "\n\n")
    series, labels = read_series(file)
    assert labels.tolist() == [["left", "right"].index(label) for _, label in items]
    for found, (values, _) in zip(series, items, strict=True):
        assert torch.equal(found, torch.tensor(values, dtype=torch.float64).T)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no line @data"),
        ("@classLabel true a\n1:a\n", "no line @data"),
        ("@data\n1:a\n", "names no classes"),
        ("@classLabel false\n@data\n1:a\n", "names no classes"),
        (HEADER, "no series after @data"),
        (HEADER + "1,2:3,4:up\n", "line 5: class 'up' is not in the header"),
        (HEADER + "1,2:3:left\n", "line 5: its channels have different lengths: 1 and 2"),
        (HEADER + "1:left\n1:2:right\n", "line 6: 2 channels, where the first series has 1"),
        (HEADER + "1,?:left\n", r"line 5: .*'\?'"),
        (HEADER + "left\n", "line 5: its channels have different lengths: none"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(file, content, said):
    file.write_text(content)
    with pytest.raises(InputError, match=said):
        read_series(file)


@given(st.binary(max_size=60))
def test_any_bytes_are_series_or_an_input_error(file, tail):
    file.write_bytes(HEADER.encode() + tail)
    with contextlib.suppress(InputError):
        series, labels = read_series(file)
        assert len(series) == len(labels) > 0


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read as time series"):
        read_series(tmp_path / "none.ts")
