"""What do the other tools need: weights, images, and which bits to flip?"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.row import Work
from benchmarks.rows import lenet5, resnet20
from radhard.samplers import Uniform
from radhard.targets import Weights

__all__ = ["main"]

NETWORKS = {"lenet5": lenet5, "resnet20": resnet20}
LAYERS = "Conv2d|Linear"
"""The layers into whose weights all tools can inject faults."""


def main(folder: Path, faults: int) -> None:
    """Write ``NAME.safetensors`` for each network, with everything that a run needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, load in NETWORKS.items():
        model, data = load()
        work = Work.of(model, data, Weights("*", layers=LAYERS))
        trials = Uniform(faults).draw(work.space, 1)
        places, words, bits = work.space.locate(trials.at(np.arange(faults)))
        assert isinstance(data.inputs, Tensor)
        tensors = {f"weights.{key}": tensor for key, tensor in model.state_dict().items()}
        tensors["inputs"] = data.inputs
        for key, numbers in (("places", places), ("words", words), ("bits", bits)):
            tensors[key] = torch.from_numpy(numbers)
        names = {str(at): site.name for at, site in enumerate(work.space.sites)}
        contiguous = {key: tensor.contiguous() for key, tensor in tensors.items()}
        save_file(contiguous, folder / f"{name}.safetensors", metadata=names)


if __name__ == "__main__":
    main(Path(__file__).parent / "exported", faults=1000)
