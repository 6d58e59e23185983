"""Which text loads a data set again?"""

from typing import Any

__all__ = ["call"]


def call(function: str, *args: Any, **options: tuple[Any, Any]) -> str:
    """The call as text, without options that have their default value.

    >>> call("mnist", split=("train", "test"), n=(None, None))
    "mnist(split='train')"
    >>> call("mnist", split=("test", "test"))
    'mnist'
    """
    given = [repr(a) for a in args]
    given += [f"{key}={value!r}" for key, (value, default) in options.items() if value != default]
    return f"{function}({', '.join(given)})" if given else function
