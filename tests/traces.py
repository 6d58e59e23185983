"""Has anything been left behind in a model?"""

import torch
from torch import Tensor, nn

__all__ = ["hooks", "raw", "traces"]


def raw(tensor: Tensor) -> bytes:
    """The bits of a tensor, NaN payloads and all."""
    return bytes(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


def hooks(model: nn.Module) -> int:
    """How many hooks hang on the modules."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def traces(model: nn.Module) -> object:
    """Everything that must be as it was: equal before and after."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return (
        {name: (tensor.data_ptr(), raw(tensor)) for name, tensor in tensors},
        {name: tensor.requires_grad for name, tensor in tensors},
        hooks(model),
        [module.training for module in model.modules()],
        torch.backends.mha.get_fastpath_enabled(),
    )
