"""Where are the weights of the included networks?"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import safe_open
from torch import nn

from radhard.models.load_weights import load_weights

__all__ = ["path_of", "recorded", "seeded", "trained"]

M = TypeVar("M", bound=nn.Module)


def trained(build: Callable[[], M], name: str) -> M:
    """The network with the included weights, in evaluation mode."""
    # Built without values, so that torch's random state does not change.
    with torch.device("meta"):
        model = build()
    model = model.to_empty(device="cpu")
    load_weights(model, path_of(name))
    return model.eval()


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
