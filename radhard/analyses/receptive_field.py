"""Which inputs are summed for each output of a layer?"""

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["adds_up", "windows"]

_FORWARDS = {kind.forward for kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)}

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


def adds_up(module: nn.Module) -> bool:
    """Whether the outputs are sums of `windows` times weight; subclasses may override forward."""
    return type(module).forward in _FORWARDS


def windows(module: nn.Module, inputs: Tensor) -> Tensor:
    """The inputs summed for each output, ``(rows, groups, taps, positions)``.

    Output channel ``c`` of group ``g`` at a position is the sum over the taps of these times row
    ``c`` of the weight. Taps are in the order of the weight in memory; padding is included.

    >>> import torch
    >>> layer = nn.Conv1d(2, 4, 3, padding=1, groups=2)
    >>> windows(layer, torch.ones(5, 2, 7)).shape
    torch.Size([5, 2, 3, 7])
    """
    if not isinstance(module, Convolution):
        return inputs.reshape(len(inputs), -1, inputs.shape[-1]).transpose(1, 2)[:, None]
    x = _padded(module, inputs)
    sizes = zip(module.kernel_size, module.stride, module.dilation, strict=True)
    for axis, (size, stride, dilation) in enumerate(sizes, 2):
        # A window covers the whole reach of the dilated kernel, of which every ``dilation``-th
        # element is a tap. A view: nothing is copied up to the reshape.
        x = x.unfold(axis, dilation * (size - 1) + 1, stride)[..., ::dilation]
    n, spatial = len(module.kernel_size), x.ndim
    # (rows, channels, *positions, *taps) to (rows, groups, channels x taps, positions)
    x = x.permute(0, 1, *range(2 + n, spatial), *range(2, 2 + n))
    taps = module.weight[0].numel()
    return x.reshape(len(inputs), module.groups, taps, -1)


def _padded(module: Convolution, inputs: Tensor) -> Tensor:
    if module.padding == "valid":
        return inputs
    if module.padding == "same":
        totals = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        ends = [(total // 2, total - total // 2) for total in totals]
    else:
        ends = [(int(p), int(p)) for p in module.padding]
    # functional.pad starts at the last axis.
    flat = [end for axis in reversed(ends) for end in axis]
    if not any(flat):
        return inputs
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    return functional.pad(inputs, flat, mode=mode)
