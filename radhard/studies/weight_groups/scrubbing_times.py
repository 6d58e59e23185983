"""How much longer does a pass take if weights are decoded once, or before each step?"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from radhard.hardenings import HammingInPlace
from radhard.hardenings.coding.ecc_scrubber import EccScrubber
from radhard.stats import Estimate, quantile_interval

__all__ = ["ScrubbingTimes", "decoders_of", "scrubbing_times", "stepwise_logits"]

_TURNS = 41
"""Enough for an interval of a few percent on a machine that does other work as well."""

_SECONDS = 0.02
"""Approximate duration of a timing: long enough to hide the resolution of the clock, and short
enough for the ways of a turn to meet the same speed of the machine."""


@final
@dataclass(frozen=True)
class ScrubbingTimes:
    """Seconds of a pass over some samples, turn by turn; the same turn in the same place."""

    samples: int
    """Samples in a pass."""
    plain: tuple[float, ...]
    """The network as it is, with torch's LSTM."""
    once: tuple[float, ...]
    """The same, with the protected sets decoded before the pass."""
    stepwise: tuple[float, ...]
    """The network as it is, with LSTM layers computed step by step."""
    every: tuple[float, ...]
    """The same, with the protected sets of a layer decoded before each of its steps."""

    def ratio(self, name: str, than: str) -> Estimate:
        """How many times as long one takes as the other: the median over the turns."""
        pairs = zip(self._of(name), self._of(than), strict=True)
        ratios = [one / other for one, other in pairs]
        return quantile_interval(ratios, 0.5, bounds=(0, float("inf")), unit="times")

    def time(self, name: str) -> Estimate:
        """Median time of a pass in milliseconds."""
        values = [1e3 * seconds for seconds in self._of(name)]
        return quantile_interval(values, 0.5, bounds=(0, float("inf")), unit="ms")

    def _of(self, name: str) -> tuple[float, ...]:
        return {
            "plain": self.plain,
            "once": self.once,
            "stepwise": self.stepwise,
            "every": self.every,
        }[name]


def scrubbing_times(
    model: nn.Module,
    inputs: Tensor,
    tensors: tuple[str, ...],
    *,
    turns: int = _TURNS,
    seconds: float = _SECONDS,
) -> ScrubbingTimes:
    """Time passes of a network of an embedding, an LSTM and a linear layer, protected and not.

    The four take turns, on one thread, so that changes in the speed of the machine affect all; the
    time is that of the process, so that other processes hardly do. A turn times each way twice, the
    second time in reversed order, so that a machine that gets slower or faster meanwhile favors
    none. Nothing is wrong in the weights, which is what a decoder nearly always finds.

    Args:
        model: the network, which stays as it is.
        inputs: the samples of a pass.
        tensors: names of the tensors that are protected.
        turns: how often each is timed.
        seconds: approximate duration of a timing; passes are repeated for so long.
    """
    hard = HammingInPlace(pattern="|".join(tensors))(model, inputs, progress=False)
    # The code in place changes the tensors, so that a copy is protected.
    decoders = decoders_of(hard, tensors)
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: model(inputs),
        "once": lambda: hard(inputs),
        "stepwise": lambda: stepwise_logits(model, inputs),
        "every": lambda: stepwise_logits(hard, inputs, decoders),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            repeats = {name: _repeats(way, seconds) for name, way in ways.items()}
            for _ in range(turns):
                there = {name: _seconds(ways[name], repeats[name]) for name in ways}
                for name in reversed(ways):
                    back = _seconds(ways[name], repeats[name])
                    spent[name].append((there[name] + back) / 2)
    finally:
        torch.set_num_threads(threads)
    times = {name: tuple(each) for name, each in spent.items()}
    return ScrubbingTimes(len(inputs), **times)


def stepwise_logits(
    model: nn.Module, inputs: Tensor, decoders: Mapping[str, EccScrubber] | None = None
) -> Tensor:
    """The outputs of the network with LSTM layers computed step by step.

    Args:
        model: a network with the modules ``embedding``, ``lstm``, ``last`` and ``fc``.
        inputs: the numbers of words, ``(samples, steps)``.
        decoders: what is decoded before each use: by the ending of an LSTM's tensors (``_l0``,
            ``_l0_reverse``) before each of its steps, and under the name of any other module before
            its pass.
    """
    decoders = {} if decoders is None else decoders
    lstm = model.get_submodule("lstm")
    assert isinstance(lstm, nn.LSTM)
    _decode(decoders, "embedding", model)
    sequence = model.get_submodule("embedding")(inputs)
    for layer in range(lstm.num_layers):
        ways = ("", "_reverse") if lstm.bidirectional else ("",)
        outputs = [_direction(model, lstm, sequence, f"_l{layer}{way}", decoders) for way in ways]
        sequence = torch.cat(outputs, dim=2)
    _decode(decoders, "fc", model)
    states = sequence.new_zeros(0)
    logits: Tensor = model.get_submodule("fc")(
        model.get_submodule("last")((sequence, (states, states)))
    )
    return logits


def _direction(
    model: nn.Module,
    lstm: nn.LSTM,
    sequence: Tensor,
    suffix: str,
    decoders: Mapping[str, EccScrubber],
) -> Tensor:
    """One direction of one layer: its outputs at all steps, ``(samples, steps, hidden)``."""
    weights = [lstm.get_parameter(f"{kind}{suffix}") for kind in ("weight_ih", "weight_hh")]
    biases = [lstm.get_parameter(f"{kind}{suffix}") for kind in ("bias_ih", "bias_hh")]
    hidden = sequence.new_zeros(len(sequence), lstm.hidden_size)
    cell = torch.zeros_like(hidden)
    steps = range(sequence.shape[1])
    found: dict[int, Tensor] = {}
    for step in reversed(steps) if suffix.endswith("_reverse") else steps:
        _decode(decoders, suffix, model)
        hidden, cell = torch.lstm_cell(sequence[:, step], (hidden, cell), *weights, *biases)
        found[step] = hidden
    return torch.stack([found[step] for step in steps], dim=1)


def _decode(decoders: Mapping[str, EccScrubber], use: str, model: nn.Module) -> None:
    if use in decoders:
        decoders[use].scrub(model)


def decoders_of(model: nn.Module, tensors: tuple[str, ...]) -> dict[str, EccScrubber]:
    """A decoder of the protected tensors that are used together, for each use."""
    uses: dict[str, list[str]] = {}
    for tensor in tensors:
        path, _, own = tensor.rpartition(".")
        kind, _, suffix = own.partition("_l")
        uses.setdefault(f"_l{suffix}" if path == "lstm" and kind else path, []).append(tensor)
    found = {}
    for use, names in uses.items():
        hardening = HammingInPlace(pattern="|".join(names))
        found[use] = hardening.ecc(model).scrubber(model)
    return found


def _repeats(way: Callable[[], object], seconds: float) -> int:
    _seconds(way, 1)
    return max(1, round(seconds / max(_seconds(way, 2), 1e-9)))


def _seconds(way: Callable[[], object], repeats: int) -> float:
    began = time.process_time()
    for _ in range(repeats):
        way()
    return (time.process_time() - began) / repeats
