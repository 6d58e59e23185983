"""Which modules write something in a forward pass that later passes find?"""

import copy
from collections import deque
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.ao.quantization import FakeQuantize, MinMaxObserver

__all__ = ["STATEFUL", "everything"]


class _Stateful(nn.Module):
    """Two layers with something in between that changes when a pass comes by."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.o = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.o(self.between(torch.relu(self.a(x))))

    def between(self, h: Tensor) -> Tensor:
        raise NotImplementedError


class Peak(_Stateful):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("peak", torch.tensor(0.5))

    def between(self, h: Tensor) -> Tensor:
        self.peak.copy_(torch.maximum(self.peak, h.detach().max()))
        return torch.round(h * 127 / self.peak) / 127


class ConditionalPeak(_Stateful):
    """Written where a fault makes a value large, and in no fault-free pass."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 50.0

    def between(self, h: Tensor) -> Tensor:
        if h.max() > self.peak:
            self.peak = float(h.detach().max())
        return torch.round(h * 127 / self.peak)


class Replaced(_Stateful):
    """A buffer that is assigned anew."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("peak", torch.tensor(0.5))

    def between(self, h: Tensor) -> Tensor:
        self.peak = torch.maximum(self.peak, h.detach().max())
        return torch.round(h * 127 / self.peak) / 127


class Average(_Stateful):
    """A moving average in a tensor that is a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(8)

    def between(self, h: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * h.detach().mean(0)
        return h - self.mean


class Through(_Stateful):
    """Written through ``.data``, which counts as no change."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def between(self, h: Tensor) -> Tensor:
        self.mean.data.mul_(0.9).add_(0.1 * h.detach().mean(0))
        return h - self.mean


class Array(_Stateful):
    """A moving average in an array."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = np.zeros(8, np.float32)

    def between(self, h: Tensor) -> Tensor:
        self.mean += 0.1 * h.detach().mean(0).numpy()
        return h - torch.from_numpy(self.mean.copy())


class Number(_Stateful):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 1.0

    def between(self, h: Tensor) -> Tensor:
        self.scale = max(self.scale, float(h.detach().max()))
        return h / self.scale


class Nested(_Stateful):
    """Lists, dictionaries, queues and objects in one another."""

    def __init__(self) -> None:
        super().__init__()
        self.past = {"h": [], "last": deque(maxlen=2)}

    def between(self, h: Tensor) -> Tensor:
        self.past["h"].append(h.detach().amax())
        self.past["last"].append({"mean": h.detach().mean()})
        self.past["n"] = len(self.past["h"])
        return h / (1 + sum(self.past["h"]) / self.past["n"]) - self.past["last"][0]["mean"]


class Stream(_Stateful):
    """The hidden state of the last pass is added to the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = None

    def between(self, h: Tensor) -> Tensor:
        before = torch.zeros_like(h) if self.hidden is None else self.hidden
        self.hidden = h.detach()
        return h + 0.5 * before.mean(0, keepdim=True)


class Counter(_Stateful):
    """A harmless count."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def between(self, h: Tensor) -> Tensor:
        self.steps += 1
        return h


class Alternating(_Stateful):
    """Another sign in every second pass: the state is back after two."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def between(self, h: Tensor) -> Tensor:
        self.passes += 1
        return h if self.passes % 2 else -h


class Observed(_Stateful):
    """Prepared for quantisation, its observer still on."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeQuantize(observer=MinMaxObserver, quant_min=0, quant_max=255)

    def between(self, h: Tensor) -> Tensor:
        return self.fake(h)


class OwnWeight(_Stateful):
    """A parameter that the forward pass writes."""

    def between(self, h: Tensor) -> Tensor:
        with torch.no_grad():
            self.o.weight.mul_(0.9).add_(0.01 * h.mean())
        return h


class OwnWeightUnseen(_Stateful):
    """A parameter that is written without a trace, where a value is large."""

    def between(self, h: Tensor) -> Tensor:
        if h.detach().max() > 100:
            self.o.weight.data.mul_(-0.5)
        return h


class BoundedRows(nn.Module):
    """An embedding that scales the rows that it reads down to a norm, as torch does it in place."""

    def __init__(self) -> None:
        super().__init__()
        self.e, self.o = nn.Embedding(5, 6, max_norm=1.0), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.o(self.e((4 * x).abs().long() % 5).mean(1))


STATEFUL: list[Callable[[], nn.Module]] = [
    Peak,
    ConditionalPeak,
    Replaced,
    Average,
    Through,
    Array,
    Number,
    Nested,
    Stream,
    Counter,
    Alternating,
    Observed,
    OwnWeight,
    BoundedRows,
    OwnWeightUnseen,
]


def everything(model: nn.Module) -> list[tuple[str, object]]:
    """All that the modules hold, as plain values; equal before and after."""
    return [
        (f"{name}.{key}", _plain(value))
        for name, module in model.named_modules()
        for key, value in {**vars(module), **module._parameters, **module._buffers}.items()
        if key not in ("_parameters", "_buffers", "_modules")
    ]


def _plain(value: object) -> object:
    if isinstance(value, Tensor):
        return str(value.dtype), value.data_ptr(), value.detach().flatten().tolist()
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | deque):
        return [_plain(part) for part in value]
    return repr(copy.copy(value))
