"""How are faults written into a tensor to stay there?"""

import torch
from torch import Tensor

from radhard.injection.corruption import Hits
from radhard.injection.faulty_cells import faulty_cells
from radhard.injection.tensor_injection import write

__all__ = ["write_faults"]


def write_faults(tensor: Tensor, hits: Hits) -> None:
    """Write faults into a tensor in place, without undoing it: whatever reads it later is faulty.

    Only the words of the faults change, at any strides. The tensor keeps its autograd history.
    """
    with torch.inference_mode():
        extent = tensor.untyped_storage().nbytes() // tensor.element_size()
        # The whole memory in one dimension, in which cells have an address at any strides.
        memory = tensor.detach().as_strided((extent,), (1,), 0)
        cells = faulty_cells(hits, tensor.detach(), memory)
    write(memory, cells.at, cells.faulty)
