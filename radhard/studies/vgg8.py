"""How is a VGG-style network for photo patches trained and cached?"""

import os
import tempfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.models.convolution import convolution
from radhard.models.load_weights import load_weights
from radhard.models.shipped import seeded

__all__ = ["cache_folder", "trained_vgg8", "vgg8"]

EPOCHS, BATCH, RATE = 12, 64, 4e-3


def vgg8() -> nn.Sequential:
    """A small VGG: six 3x3 convolutions with norms, two linear layers; 204,794 parameters.

    In the manner of (Simonyan and Zisserman, ICLR 2015), for 32x32 colour images and 10 classes.
    The weights are random, the same ones each time. Takes ``(samples, 3, 32, 32)``, gives logits
    ``(samples, 10)``.

    >>> sum(parameter.numel() for parameter in vgg8().parameters())
    204794
    """
    return seeded(_build)


def trained_vgg8(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """The network trained on ``train``: from the cache, or now (half a minute).

    The same seed and data give the same weights on the same version of torch and processor.

    Args:
        train: images ``(samples, 3, 32, 32)`` with labels.
        cache: folder where trained weights are kept; by default `cache_folder`.
        seed: of all chance.

    Raises:
        InputError: the folder cannot be written, or holds something else under this name.
    """
    model = vgg8()
    version = torch.__version__.partition("+")[0]
    folder = cache_folder() if cache is None else cache
    path = folder / f"vgg8-{train.fingerprint()[:12]}-seed{seed}-torch{version}.safetensors"
    if path.is_file():
        load_weights(model, path)
        return model
    _train(model, train, seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Under another name first: a process that is killed leaves no half of a file behind.
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            written = Path(beside) / path.name
            save_file({name: t.contiguous() for name, t in model.state_dict().items()}, written)
            written.replace(path)
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be written: {error.strerror}") from error
    return model


def cache_folder() -> Path:
    """Where the user's system keeps what can be made again: ``XDG_CACHE_HOME`` or ``~/.cache``."""
    configured = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(configured) if configured else Path.home() / ".cache") / "radhard"


def _build() -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width, number = 3, 0
    for stage, outputs in enumerate((16, 32, 64), start=1):
        for _ in range(2):
            number += 1
            layers[f"conv{number}"] = convolution(width, outputs, 3, 1)
            layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
            layers[f"relu{number}"] = nn.ReLU()
            width = outputs
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(width * 4 * 4, 128)
    layers["relu7"] = nn.ReLU()
    layers["fc2"] = nn.Linear(128, 10)
    return nn.Sequential(layers)


def _train(model: nn.Sequential, data: Data, seed: int) -> None:
    if data.labels is None or not isinstance(data.inputs, torch.Tensor):
        raise InputError(f"{data.name}: training requires images with labels")
    rng = torch.Generator().manual_seed(seed)
    steps = EPOCHS * -(-len(data) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model.train()
        for _ in range(EPOCHS):
            for rows in torch.split(torch.randperm(len(data), generator=rng), BATCH):
                images = data.inputs[rows]
                mirrored = torch.rand(len(rows), 1, 1, 1, generator=rng) < 0.5
                optimizer.zero_grad()
                logits = model(torch.where(mirrored, images.flip(3), images))
                torch.autograd.backward(functional.cross_entropy(logits, data.labels[rows]))
                optimizer.step()
                schedule.step()
    finally:
        torch.set_num_threads(threads)
    model.eval().zero_grad()
    assert not model.training
