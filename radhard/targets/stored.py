"""How are the stored tensors of a model selected and accessed?"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.globs import matches
from radhard.internals import is_traceable_wrapper_subclass
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.patterns import admits, check_matches
from radhard.workload import Workload

__all__ = ["Stored", "identity", "memory", "parameters", "shares_words", "stored_tensor"]


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
        raise InputError(
            f"{type(model).__name__} has no tensor {name!r}; a fault space holds for the model of "
            "which it was made: FaultSpace.of(model)"
        )
    return tensor.detach()


class Stored(Target):
    """Tensors that the model keeps between inferences.

    ``pattern`` is a glob (or several, joined by ``|``) of qualified tensor names or the names of
    their layers; ``layers`` one of the class names of the layers. A tensor with several names (tied
    weights) is one site, selected by any of its names.
    """

    pattern: str
    layers: str | None

    @abstractmethod
    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        """Every tensor of this role under each of its names."""

    @property
    def what(self) -> str:
        """What the target selects, for messages."""
        return f"floating-point {self.role}"

    def whole_words(self, model: nn.Module) -> frozenset[str]:  # noqa: ARG002
        """Names of the integer tensors into whose words faults can be injected."""
        return frozenset()

    def left_out(self, model: nn.Module) -> dict[str, str]:
        return self._walk(model)[1]

    def sites(self, workload: Workload) -> list[Site]:
        return self.select(workload)[0]

    def select(self, workload: Workload) -> tuple[list[Site], dict[str, str]]:
        model = workload.model
        tensors, left = self._walk(model)
        names: dict[object, list[str]] = {}
        for name, tensor in tensors.items():
            names.setdefault(identity(tensor), []).append(name)
        sites = []
        for alias in names.values():
            if self._wants(model, *alias):
                first, tensor = alias[0], tensors[alias[0]]
                layer = first.rpartition(".")[0]
                sites.append(
                    Site(
                        name=first,
                        shape=tuple(tensor.shape),
                        role=self.role,
                        layer=layer,
                        kind=type(model.get_submodule(layer)).__name__,
                        dtype=str(tensor.dtype).removeprefix("torch."),
                        aliases=tuple(alias[1:]),
                    )
                )
        selected = [site.name for site in sites]
        check_matches(selected, self, tensors, self.what, left_out={} if sites else left)
        return sites, left

    def _walk(self, model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
        """All tensors that faults can be injected into, and those that match but are left out."""
        tensors, left, whole = dict[str, Tensor](), dict[str, str](), self.whole_words(model)
        for name, tensor in self.candidates(model):
            reason = "" if name in whole else _unfit(tensor)
            if reason:
                left[name] = reason
            elif tensor.numel():
                tensors[name] = tensor
        if self.role == "weight":
            left |= dict.fromkeys(_packed(model), "packed words of a quantised layer")
        left |= self._other_views(model, tensors)
        tensors = {name: tensor for name, tensor in tensors.items() if name not in left}
        return tensors, {name: why for name, why in left.items() if self._wants(model, name)}

    def _other_views(self, model: nn.Module, tensors: dict[str, Tensor]) -> dict[str, str]:
        """Tensors whose words another selected tensor has as well, in another order or shape.

        A word is counted once, under the first of its names.
        """
        by_memory: dict[object, list[str]] = {}
        left = {}
        for name, tensor in tensors.items():
            if not self._wants(model, name):
                continue
            earlier = by_memory.setdefault(memory(tensor), [])
            for other in earlier:
                if shares_words(tensor, tensors[other]):
                    left[name] = f"a view of words of {other}"
                    break
            else:
                earlier.append(name)
        return left

    def _wants(self, model: nn.Module, *names: str) -> bool:
        """Whether the pattern matches a tensor with these names."""
        layers = [name.rpartition(".")[0] for name in names]
        if not matches(self.pattern, *names, *layers):
            return False
        if self.layers is None:
            return True
        kinds = [type(model.get_submodule(layer)).__name__ for layer in layers]
        return any(admits(self.layers, kind) for kind in kinds)

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        return faults.held(stored_tensor(model, site.name))


def _unfit(tensor: Tensor) -> str:
    """Why no fault can be injected into a tensor; empty if one can."""
    if is_traceable_wrapper_subclass(tensor):
        return f"{type(tensor).__name__}, a tensor subclass that holds its words elsewhere"
    if not tensor.is_floating_point():
        return str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided:
        return str(tensor.layout).removeprefix("torch.").removeprefix("_")
    return ""


def _packed(model: nn.Module) -> Iterator[str]:
    """Names of packed weights of torch.ao layers, which are not tensors of the model."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.ScriptObject):
                yield f"{path}.{name}" if path else name


def identity(tensor: Tensor) -> object:
    """A key that is equal for two names of one tensor, also if two objects share its memory."""
    if tensor.device.type == "meta" or tensor.layout != torch.strided:
        return id(tensor)
    place = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
    return (*place, tuple(tensor.shape), tensor.stride(), str(tensor.device))


def memory(tensor: Tensor) -> object:
    """A key that is equal for all tensors that lie in one piece of memory."""
    if tensor.device.type == "meta" or tensor.layout != torch.strided:
        return id(tensor)
    return tensor.untyped_storage().data_ptr(), str(tensor.device)


def shares_words(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have words in common, but not as two names of one tensor.

    >>> weight = torch.zeros(2, 3)
    >>> shares_words(weight, weight.T), shares_words(weight, weight)
    (True, False)
    >>> shares_words(weight[:, 0], weight[:, 1:])
    False
    """
    if memory(one) != memory(other) or identity(one) == identity(other):
        return False
    (start, end), (other_start, other_end) = _extent(one), _extent(other)
    if end <= other_start or other_end <= start:  # as in one flat buffer for all parameters
        return False
    # In bytes only if the widths differ, as that takes several times the memory.
    grain = one.itemsize if one.itemsize == other.itemsize else 1
    return bool(np.intersect1d(_places(one, grain), _places(other, grain)).size)


def _extent(tensor: Tensor) -> tuple[int, int]:
    """The first byte of a tensor in its memory, and the one after the last."""
    steps = [
        (size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
    ]
    start = int(tensor.storage_offset())
    return start * tensor.itemsize, (start + sum(steps) + 1) * tensor.itemsize


def _places(tensor: Tensor, grain: int) -> npt.NDArray[np.int64]:
    """The places of a tensor in its memory, in units of ``grain`` bytes."""
    width = tensor.itemsize // grain
    axes = [*zip(tensor.shape, (stride * width for stride in tensor.stride()), strict=True)]
    places = np.array([tensor.storage_offset() * width])
    for size, step in (*axes, (width, 1)):
        places = np.add.outer(places, np.arange(size) * step).ravel()
    return places


def parameters(model: nn.Module, *, biases: bool) -> Iterator[tuple[str, Tensor]]:
    """Parameters that are, or are not, biases, according to the last part of their names."""
    for name, tensor in model.named_parameters(remove_duplicate=False):
        *_, own = name.split(".")
        # For a parametrized tensor, the last part only distinguishes its originals.
        if "parametrizations." in name:
            own = name.rpartition("parametrizations.")[2].partition(".")[0]
        if ("bias" in own) == biases:
            yield name, tensor
