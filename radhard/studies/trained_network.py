"""How is a network trained for a study, and kept?"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, final

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.models.load_weights import load_weights

__all__ = ["TrainingRecipe", "cache_folder", "cached_network", "trained_network"]

Network = TypeVar("Network", bound=nn.Module)


@final
@dataclass(frozen=True)
class TrainingRecipe:
    """AdamW with a one-cycle learning rate on the cross-entropy of classes, or of one logit."""

    epochs: int
    weight_decay: float
    batch: int = 64
    learning_rate: float = 4e-3
    mirrored: bool = False
    """Whether half of the images are mirrored left to right."""


def cache_folder() -> Path:
    """Where the user's system keeps what can be made again: ``XDG_CACHE_HOME`` or ``~/.cache``."""
    configured = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(configured) if configured else Path.home() / ".cache") / "radhard"


def cached_network(
    name: str,
    model: Network,
    train: Data,
    recipe: TrainingRecipe,
    *,
    cache: Path | None = None,
    seed: int = 1,
) -> Network:
    """A model trained on ``train``: with the weights from the cache, or trained now.

    The same seed and data give the same weights on the same version of torch and processor.

    Args:
        name: of the network, with which the name of the file begins.
        model: with its initial weights; trained in place.
        train: samples with labels.
        recipe: how it is trained.
        cache: folder where trained weights are kept; by default `cache_folder`.
        seed: of all chance.

    Raises:
        InputError: the folder cannot be written, or holds something else under this name.
    """
    version = torch.__version__.partition("+")[0]
    folder = cache_folder() if cache is None else cache
    path = folder / f"{name}-{train.fingerprint()[:12]}-seed{seed}-torch{version}.safetensors"
    trained_network(model, train, recipe, seed=seed, path=path)
    return model


def trained_network(
    model: nn.Module, train: Data, recipe: TrainingRecipe, *, seed: int, path: Path | None
) -> None:
    """Train a model in place, or load its weights from ``path``, where they are then stored.

    The same initial weights, seed and data give the same weights on the same version of torch and
    processor. The model is in evaluation mode afterwards.

    Raises:
        InputError: data without labels, a file of another network, or one that cannot be written.
    """
    if path is not None and path.is_file():
        load_weights(model, path)
        model.eval()
        return
    _train(model, train, recipe, seed)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under another name first: a process that is killed leaves no half of a file behind.
        with tempfile.TemporaryDirectory(dir=path.parent) as beside:
            written = Path(beside) / path.name
            save_file({name: t.contiguous() for name, t in model.state_dict().items()}, written)
            written.replace(path)
    except OSError as error:
        raise InputError(f"{str(path.parent)!r} cannot be written: {error.strerror}") from error


def _train(model: nn.Module, data: Data, recipe: TrainingRecipe, seed: int) -> None:
    if data.labels is None or not isinstance(data.inputs, torch.Tensor):
        raise InputError(f"{data.name}: training requires images with labels")
    rng = torch.Generator().manual_seed(seed)
    rate = recipe.learning_rate
    steps = recipe.epochs * -(-len(data) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model.train()
        for _ in range(recipe.epochs):
            for rows in torch.split(torch.randperm(len(data), generator=rng), recipe.batch):
                images = data.inputs[rows]
                if recipe.mirrored:
                    flipped = torch.rand(len(rows), 1, 1, 1, generator=rng) < 0.5
                    images = torch.where(flipped, images.flip(3), images)
                optimizer.zero_grad()
                logits = model(images)
                torch.autograd.backward(_loss(logits, data.labels[rows]))
                optimizer.step()
                schedule.step()
    finally:
        torch.set_num_threads(threads)
    model.eval().zero_grad()
    assert not model.training


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy; one logit is that of class 1."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return functional.cross_entropy(logits, labels)
