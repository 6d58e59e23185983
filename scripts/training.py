"""How are the networks that come with the package trained?"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from radhard.datasets import Data
from radhard.datasets.vocabulary import PADDING, UNKNOWN

MODELS = Path(__file__).parent.parent / "radhard" / "models"


def train(
    model: nn.Module,
    name: str,
    data: Data,
    test: Data,
    *,
    augmented: Callable[[Tensor], Tensor],
    seed: int,
    epochs: int,
    weight_decay: float,
    learning_rate: float = 4e-3,
) -> None:
    """Train on ``data``, say the accuracy on ``test``, and write the weights.

    Deterministic: the same seed gives the same weights on the same version of torch and processor.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    start = time.monotonic()
    assert data.labels is not None
    steps = epochs * -(-len(data) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(data)).split(BATCH):
            optimizer.zero_grad()
            logits = model(augmented(data.inputs[rows]))
            loss(logits, data.labels[rows]).backward()
            optimizer.step()
            schedule.step()
    correct, total = accuracy(model.eval(), test)
    metadata = {
        "accuracy": f"{correct / total:.4f}",
        "data": f"{data.name} {data.fingerprint()}",
        "tested_on": f"{test.name} {test.fingerprint()}",
        "seed": str(seed),
        "torch": torch.__version__,
        "trained_by": f"scripts/{Path(sys.argv[0]).name}",
    }
    weights = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    path = MODELS / f"{name}.safetensors"
    save_file(weights, path, metadata)
    path.chmod(0o644)
    print(f"{name}: {correct} of {total} test samples in {time.monotonic() - start:.0f} s")


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy; one logit is that of class 1."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return functional.cross_entropy(logits, labels)


BATCH = 64


def distorted(images: Tensor) -> Tensor:
    """Images turned by up to 10 degrees, scaled by up to 10 % and moved by up to 2 pixels."""
    n = len(images)
    angle = (torch.rand(n) * 2 - 1) * (10 / 180 * torch.pi)
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.1
    move = (torch.rand(n, 2) * 2 - 1) * (2 / 14)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([cos, -sin, move[:, 0], sin, cos, move[:, 1]], dim=1).reshape(n, 2, 3)
    grid = functional.affine_grid(rows, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def mirrored(images: Tensor) -> Tensor:
    """Images of which half are mirrored left to right."""
    chosen = torch.rand(len(images), 1, 1, 1) < 0.5
    return torch.where(chosen, images.flip(3), images)


def unchanged(inputs: Tensor) -> Tensor:
    """The samples as they are."""
    return inputs


def noisy(series: Tensor) -> Tensor:
    """Series with normal noise of standard deviation 0.1 added to every value."""
    return series + torch.randn(series.shape) * 0.1


def with_unknown_words(texts: Tensor) -> Tensor:
    """Texts of which one word in five has the number of unknown words, ``UNKNOWN``."""
    hidden = (torch.rand(texts.shape) < 0.2) & (texts != PADDING)
    return torch.where(hidden, UNKNOWN, texts)


@torch.no_grad()
def accuracy(model: nn.Module, data: Data) -> tuple[int, int]:
    """How many samples the model gets right, and how many there are."""
    logits = model(data.inputs)
    classes = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    return int((classes == data.labels).sum()), len(data)
