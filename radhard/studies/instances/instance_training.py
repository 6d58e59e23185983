"""How is another instance of a network trained, from another seed?"""

import copy
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.studies.trained_network import TrainingRecipe, trained_network

__all__ = ["RECIPE", "fresh_weights", "trained_instance"]

RECIPE = TrainingRecipe(epochs=12, weight_decay=0.01)


@runtime_checkable
class _Resettable(Protocol):
    """A module that can draw its initial weights anew, as all layers of torch can."""

    def reset_parameters(self) -> None: ...


def trained_instance(model: nn.Module, train: Data, *, seed: int, path: Path | None) -> nn.Module:
    """A network of the same layers, with initial weights and order of the samples from ``seed``.

    ``path`` is where its weights are kept, and taken from if they are there.

    Raises:
        InputError: a module whose parameters cannot be drawn anew, a file of another network, or
            one that cannot be written.
    """
    instance = fresh_weights(model, seed=seed)
    trained_network(instance, train, RECIPE, seed=seed, path=path)
    return instance


def fresh_weights(model: nn.Module, *, seed: int) -> nn.Module:
    """A copy of the network with initial weights drawn anew.

    Raises:
        InputError: a module whose parameters cannot be drawn anew.
    """
    instance = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, module in instance.named_modules():
            if isinstance(module, _Resettable):
                module.reset_parameters()
            elif [*module.parameters(recurse=False)]:
                raise InputError(
                    f"the initial weights of {name or 'the model'} ({type(module).__name__}) "
                    "cannot be drawn anew; give it a method reset_parameters()"
                )
    return instance
