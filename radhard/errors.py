"""What does a user see when the input is at fault?"""

__all__ = ["InputError", "RadhardWarning"]


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
