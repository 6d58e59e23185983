"""How are faults injected into a tensor that flows through a model?"""

import torch
from torch import Tensor

from radhard.targets.base import Site, TensorFaults

__all__ = ["same_layout", "with_faults"]


def with_faults(
    tensor: Tensor, site: Site, faults: TensorFaults, *, row: int | None = None
) -> Tensor:
    """A copy of a flowing tensor with the faults in it.

    ``row``: the tensor is only what is computed at this index of the site's first axis.
    """
    copy = same_layout(tensor)
    shape = site.shape if row is None else site.shape[1:]
    rows = copy.unsqueeze(0) if site.axis is None else copy.movedim(site.axis, 0)
    if site.axis is not None and rows.dim() == len(shape):  # rows of a sample lie side by side
        rows = torch.unflatten(rows, 0, (-1, shape[0]))
    if row is None:
        faults.apply_to(rows)
    else:
        faults.apply_to_row(rows, row)
    return copy


def same_layout(tensor: Tensor) -> Tensor:
    """A copy with the same memory layout, so that kernels sum its values in the same order."""
    extent = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride < extent:  # words share memory, which a copy must not
            return tensor.clone(memory_format=torch.contiguous_format)
        extent += stride * (size - 1)
    twin = torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device
    )
    return twin.copy_(tensor)
