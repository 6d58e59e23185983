"""Which run is this?"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from radhard.engines import Campaign
from radhard.internals import is_traceable_wrapper_subclass
from radhard.samplers import Sampler, StagedSampler

__all__ = ["fingerprint", "identity"]


def identity(campaign: Campaign, sampler: Sampler, seed: int) -> dict[str, Any]:
    """All that the results depend on: two runs with equal identities are the same run."""
    # Causes precede their consequences, so that a difference is reported by its cause.
    asked = {
        "space": campaign.space.to_dict(),
        "samples": len(campaign.workload.data),
        "model fingerprint": fingerprint(campaign.workload.model),
        "data fingerprint": campaign.workload.data.fingerprint(),
        "sampler": repr(sampler),
        "seed": seed,
        "batch": campaign.workload.batch,
        "metrics": [repr(metric) for metric in campaign.panel.metrics],
        "columns": list(campaign.panel.columns),
        "ranges": [list(bounds) for bounds in campaign.panel.ranges],
        "planned": len(campaign.trials),
    }
    # The trials of later stages are not known before.
    if isinstance(sampler, StagedSampler):
        del asked["planned"]
    # As it will be read from the file, with lists instead of tuples.
    read: dict[str, Any] = json.loads(json.dumps(asked))
    return read


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
