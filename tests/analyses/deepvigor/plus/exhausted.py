"""What are the factors of a small network, every fault tried by a loop of its own?"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["of_neurons", "of_weights"]

_WORDS = {torch.float32: (torch.int32, 32), torch.float64: (torch.int64, 64)}


def flipped(values: Tensor, bit: int) -> Tensor:
    """The values with one bit of each flipped."""
    words, bits = _WORDS[values.dtype]
    mask = (1 << bit) - (bit == bits - 1) * (1 << bits)
    return (values.contiguous().view(words) ^ mask).view(values.dtype)


def harmed(logits: Tensor, golden: Tensor) -> Tensor:
    return (logits.argmax(1) != golden) | logits.isnan().any(1)


def of_weights(model: nn.Sequential, inputs: Tensor, at: int) -> np.ndarray:
    """By channel of the layer ``at``: every bit of every weight flipped, for every image."""
    layer = model[at]
    with torch.no_grad():
        given, rest = model[:at](inputs), model[at + 1 :]
        golden = model(inputs).argmax(1)
        clean = layer.weight.detach().clone()
        found = torch.zeros(len(clean), clean[0].numel(), dtype=torch.float64)
        for bit in range(_WORDS[clean.dtype][1]):
            faulty = flipped(clean, bit)
            for word in range(clean.numel()):
                weight = clean.clone()
                weight.view(-1)[word] = faulty.view(-1)[word]
                c, k = divmod(word, clean[0].numel())
                if isinstance(layer, nn.Linear):
                    out = F.linear(given, weight, layer.bias)
                else:
                    assert isinstance(layer, nn.Conv2d)
                    out = F.conv2d(
                        given, weight, layer.bias, layer.stride, layer.padding,  # type: ignore[arg-type]
                        layer.dilation, layer.groups,
                    )  # fmt: skip
                found[c, k] += harmed(rest(out), golden).double().mean()
    means: np.ndarray = (found.mean(1) / _WORDS[clean.dtype][1]).numpy()
    return means


def of_neurons(model: nn.Sequential, inputs: Tensor, at: int) -> np.ndarray:
    """By channel of the layer ``at``: every bit of every input of every neuron, for every image."""
    layer = model[at]
    with torch.no_grad():
        given, rest = model[:at](inputs), model[at + 1 :]
        output, golden = layer(given), model(inputs).argmax(1)
        weight = layer.weight.detach().flatten(1)
        if isinstance(layer, nn.Linear):
            met = given[:, None].expand(-1, 1, -1)  # images, positions, products
            groups = 1
        else:
            assert isinstance(layer, nn.Conv2d)
            met = F.unfold(given, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]
            met, groups = met.transpose(1, 2), layer.groups
        n, places, channels = len(given), met.shape[1], len(weight)
        own, bits = met.reshape(n, places, groups, -1), _WORDS[given.dtype][1]
        found = torch.zeros(channels, places, dtype=torch.float64)
        moved = torch.stack([flipped(own, bit).double() - own.double() for bit in range(bits)], -1)
        for c in range(channels):
            errors = moved[:, :, c // (channels // groups)] * weight[c].double()[:, None]
            flat = errors.flatten(2)  # images, positions, errors
            for place in range(places):
                rows = torch.arange(n).repeat_interleave(flat.shape[2])
                out = output[rows].clone()
                out.reshape(len(rows), channels, -1)[:, c, place] += (
                    flat[:, place].flatten().to(out.dtype)
                )
                lost = harmed(rest(out), golden[rows])
                found[c, place] = lost.double().mean()
    means: np.ndarray = found.mean(1).numpy()
    return means
