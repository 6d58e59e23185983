"""How are some channels of a layer computed a second time?"""

from typing import Any

import torch
from torch import Tensor, nn

from radhard.analyses.layer import is_transposed
from radhard.errors import InputError

__all__ = ["Copies", "channel_axis", "described", "duplicable", "matrices"]

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d

CONVOLUTIONS: dict[str, type[Convolution]] = {
    "Conv1d": nn.Conv1d,
    "Conv2d": nn.Conv2d,
    "Conv3d": nn.Conv3d,
}


class Copies(nn.Module):
    """Copies of some output channels of a convolution or linear layer, with separate weights.

    ``forward`` takes the input of the layer and returns ``(samples, copies, ...)``, for a linear
    layer ``(samples, ..., copies)``. If the layer has groups, every copy is a separate group, whose
    inputs are those of the group of its original.
    """

    def __init__(self, layer: dict[str, Any], channels: tuple[int, ...]) -> None:
        super().__init__()
        kind, inputs = str(layer["kind"]), int(layer["inputs"])
        groups, outputs = int(layer["groups"]), int(layer["outputs"])
        bias, count = bool(layer["bias"]), len(channels)
        if not all(0 <= channel < outputs for channel in channels):
            raise InputError(
                f"channels {channels} of a layer with {outputs} channels cannot be copied"
            )
        # Weights without elements take no memory, from which the size of `picked` would follow.
        if kind != "Linear" and min(layer["kernel"]) < 1:
            raise InputError(f"a kernel of {layer['kernel']} elements is not possible")
        self.picked: Tensor | None = None
        self.axis = -1
        # On the meta device: initialising weights would change torch's random state.
        with torch.device("meta"):
            if kind == "Linear":
                made: Convolution | nn.Linear = nn.Linear(inputs, count, bias=bias)
            else:
                self.axis = -1 - len(layer["kernel"])
                width = inputs // groups
                if groups > 1:
                    inputs = width * count
                made = CONVOLUTIONS[kind](
                    inputs,
                    count,
                    tuple(layer["kernel"]),
                    stride=tuple(layer["stride"]),
                    padding=_listed(layer["padding"]),  # type: ignore[arg-type]
                    dilation=tuple(layer["dilation"]),
                    # A copy may come from any group, hence it is a group of its own with the inputs
                    # it needs.
                    groups=count if groups > 1 else 1,
                    bias=bias,
                    padding_mode=layer["padding_mode"],
                )
        # On the default device, which is the meta device where only shapes are asked for.
        self.layer = made.to_empty(device=torch.empty(0).device)
        if kind != "Linear" and groups > 1:
            first = torch.tensor([channel // (outputs // groups) * width for channel in channels])
            # Not a buffer: which inputs a copy reads is structure, not stored data in which bits
            # flip.
            self.picked = (first[:, None] + torch.arange(width)).flatten()

    def fill(self, weight: Tensor, bias: Tensor | None, channels: tuple[int, ...]) -> None:
        """Copy the weights of the originals."""
        rows = torch.tensor(channels, device=weight.device)
        with torch.no_grad():
            self.layer.weight.copy_(weight[rows])
            if bias is not None and self.layer.bias is not None:
                self.layer.bias.copy_(bias[rows])

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs of the copies."""
        if self.picked is not None:
            inputs = inputs.index_select(self.axis, self.picked.to(inputs.device))
        outputs: Tensor = self.layer(inputs)
        return outputs


def channel_axis(layer: dict[str, Any], output: Tensor) -> int:
    """The channel axis of a layer's output; there may be no axis of samples."""
    # Counted from the end, where the positions are.
    return output.ndim - (1 if layer["kind"] == "Linear" else 1 + len(layer["kernel"]))


def duplicable(layer: nn.Module) -> bool:
    """Whether the channels of a layer can be computed redundantly: a convolution, or linear."""
    return isinstance(layer, nn.Linear | Convolution) or is_transposed(layer)


def matrices(layer: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight, with one row per channel, and bias of a layer."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    assert bias is None or isinstance(bias, Tensor)
    return (weight.t() if is_transposed(layer) else weight), bias


def described(layer: nn.Module) -> dict[str, Any]:
    """A layer's geometry as plain values."""
    if is_transposed(layer):
        outputs, inputs = matrices(layer)[0].shape
        size = {"inputs": inputs, "outputs": outputs, "groups": 1}
        return {"kind": "Linear", **size, "bias": True}
    if isinstance(layer, nn.Linear):
        size = {"inputs": layer.in_features, "outputs": layer.out_features, "groups": 1}
        return {"kind": "Linear", **size, "bias": layer.bias is not None}
    assert isinstance(layer, Convolution)
    return {
        "kind": next(name for name, kind in CONVOLUTIONS.items() if isinstance(layer, kind)),
        "inputs": layer.in_channels,
        "outputs": layer.out_channels,
        "groups": layer.groups,
        "bias": layer.bias is not None,
        "kernel": layer.kernel_size,
        "stride": layer.stride,
        "padding": layer.padding,
        "dilation": layer.dilation,
        "padding_mode": layer.padding_mode,
    }


def _listed(padding: str | list[int] | tuple[int, ...]) -> str | tuple[int, ...]:
    return padding if isinstance(padding, str) else tuple(padding)
