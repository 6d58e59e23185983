"""Which model is this, to the last bit?"""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from radhard.internals import is_traceable_wrapper_subclass

__all__ = ["fingerprint"]


def fingerprint(model: nn.Module) -> str:
    """SHA-256 over the structure of a model and every byte of its tensors."""
    digest = hashlib.sha256(repr(model).encode())
    tensors = (*model.named_parameters(), *model.named_buffers())
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        for part in _parts(tensor.detach()):
            raw = part.cpu().contiguous()
            digest.update(f"{name} {raw.dtype} {tuple(raw.shape)}".encode())
            digest.update(raw.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _parts(tensor: Tensor) -> Iterator[Tensor]:
    """The plain tensors of which a tensor consists; the tensor itself if it is plain."""
    if is_traceable_wrapper_subclass(tensor):
        for name in tensor.__tensor_flatten__()[0]:
            yield from _parts(getattr(tensor, name))
    elif tensor.layout == torch.sparse_coo:
        yield from (tensor._indices(), tensor._values())
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        yield from (tensor.ccol_indices(), tensor.row_indices(), tensor.values())
    elif tensor.layout == torch.strided:
        yield tensor.int_repr() if tensor.is_quantized else tensor
    else:
        yield tensor.to_dense()
