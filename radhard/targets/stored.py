"""How are the tensors that a model stores found and held?"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.targets.base import Forward, Site, Strike, Target
from radhard.targets.patterns import admits, demand, matches

__all__ = ["Stored", "parameters", "stored_tensor"]


def stored_tensor(model: nn.Module, name: str) -> Tensor:
    """The parameter or buffer with this qualified name, without its autograd history.

    Raises:
        InputError: the model has no such tensor.
    """
    path, _, leaf = name.rpartition(".")
    try:
        tensor = getattr(model.get_submodule(path), leaf)
    except AttributeError:
        tensor = None
    if not isinstance(tensor, Tensor):
        raise InputError(f"{type(model).__name__} has no tensor {name!r}")
    return tensor.detach()


class Stored(Target):
    """Tensors that the model keeps between inferences.

    ``pattern`` is a glob (several joined by ``|``) over qualified tensor names or the names of
    their layers; ``layers`` one over the layers' class names. A tensor with several names (tied
    weights) is one site that any of its names finds.
    """

    pattern: str
    layers: str | None

    @abstractmethod
    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        """Every tensor of this role by each of its names."""

    def sites(self, model: nn.Module, inputs: Any, forward: Forward) -> list[Site]:  # noqa: ARG002
        names: dict[object, list[str]] = {}
        tensors: dict[str, Tensor] = {}
        for name, tensor in self.candidates(model):
            if tensor.is_floating_point() and tensor.numel():
                names.setdefault(_identity(tensor), []).append(name)
                tensors[name] = tensor
        found = []
        for alias in names.values():
            layers = [model.get_submodule(name.rpartition(".")[0]) for name in alias]
            known = [*alias, *(name.rpartition(".")[0] for name in alias)]
            kinds = [type(layer).__name__ for layer in layers]
            if matches(self.pattern, *known) and any(admits(self.layers, k) for k in kinds):
                first, tensor = alias[0], tensors[alias[0]]
                found.append(
                    Site(
                        name=first,
                        shape=tuple(tensor.shape),
                        role=self.role,
                        layer=first.rpartition(".")[0],
                        kind=kinds[0],
                        dtype=str(tensor.dtype).removeprefix("torch."),
                        aliases=tuple(alias[1:]),
                    )
                )
        demand([site.name for site in found], self, tensors, f"floating-point {self.role}")
        return found

    def reach(self, model: nn.Module, site: Site, strike: Strike) -> AbstractContextManager[None]:
        return strike.held(stored_tensor(model, site.name))


def _identity(tensor: Tensor) -> object:
    """Equal for two names of one tensor, also where two objects share the same memory."""
    if tensor.device.type == "meta":
        return id(tensor)
    place = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
    return (*place, tuple(tensor.shape), tensor.stride(), str(tensor.device))


def parameters(model: nn.Module, *, biases: bool) -> Iterator[tuple[str, Tensor]]:
    """Parameters that are, or are not, biases: what the last part of the name says."""
    for name, tensor in model.named_parameters(remove_duplicate=False):
        if ("bias" in name.rpartition(".")[2]) == biases:
            yield name, tensor
