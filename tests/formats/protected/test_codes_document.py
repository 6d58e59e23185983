"""Are the figures in the page about protected formats those of the code?"""

import itertools
import re
from pathlib import Path

import pytest

from radhard.formats import (
    BFloat16,
    Cep,
    Fixed,
    Float16,
    Float32,
    Float64,
    Hamming,
    InPlaceHamming,
    Int,
    Mset,
    SecDed,
)
from radhard.formats.protected.check_columns import hsiao_columns

PAGE = (Path(__file__).parents[3] / "docs" / "codes.md").read_text(encoding="utf-8")
ROWS = {
    "`InPlaceHamming`": lambda inner: InPlaceHamming(inner),
    "with `sign=True`": lambda inner: InPlaceHamming(inner, sign=True),
    "with `extended=True`": lambda inner: InPlaceHamming(inner, extended=True),
    "with both": lambda inner: InPlaceHamming(inner, extended=True, sign=True),
    "`Mset`": Mset,
    '`Cep`, `"D3P1"`': Cep,
    '`Cep`, `"D7P1"`': lambda inner: Cep(inner, "D7P1"),
    '`Cep`, `"D15P1"`': lambda inner: Cep(inner, "D15P1"),
}


def cells(row: str) -> list[str]:
    line = next(
        line for line in PAGE.splitlines() if line.startswith(f"| {row} | ") and "e-" in line
    )
    return [cell.strip() for cell in line.split("|")[2:-1]]


@pytest.mark.parametrize("row", ROWS)
def test_bounds_of_the_relative_error(row):
    replaced, *bounds = cells(row)
    counts = []
    for inner, bound in zip((Float32(), Float16(), BFloat16()), bounds, strict=True):
        if bound == "does not fit":
            continue
        format = ROWS[row](inner)
        n = [format.field(bit) for bit in range(format.bits)].count("check")
        rounded = isinstance(format, InPlaceHamming)
        mantissa = inner.bits - 1 - inner.exponent
        # Two digits, ties rounded up: 0.125 is 1.3e-1.
        assert float(bound) == pytest.approx(2.0 ** -(mantissa - n + rounded), rel=0.041)
        counts.append(n)
    stated = [int(number) for number in re.findall(r"\d+", replaced.replace("16 bits", ""))]
    assert list(dict.fromkeys(counts)) == stated


def test_widths_and_overheads():
    hamming = [Hamming(inner) for inner in (Float32(), Float16(), Int(8))]
    widths = ", ".join(f"{f.inner.bits} + {f.bits - f.inner.bits}" for f in hamming)
    shares = ", ".join(f"{100 * (f.bits / f.inner.bits - 1):g}" for f in hamming)
    assert f"| {widths} | {shares} % |" in PAGE
    sec_ded = [SecDed(inner) for inner in (Float64(), Float32(), Float16(), Fixed(3, 4))]
    extra = [f.bits + f.check_bits - f.inner.bits for f in sec_ded]
    widths = ", ".join(f"{f.inner.bits} + {n}" for f, n in zip(sec_ded, extra, strict=True))
    shares = ", ".join(f"{100 * n / f.inner.bits:.3g}" for f, n in zip(sec_ded, extra, strict=True))
    assert f"| {widths} | {shares} % |" in PAGE


@pytest.mark.parametrize(("data", "share"), [(32, "59.7 %"), (64, "56.3 %")])
def test_shares_of_errors_of_three_bits_that_are_miscorrected(data, share):
    columns, check_bits = hsiao_columns(data)
    matrix = [*columns, *(1 << check for check in range(check_bits))]
    known = set(matrix)
    wrong = [a ^ b ^ c in known for a, b, c in itertools.combinations(matrix, 3)]
    assert f"{100 * sum(wrong) / len(wrong):.1f} %" == share
    assert f"three bits: {share} miscorrected with {data} bits" in PAGE
