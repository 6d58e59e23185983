"""Which task is measured for every tool?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from safetensors import safe_open
from torch import Tensor, nn

from benchmarks.naive import Flip, words
from radhard.models.lenet5 import lenet5
from radhard.models.resnet20 import resnet20

__all__ = ["Fault", "Task", "Tool", "loaded"]

NETWORKS = {"lenet5": lenet5, "resnet20": resnet20}


class Fault(NamedTuple):
    """A bit of a word of a weight; bit 31 is the sign."""

    layer: str
    word: int
    bit: int


@dataclass(frozen=True)
class Task:
    """A network, images, the golden top classes, and single-bit faults."""

    name: str
    model: nn.Module
    inputs: Tensor
    golden: Tensor
    faults: list[Fault]
    layers: list[str]

    def flips(self, faults: Sequence[Fault]) -> list[list[Flip]]:
        """The same faults for the naive loop."""
        weights = {
            layer: words(self.model.get_parameter(f"{layer}.weight")) for layer in self.layers
        }
        masks = {bit: int(torch.tensor(1 << bit).to(torch.int32)) for bit in range(32)}
        return [[Flip(weights[f.layer], f.word, masks[f.bit])] for f in faults]


class Tool(Protocol):
    """One of the tools, made for a task (the making is not timed)."""

    def run(self, faults: Sequence[Fault]) -> list[int] | int:
        """Inject faults one by one, a pass over all images each.

        Returns samples with another top class, for each fault; or, from a tool that draws faults
        itself, how many faults it injected.
        """


def loaded(file: Path) -> Task:
    """A network with the weights from a file, and the faults in it."""
    with safe_open(file, "pt") as content:
        names = content.metadata()
        tensors = {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118
    model = NETWORKS[file.stem](pretrained=False)
    prefix = "weights."
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    model.load_state_dict(own)
    model.eval()
    layers = [names[str(at)].removesuffix(".weight") for at in range(len(names))]
    drawn = zip(*(tensors[key].tolist() for key in ("places", "words", "bits")), strict=True)
    faults = [Fault(layers[place], word, bit) for place, word, bit in drawn]
    with torch.inference_mode():
        golden = model(tensors["inputs"]).argmax(1)
    return Task(file.stem, model, tensors["inputs"], golden, faults, layers)
