"""Which indices of the first axis does a target select?"""

import re

from radhard.errors import InputError
from radhard.targets.base import Site, Target

__all__ = ["check_range", "range_text", "rows_of", "selected_rows"]

_RANGE = re.compile(r"(-?\d+)?:(-?\d+)?(?::(0*[1-9]\d*))?")


def range_text(given: object, spec: str) -> object:
    """What was given, with a ``range`` as text: its repr is no literal, so could not be parsed.

    Whether anything else is of a type that is allowed, the component checks as for any argument.
    ``spec`` names the argument in messages, as ``HiddenStates: steps``.

    >>> range_text(range(2, 8, 3), "HiddenStates: steps")
    '2:8:3'

    Raises:
        InputError: an empty or a descending range.
    """
    if not isinstance(given, range):
        return given
    if given.step < 1 or not given:
        raise InputError(f"{spec}={given!r} is not allowed; an ascending range")
    end = f":{given.step}" if given.step > 1 else ""
    return f"{given.start}:{given.stop}{end}"


def check_range(given: int | str, spec: str) -> None:
    """Raise `InputError` for a text that is neither ``"*"`` nor a range such as ``"2:5"``."""
    if given != "*" and isinstance(given, str) and not _RANGE.fullmatch(given):
        name = spec.rpartition(" ")[2]
        raise InputError(
            f"{spec}={given!r} is not allowed; {name} is '*', the number of a "
            f"{name.removesuffix('s')}, or a range of them such as '2:5'"
        )


def rows_of(given: int | str, many: int) -> tuple[int, int, int] | None:
    """Start, stop and step of the indices that are selected of ``many``; None if these are all.

    >>> rows_of("1:-1", 5)
    (1, 4, 1)

    Raises:
        IndexError: there are no such indices.
    """
    if given == "*":
        return None
    if isinstance(given, int):
        # -1 is the last one: 0, where its range would end, stands for the end.
        start, stop, by = given, given + 1 or many, 1
    else:
        found = _RANGE.fullmatch(given)
        assert found is not None
        start, stop, by = int(found[1] or 0), int(found[2] or many), int(found[3] or 1)
    first, end = (at + many if at < 0 else at for at in (start, stop))
    if not (0 <= first < end <= many):
        raise IndexError(f"{given!r} of {many}")
    return None if (first, end, by) == (0, many, 1) else (first, end, by)


def selected_rows(
    target: Target, given: int | str, site: Site, what: str
) -> tuple[int, int, int] | None:
    """The indices of a site's first axis that a target selects; None if these are all.

    ``what``: what the indices number, in the plural.

    Raises:
        InputError: there are no such indices.
    """
    many = site.shape[0]
    try:
        return rows_of(given, many)
    except IndexError:
        raise InputError(
            f"{target!r}: {site.name!r} has {many} {what}; choose {what} from 0 to {many - 1}"
        ) from None
