"""Which small networks, of every kind that people bring, do the tests run on?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.forward import Forward, plain
from radhard.workload import Workload
from tests import zoo_modules as modules

__all__ = ["NETWORKS", "Network", "named"]

SAMPLES = 3


@dataclass(frozen=True)
class Network:
    """A network to test with; two builds are equal to the last bit."""

    name: str
    make: Callable[[], nn.Module]
    give: Callable[[], Any]
    """Inputs of `SAMPLES` samples; random ones come from torch's generator."""
    call: Forward = plain
    training: bool = False

    def __repr__(self) -> str:
        return self.name

    def build(self) -> nn.Module:
        """The network, in evaluation mode unless its subject is training."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            model = self.make()
            for name, buffer in model.named_buffers():
                if name.endswith("running_mean"):
                    buffer.uniform_(-0.5, 0.5)
                if name.endswith("running_var"):
                    buffer.uniform_(0.5, 1.5)
        return model.train(self.training)

    def inputs(self) -> Any:
        """A batch of `SAMPLES` different samples."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            return self.give()

    def workload(self, *, batch: int = 100) -> Workload:
        """A new workload: the network and its inputs."""
        return Workload(self.build(), Data(self.inputs()), self.call, batch)

    def on(self, device: str) -> "Network":
        """The same network and inputs on another device."""
        return replace(
            self,
            make=lambda: self.make().to(device),
            give=lambda: torch.utils._pytree.tree_map(lambda t: t.to(device), self.give()),
        )


def named(name: str) -> Network:
    """The network with this name."""
    return next(network for network in NETWORKS if network.name == name)


def _image() -> Tensor:
    return torch.randn(SAMPLES, 2, 6, 6)


def _row() -> Tensor:
    return torch.randn(SAMPLES, 6)


def _sequence() -> Tensor:
    return torch.randn(SAMPLES, 5, 6)


def _words() -> Tensor:
    return torch.randint(0, 7, (SAMPLES, 5))


def _mlp(**options: Any) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(**options), nn.Linear(5, 3))


def _frozen_half() -> nn.Module:
    return _mlp().half().requires_grad_(False)


def _bfloat16() -> nn.Module:
    return _mlp().bfloat16()


def _double() -> nn.Module:
    model = _mlp().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)  # so that single precision could not hold it
    return model


def _inference() -> nn.Module:
    with torch.inference_mode():
        return _mlp()


def _half_row() -> Tensor:
    return _row().half()


NETWORKS: list[Network] = [
    Network("residual", modules.Residual, _image),
    Network("convolutions", modules.convolutions, _image),
    Network("layer_norm", modules.layer_norm, _row),
    Network("attention", lambda: modules.Attention(batch_first=True), _sequence),
    Network("attention_time_first", lambda: modules.Attention(batch_first=False), _sequence),
    Network("encoder", modules.encoder, _sequence),
    Network("embedding", modules.Embedded, _words),
    Network("lstm", lambda: modules.Recurrent(nn.LSTM, batch_first=True), _sequence),
    Network("lstm_time_first", lambda: modules.Recurrent(nn.LSTM, batch_first=False), _sequence),
    Network("gru", lambda: modules.Recurrent(nn.GRU, batch_first=True), _sequence),
    Network("concatenation", modules.Concatenation, _row),
    Network("twice", modules.Twice, _row),
    Network("looped", modules.Looped, _sequence),
    Network("tied", modules.Tied, _words),
    Network("dict_output", modules.DictOutput, _row, lambda m, x: m(x)["logits"]),
    Network("dataclass_output", modules.DataclassOutput, _row, lambda m, x: m(x).logits),
    Network("frozen_half", _frozen_half, _half_row),
    Network("bfloat16", _bfloat16, lambda: _row().bfloat16()),
    Network("double", _double, lambda: _row().double()),
    Network("inference", _inference, _row),
    Network("inplace", lambda: _mlp(inplace=True), _row),
    Network("flat", modules.Flat, _row),
    Network("transposed", modules.Transposed, _row),
    Network("scalar", modules.Scalar, _row),
    Network("two_inputs", modules.TwoInputs, lambda: (_row(), _row())),
    Network("named_inputs", modules.TwoInputs, lambda: {"x": _row(), "y": _row()}),
    Network("dropout", modules.dropout, _row, training=True),
]
