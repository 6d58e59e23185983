"""What do classifiers of time series have in common?"""

from collections import OrderedDict
from functools import partial
from typing import Any

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.models.shipped import seeded, trained

__all__ = ["LastStep", "series_classifier"]

_SHAPE = (12, 64, 9)
"""Inputs, hidden units and classes of the networks with trained weights."""


class LastStep(nn.Module):
    """The output at the last step of a recurrent layer."""

    def forward(self, outputs_and_states: tuple[Tensor, Tensor | tuple[Tensor, Tensor]]) -> Tensor:
        """``(samples, hidden)`` of the outputs ``(samples, steps, hidden)``."""
        outputs, _ = outputs_and_states
        return outputs[:, -1]


def series_classifier(
    name: str,
    layer: Any,
    *,
    inputs: int,
    hidden: int,
    classes: int,
    pretrained: bool | None,
) -> nn.Sequential:
    """A recurrent layer, its last step and a linear layer.

    ``layer`` makes the recurrent layer, such as `torch.nn.LSTM`. Its module is called ``name``
    without ``_classifier``, and the file with the trained weights ``name``.

    Raises:
        InputError: an argument that is not allowed, or trained weights asked for another shape.
    """
    for size_name, size in (("inputs", inputs), ("hidden", hidden), ("classes", classes)):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"{size_name}={size!r} is not allowed; give a whole number from 1")
    build = partial(_build, name.removesuffix("_classifier"), layer, inputs, hidden, classes)
    default = (inputs, hidden, classes) == _SHAPE
    if pretrained and not default:
        raise InputError("trained weights come with the default shape only; leave pretrained out")
    if default and pretrained is not False:
        return trained(build, name)
    return seeded(build)


def _build(name: str, layer: Any, inputs: int, hidden: int, classes: int) -> nn.Sequential:
    recurrent: nn.Module = layer(inputs, hidden, batch_first=True)
    return nn.Sequential(
        OrderedDict([(name, recurrent), ("last", LastStep()), ("fc", nn.Linear(hidden, classes))])
    )
