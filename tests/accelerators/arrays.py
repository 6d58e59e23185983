"""A small quantized network, and its layers as a simulated array computes them."""

import numpy as np
import torch
from torch import Tensor, nn

from radhard.accelerators import Systolic
from radhard.formats import Int
from radhard.quantization import quantized
from tests.accelerators.cycle_simulator import Faults, Machine

DATAFLOWS = ("output_stationary", "weight_stationary", "input_stationary")


class Small(nn.Module):
    """A convolution and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 3, 2)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.conv(x)).flatten(1))


def network(bits: int = 4) -> tuple[nn.Module, Tensor]:
    """The network in integers, and three samples."""
    inputs = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    return quantized(Small().eval(), inputs, Int(bits), inputs=True).eval(), inputs


def output_by_simulation(
    model: nn.Module, array: Systolic, name: str, inputs: Tensor, faults: Faults
) -> Tensor:
    """Outputs of the model, ``(samples, classes)``, if a simulated array computes one layer.

    ``faults`` has one fault.
    """
    layer = model.get_submodule(name)
    machine = Machine(
        array.rows, array.columns, array.word.bits, array.accumulator.bits, array.saturates
    )
    scale = {"conv": model.input_scale, "fc": model.relu.activation_scale}[name]
    weight_scale = layer.weight.detach().abs().max() / (2 ** (array.word.bits - 1) - 1)
    b = (layer.weight.detach() / weight_scale).round().reshape(len(layer.weight), -1).T

    def compute(module: nn.Module, args: tuple[Tensor], output: Tensor) -> Tensor:
        x = args[0]
        rows = x.unsqueeze(1) if x.ndim == 2 else nn.functional.unfold(x, 2).transpose(1, 2)
        sums = [
            machine.run(array.dataflow, *(_ints(m) for m in (one / scale, b)), faults)[0]
            for one in rows
        ]
        values = torch.from_numpy(np.stack(sums)).float() * scale * weight_scale + module.bias
        return values.transpose(1, 2).reshape(output.shape)

    handle = layer.register_forward_hook(compute, prepend=True)
    try:
        with torch.no_grad():
            return model(inputs)
    finally:
        handle.remove()


def _ints(matrix: Tensor) -> np.ndarray:
    return matrix.double().round().numpy().astype(np.int64)
