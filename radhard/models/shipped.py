"""Where are the weights of the included networks?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import nn
from torch.overrides import TorchFunctionMode

from radhard.models.load_weights import load_weights

__all__ = ["path_of", "recorded", "seeded", "trained"]

M = TypeVar("M", bound=nn.Module)


def trained(build: Callable[[], M], name: str) -> M:
    """The network with the included weights, in evaluation mode."""
    # On the meta device it would cost seconds: there torch imports its compiler.
    with torch.random.fork_rng(devices=[]), _Uninitialised():
        model = build()
    load_weights(model, path_of(name))
    return model.eval()


class _Uninitialised(TorchFunctionMode):
    """Skips the random initial values of layers, which weights from a file replace."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def seeded(build: Callable[[], M]) -> M:
    """The network with random weights, the same ones each time, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        # Within a fork of the random state, so that the numbers of the caller go on as if nothing
        # had been drawn.
        torch.manual_seed(0)
        return build().eval()


def path_of(name: str) -> Path:
    """The safetensors file in the package."""
    return Path(__file__).with_name(f"{name}.safetensors")


def recorded(name: str) -> dict[str, str]:
    """The record of the training script: accuracy, data, seed, torch version.

    >>> recorded("lenet5")["seed"]
    '1'
    """
    with safe_open(path_of(name), framework="pt") as file:
        return dict(file.metadata())
