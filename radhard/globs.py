"""Which names does a pattern match?"""

from fnmatch import fnmatchcase

__all__ = ["matches"]


def matches(pattern: str, *names: str) -> bool:
    """Whether any of the names fits the glob, or one of several globs joined by ``|``.

    >>> matches("conv*|fc1.weight", "fc1.weight"), matches("conv?", "fc1")
    (True, False)
    """
    return any(fnmatchcase(name, part.strip()) for part in pattern.split("|") for name in names)
