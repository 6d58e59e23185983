"""Which trained VGG-11 is analyzed?"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from radhard import datasets, models

__all__ = ["trained_vgg11"]


def trained_vgg11(steps: int = 60) -> nn.Module:
    """VGG-11 after a minute or two on photo patches, the same each time."""
    model, data = models.vgg11(), datasets.photo_patches(split="train")
    assert data.labels is not None
    assert isinstance(data.inputs, torch.Tensor)
    rng = torch.Generator().manual_seed(0)
    model = model.train().to(memory_format=torch.channels_last)
    descent = torch.optim.SGD(
        model.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    for _ in range(steps):
        rows = torch.randint(len(data), (48,), generator=rng)
        loss = cross_entropy(model(data.inputs[rows]), data.labels[rows])
        descent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        descent.step()
    return model.eval().requires_grad_(False)
