"""How does text become data?"""

import inspect
from collections.abc import Callable
from typing import Any

from radhard.datasets.cifar import cifar10, cifar100
from radhard.datasets.data import Data
from radhard.datasets.digits import digits
from radhard.datasets.from_folder import FromFolder
from radhard.datasets.mnist import mnist
from radhard.datasets.photo_patches import photo_patches
from radhard.datasets.vowels import vowels
from radhard.datasets.watch import watch
from radhard.errors import InputError
from radhard.factory import bound, made, named
from radhard.spec import near

__all__ = ["listed", "load", "training"]

SHIPPED: dict[str, Callable[..., Data]] = {
    "FromFolder": FromFolder,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "digits": digits,
    "mnist": mnist,
    "photo_patches": photo_patches,
    "vowels": vowels,
    "watch": watch,
}


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
    if name not in SHIPPED:
        raise InputError(
            f"unknown data {text!r}: {near(name, list(SHIPPED))}one of {', '.join(SHIPPED)}, "
            "or your own as 'file.py:factory' or 'package.module:factory'"
        )
    function = SHIPPED[name]
    return function(*args, **bound(function, args, kwargs, options, text))


def training(text: str) -> str:
    """The text of the training split of the data that ``text`` names, where it names no split.

    Data of one's own, and such as have no splits, stay as they are.

    >>> training("mnist(n=5)"), training("mnist(split='test')"), training("data.py:mine")
    ("mnist(n=5, split='train')", "mnist(split='test')", 'data.py:mine')
    """
    module, name, args, kwargs = named(text)
    if module is not None or name not in SHIPPED or "split" in kwargs:
        return text
    if "split" not in inspect.signature(SHIPPED[name]).parameters:
        return text
    kwargs = {**kwargs, "split": "train"}
    given = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
    return f"{name}({', '.join(given)})"


def listed() -> list[tuple[str, str]]:
    """Name and one-line meaning of all data that radhard knows.

    >>> [name for name, _ in listed()]
    ['FromFolder', 'cifar10', 'cifar100', 'digits', 'mnist', 'photo_patches', 'vowels', 'watch']
    """
    return [(name, (inspect.getdoc(f) or "").splitlines()[0]) for name, f in SHIPPED.items()]
