"""Does the page of the formats say what the formats do?"""

import re
from pathlib import Path

import pytest
import torch

from radhard import formats
from radhard.formats import FORMATS, Format

TEXT = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| `")
]
SINGLE = [row for row in ROWS if len(row) == 7]
SHARED = [row for row in ROWS if len(row) == 5]


def format_of(row: list[str]) -> Format:
    return FORMATS.parse(row[0].strip("`"))


def ends(format: Format) -> tuple[float, float]:
    """The largest finite value and the smallest above zero, from the words without a sign."""
    if format.bits <= 16:
        codes = torch.arange(2 ** (format.bits - ("sign" in format.fields)))
    else:
        # In order of their values: the first and the last finite word.
        top = 2 ** (format.bits - 1) - 1
        exponent = sum(1 << b for b in range(format.bits) if format.field(b) == "exponent")
        codes = torch.tensor([1, exponent - 1 if "mantissa" in format.fields else top])
    values = format.decode(codes).double()
    values = values[values.isfinite() & (values > 0)]
    return values.max().item(), values.min().item()


@pytest.mark.parametrize("row", SINGLE, ids=lambda row: row[0])
def test_bits_fields_and_range_are_those_of_the_format(row):
    format = format_of(row)
    assert int(row[1]) == format.bits
    assert row[2] == ", ".join(format.fields)
    assert [f"{float(cell):.6g}" for cell in row[3:5]] == [f"{end:.6g}" for end in ends(format)]


@pytest.mark.parametrize("row", SINGLE, ids=lambda row: row[0])
def test_beyond_the_range_is_what_the_page_says(row):
    format = format_of(row)
    x = torch.tensor([torch.finfo(torch.float64).max], dtype=torch.float64)
    found = format.decode(format.encode(x)).double().item()
    largest = ends(format)[0]
    if format.bits == 64:  # no double is beyond its range
        assert found == largest
    else:
        assert found == (torch.inf if row[5] == "infinity" else largest)


@pytest.mark.parametrize("row", SHARED, ids=lambda row: row[0])
def test_scales_are_stored_as_the_page_says(row):
    format = format_of(row)
    assert int(row[1]) == format.bits
    assert row[3] == f"`{type(format.scale_words()).__name__}`"
    scales = format.fit(torch.ones(2, 64)).scale.numel()
    assert scales == (4 if "32 along" in row[2] else 1)


def test_every_plain_format_has_its_row():
    named = {re.match(r"\w+", row[0].strip("`"))[0] for row in (*SINGLE, *SHARED)}
    room = "radhard.formats.plain."
    plain = {name for name in FORMATS.names if getattr(formats, name).__module__.startswith(room)}
    assert named == plain
