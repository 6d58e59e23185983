"""What does a user see when the input is at fault?"""

__all__ = ["InputError"]


class InputError(ValueError):
    """Something the user gave cannot be used; the message says what, what is allowed, what to do.

    The command line prints it as one line and exits with code 2.
    """
