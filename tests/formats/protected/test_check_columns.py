"""Do the columns of check bits follow the rules of their codes?"""

import itertools
from collections import Counter

import pytest

from radhard.formats.protected.check_columns import hamming_columns, hsiao_columns

# Check bits, ones in the matrix, fewest and most ones of a row, errors of three bits that equal a
# column and how many there are: recomputed with another program from the matrices.
FIGURES = [
    (4, 4, 16, 4, 4, 56, 56),
    (8, 5, 29, 5, 6, 220, 286),
    (16, 6, 54, 9, 9, 1008, 1540),
    (32, 7, 103, 14, 15, 5452, 9139),
    (57, 7, 224, 32, 32, 41664, 41664),
    (64, 8, 216, 27, 27, 33568, 59640),
]


def whole_matrix(data_bits: int) -> list[int]:
    columns, check_bits = hsiao_columns(data_bits)
    return [*columns, *(1 << check for check in range(check_bits))]


@pytest.mark.parametrize(("data", "checks", "ones", "fewest", "most", "wrong", "every"), FIGURES)
def test_hsiao_matrices_have_the_published_figures(data, checks, ones, fewest, most, wrong, every):
    matrix = whole_matrix(data)
    rows = [sum(column >> row & 1 for column in matrix) for row in range(checks)]
    assert hsiao_columns(data)[1] == checks
    assert (sum(rows), min(rows), max(rows)) == (ones, fewest, most)
    held = set(matrix)
    found = [a ^ b ^ c in held for a, b, c in itertools.combinations(matrix, 3)]
    assert (sum(found), len(found)) == (wrong, every)


def test_columns_of_the_16_bit_code_are_a_balanced_choice_in_increasing_order():
    loads, chosen = [0] * 6, []
    free = sorted(sum(1 << row for row in rows) for rows in itertools.combinations(range(6), 3))
    for _ in range(16):
        best = min(free, key=lambda column: sum(loads[r] for r in range(6) if column >> r & 1))
        free.remove(best)
        chosen.append(best)
        loads = [load + (best >> row & 1) for row, load in enumerate(loads)]
    assert hsiao_columns(16)[0] == tuple(chosen)


@pytest.mark.parametrize("data", [*range(1, 131), 256, 512, 1024])
def test_hsiao_columns_are_distinct_odd_light_and_balanced(data):
    columns, check_bits = hsiao_columns(data)
    weights = Counter(column.bit_count() for column in columns)
    assert len(set(columns)) == data
    assert all(weight % 2 and weight > 1 for weight in weights)
    assert max(columns) < 2**check_bits
    # A weight is used only after all columns of the smaller ones.
    for weight in range(3, max(weights), 2):
        every = sum(1 for n in range(2**check_bits) if n.bit_count() == weight)
        assert weights[weight] == every
    rows = [sum(column >> row & 1 for column in columns) for row in range(check_bits)]
    assert max(rows) - min(rows) <= 1
    # One check bit less would not give enough columns of odd weight.
    assert 2 ** (check_bits - 2) - (check_bits - 1) < data or check_bits == 3


@pytest.mark.parametrize(("data", "share"), [(32, 18.75), (16, 31.25), (8, 50.0)])
def test_hamming_overheads_are_those_of_the_literature(data, share):
    assert 100 * hamming_columns(data)[1] / data == share


@pytest.mark.parametrize("data", range(1, 65))
def test_hamming_columns_are_distinct_and_no_check_bit_is_spare(data):
    columns, check_bits = hamming_columns(data)
    assert len(set(columns)) == data
    assert all(column.bit_count() > 1 for column in columns)
    assert max(columns) < 2**check_bits
    fewer = check_bits - 1
    assert 2**fewer < data + fewer + 1
