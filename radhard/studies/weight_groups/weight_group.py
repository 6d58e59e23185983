"""Which sets of weights does a recurrent network store?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, final

from torch import nn

from radhard.errors import InputError
from radhard.targets import Biases, RecurrentWeights, Target, Weights

__all__ = ["Role", "WeightGroup", "weight_groups"]

Role = Literal["embedding", "input", "recurrent", "bias", "dense", "dense bias"]
"""What the weights of a set are."""

_SETS: tuple[Literal["input", "recurrent", "bias"], ...] = ("input", "recurrent", "bias")


@final
@dataclass(frozen=True)
class WeightGroup:
    """A set of weights that a study injects faults into on its own: one tensor."""

    name: str
    role: Role
    layer: int
    """Of the LSTM layers, from 1; 0 for an embedding and for dense layers."""
    tensor: str
    """Its qualified name in the model."""
    target: Target
    size: int
    """Number of weights."""

    @property
    def is_recurrent(self) -> bool:
        """Whether it belongs to an LSTM layer."""
        return self.layer > 0


def weight_groups(model: nn.Module) -> tuple[WeightGroup, ...]:
    """The sets of weights of embeddings, LSTM layers and linear layers, in the order of the model.

    An LSTM layer has three sets in each direction: input weights, recurrent weights and biases.
    Its biases are stored as their sum (`merge_biases`).

    Raises:
        InputError: the model has no LSTM layer, or one that stores two biases or a projection.

    >>> from radhard.targets import merge_biases
    >>> lstm = nn.Sequential(nn.LSTM(2, 3, bidirectional=True))
    >>> [group.name for group in weight_groups(merge_biases(lstm))][:4]
    ['forward input', 'forward recurrent', 'forward bias', 'backward input']
    """
    found: list[WeightGroup] = []
    for path, module in model.named_modules():
        if isinstance(module, nn.Embedding):
            tensor = f"{path}.weight"
            size = module.weight.numel()
            found.append(WeightGroup(path, "embedding", 0, tensor, Weights(tensor), size))
        elif isinstance(module, nn.LSTM):
            found += _of_lstm(path, module)
        elif isinstance(module, nn.Linear):
            tensor = f"{path}.weight"
            size = module.weight.numel()
            found.append(WeightGroup(f"{path} weights", "dense", 0, tensor, Weights(tensor), size))
            if module.bias is not None:
                tensor, size = f"{path}.bias", module.bias.numel()
                found.append(
                    WeightGroup(f"{path} bias", "dense bias", 0, tensor, Biases(tensor), size)
                )
    if not any(group.is_recurrent for group in found):
        raise InputError(
            f"{type(model).__name__} has no LSTM layer (nn.LSTM), whose sets of weights this study "
            "compares"
        )
    return tuple(found)


def _of_lstm(path: str, lstm: nn.LSTM) -> Iterator[WeightGroup]:
    if not lstm.bias or lstm.proj_size:
        raise InputError(f"{path}: an LSTM without biases, or with a projection, is not compared")
    for layer in range(lstm.num_layers):
        for direction in ("forward", "reverse") if lstm.bidirectional else ("forward",):
            suffix = f"_l{layer}" + ("_reverse" if direction == "reverse" else "")
            if bool(lstm.get_parameter(f"bias_hh{suffix}").any()):
                raise InputError(f"{path}: two biases are stored; apply targets.merge_biases first")
            for weights in _SETS:
                kind = {"input": "weight_ih", "recurrent": "weight_hh", "bias": "bias_ih"}[weights]
                words = (
                    f"LSTM {layer + 1}" if lstm.num_layers > 1 else "",
                    {"forward": "forward", "reverse": "backward"}[direction]
                    if lstm.bidirectional
                    else "",
                    weights if lstm.bidirectional or lstm.num_layers > 1 else f"LSTM {weights}",
                )
                tensor = f"{path}.{kind}{suffix}" if path else f"{kind}{suffix}"
                target = RecurrentWeights(tensor, weights=weights)
                size = lstm.get_parameter(f"{kind}{suffix}").numel()
                name = " ".join(filter(None, words))
                yield WeightGroup(name, weights, layer + 1, tensor, target, size)
