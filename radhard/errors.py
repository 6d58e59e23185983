"""What does a user see when the input is at fault?"""

from importlib.util import find_spec

__all__ = ["InputError", "RadhardWarning", "check_installed"]


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what, what is allowed, what to do.

    The command line prints it as one line and exits with code 2.
    """

    def __init__(self, message: str) -> None:
        # One line, also where it repeats a name of the user's that has several.
        super().__init__(" ".join(str(message).splitlines()))


class RadhardWarning(UserWarning):
    """Something holds for less than one may think: parts left out, too few samples, and the like.

    Where there is a result with notes, the same is in its notes. The command line prints it as one
    line on the standard error stream and goes on.
    """


def check_installed(module: str, package: str, extra: str, *, what: str) -> None:
    """Check that a package of an extra is installed, before any work is done that needs it.

    Args:
        module: the name that is imported.
        package: the name that is installed.
        extra: that of radhard that has the package.
        what: what needs it.

    Raises:
        InputError: it is not installed.

    >>> check_installed("nowhere", "no-where", "data", what="digits")
    Traceback (most recent call last):
    radhard.errors.InputError: digits requires no-where: pip install 'radhard[data]'
    """
    if find_spec(module) is None:
        raise InputError(f"{what} requires {package}: pip install 'radhard[{extra}]'")
