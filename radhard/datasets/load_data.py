"""How are data loaded from their text?"""

import inspect
from typing import Any

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.factory import bound, factories, made, named
from radhard.spec import near

__all__ = ["listed", "load", "training"]


def load(text: str, **options: Any) -> Data:
    """The data that ``text`` names: ``"mnist(split='train', n=500)"``, or your own factory.

    ``"file.py:factory"`` and ``"package.module:factory(n=3)"`` run the function named, which
    returns anything that `Data.of` takes.

    Args:
        options: further arguments, as if they stood in the text.

    Raises:
        InputError: unknown name, wrong arguments, or a factory that fails.

    >>> len(load("digits", n=10))
    10
    """
    module, name, args, kwargs = named(text)
    if module is not None:
        return Data.of(made(text, options), name=text)
    known = factories("radhard.datasets", Data)
    if name not in known:
        raise InputError(
            f"unknown data {text!r}: {near(name, list(known))}one of {', '.join(known)}, "
            "or your own as 'file.py:factory' or 'package.module:factory'"
        )
    function = known[name]
    return function(*args, **bound(function, args, kwargs, options, text))


def training(text: str) -> str:
    """The text of the training split of the data that ``text`` names, where it names no split.

    Data of one's own, and such as have no splits, stay as they are.

    >>> training("mnist(n=5)"), training("mnist(split='test')"), training("data.py:mine")
    ("mnist(n=5, split='train')", "mnist(split='test')", 'data.py:mine')
    """
    module, name, args, kwargs = named(text)
    known = factories("radhard.datasets", Data)
    if module is not None or name not in known or "split" in kwargs:
        return text
    if "split" not in inspect.signature(known[name]).parameters:
        return text
    kwargs = {**kwargs, "split": "train"}
    given = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
    return f"{name}({', '.join(given)})"


def listed() -> list[tuple[str, str]]:
    """Name and one-line description of all included data.

    >>> [name for name, _ in listed()][:4]
    ['FromFolder', 'cifar10', 'cifar100', 'cohort']
    """
    return [
        (name, (inspect.getdoc(f) or "").splitlines()[0])
        for name, f in factories("radhard.datasets", Data).items()
    ]
