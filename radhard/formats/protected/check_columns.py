"""Which check bits cover which data bits?"""

import functools
import itertools
from collections.abc import Iterator

__all__ = ["hamming_columns", "hsiao_columns"]

# All choices that satisfy Hsiao's rule detect the same errors of one and two bits; they differ in
# which errors of three bits are miscorrected. For the widths of memories the choice is written down
# here, so that stored words do not depend on how the choice is computed.
_MEMORIES = {
    8: "07 1c 0b 13 0d 16 19 0e",
    16: "07 38 0b 34 0d 32 0e 31 13 2c 15 2a 16 29 19 26",
    32: (
        "0d 32 70 07 58 23 4c 0b 34 43 38 54 0e 61 13 2c "
        "45 62 19 16 68 15 4a 64 1a 25 29 52 1c 26 49 31"
    ),
    64: (
        "07 0b 13 23 43 83 0d 15 25 45 85 19 29 49 89 31 "
        "51 91 61 a1 c1 0e 16 26 46 86 1a 2a 4a 8a 32 52 "
        "92 62 a2 c2 1c 2c 4c 8c 34 54 94 64 a4 c4 38 58 "
        "98 68 a8 c8 70 b0 d0 e0 1f e3 7c 8f f1 3e c7 f8"
    ),
}


def hamming_columns(data_bits: int) -> tuple[tuple[int, ...], int]:
    """The column of each data bit of a shortened Hamming code, and the number of check bits.

    Bit ``i`` of a column is set if check bit ``i`` covers the data bit. The columns are the numbers
    that are not powers of two, in increasing order; every error of one bit is corrected.

    >>> hamming_columns(4)
    ((3, 5, 6, 7), 3)
    """
    check_bits = 2
    while 2**check_bits < data_bits + check_bits + 1:
        check_bits += 1
    others = (n for n in itertools.count(3) if n & (n - 1))
    return tuple(itertools.islice(others, data_bits)), check_bits


@functools.cache
def hsiao_columns(data_bits: int) -> tuple[tuple[int, ...], int]:
    """The column of each data bit of a Hsiao code, and the number of check bits.

    Every error of one bit is corrected and every error of two bits is detected (Hsiao, IBM Journal
    of Research and Development 14(4), 1970). Columns are distinct and contain an odd number of
    ones, as few as possible; every check bit covers the same number of data bits, or one more.

    >>> [format(column, "03b") for column in hsiao_columns(1)[0]]
    ['111']
    """
    check_bits = 3
    # The odd-weight columns, without those of weight 1, which belong to the check bits.
    while 2 ** (check_bits - 1) - check_bits < data_bits:
        check_bits += 1
    if data_bits in _MEMORIES:
        return tuple(int(column, 16) for column in _MEMORIES[data_bits].split()), check_bits
    columns: list[int] = []
    for weight in range(3, check_bits + 1, 2):
        every = list(_columns_of(weight, check_bits))
        missing = data_bits - len(columns)
        if len(every) >= missing:
            return (*columns, *_balanced(every, missing, check_bits)), check_bits
        # All columns of one weight cover every check bit equally often.
        columns.extend(every)
    raise AssertionError("there are as many columns of odd weight as counted")


def _columns_of(weight: int, check_bits: int) -> Iterator[int]:
    for rows in itertools.combinations(range(check_bits), weight):
        yield sum(1 << row for row in rows)


def _balanced(every: list[int], number: int, check_bits: int) -> list[int]:
    """Some of all columns of one weight that cover every check bit equally often, or once more."""
    # Taken at regular distances, they cover the check bits almost equally often already.
    chosen = [every[at * len(every) // number] for at in range(number)]
    while True:
        loads = [sum(column >> row & 1 for column in chosen) for row in range(check_bits)]
        most, least = loads.index(max(loads)), loads.index(min(loads))
        if loads[most] - loads[least] <= 1:
            return chosen
        # More of the chosen columns contain only the first row than only the second, so that there
        # is one which moved from the first row to the second is not chosen yet.
        move = 1 << most | 1 << least
        taken = set(chosen)
        for at, column in enumerate(chosen):
            if column >> most & 1 and not column >> least & 1 and column ^ move not in taken:
                chosen[at] = column ^ move
                break
