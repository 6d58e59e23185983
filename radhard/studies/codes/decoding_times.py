"""How long does it take to decode the weights of a network?"""

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from radhard.formats import Format, ProtectedFormat, StoredBlocks
from radhard.targets import Weights

__all__ = ["decoding_times"]

_TURNS = 11
_SECONDS = 0.02
"""Approximate duration of a turn: long enough to hide the resolution of the clock."""


def decoding_times(
    model: nn.Module, formats: Mapping[str, Format], *, turns: int = _TURNS
) -> dict[str, tuple[float, ...]]:
    """Nanoseconds per weight to decode all weights, fault-free, in each turn; 0 for plain formats.

    What is timed is `ProtectedFormat.recover` on all blocks at once: the words of the inner format
    from the stored ones. The formats take turns, on one thread, so that changes in the speed of the
    machine affect all; the time is that of the process, so that other processes hardly do.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            stored = {name: _stored(model, format) for name, format in formats.items()}
            values = sum(weight.numel() for _, weight in Weights("*").candidates(model))
            repeats = {
                name: max(1, round(_SECONDS / max(_seconds(format, stored[name], 2), 1e-9)))
                for name, format in formats.items()
                if isinstance(format, ProtectedFormat)
            }
            spent: dict[str, list[float]] = {name: [] for name in formats}
            for _ in range(turns):
                for name, format in formats.items():
                    taken = _seconds(format, stored[name], repeats.get(name, 0))
                    spent[name].append(1e9 * taken / values)
    finally:
        torch.set_num_threads(threads)
    return {name: tuple(each) for name, each in spent.items()}


def _stored(model: nn.Module, format: Format) -> StoredBlocks | None:
    """The stored words of all weights, tensor by tensor; None for a plain format."""
    if not isinstance(format, ProtectedFormat):
        return None
    words: list[Tensor] = []
    for _, weight in Weights("*").candidates(model):
        fitted = format.fit(weight)
        assert isinstance(fitted, ProtectedFormat)
        codes = fitted.inner.encode(weight).flatten()
        words.append(nn.functional.pad(codes, (0, -len(codes) % format.block)))
    return format.protect(torch.cat(words).reshape(-1, format.block))


def _seconds(format: Format, stored: StoredBlocks | None, repeats: int) -> float:
    """Time of decoding all blocks once; 0 without a code."""
    if stored is None or not isinstance(format, ProtectedFormat):
        return 0.0
    began = time.process_time()
    for _ in range(repeats):
        format.recover(stored)
    return (time.process_time() - began) / repeats
