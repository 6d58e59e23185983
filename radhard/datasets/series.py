"""How are time series of different lengths read from a .ts file?"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["read_series"]


def read_series(path: str | Path) -> tuple[list[Tensor], Tensor]:
    """Series ``(steps, channels)`` in float64, and the number of the class of each.

    Files as the UCR and UEA archives publish them: a header of lines that begin with ``@`` or
    ``#``, then one series a line, its channels separated by colons, its class last. Classes are
    numbered in the order in which the header names them.

    Raises:
        InputError: no such file, or not of this form; the line is named.
    """
    path = Path(path)
    try:
        lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as time series: {error}") from None
    classes = _classes(lines, path)
    series, labels = [], []
    for number, line in lines:
        if line.strip():
            *channels, label = line.split(":")
            if label.strip() not in classes:
                raise InputError(
                    f"{path}, line {number}: class {label.strip()!r:.40} is not in the header"
                )
            series.append(_steps(channels, f"{path}, line {number}"))
            labels.append(classes.index(label.strip()))
            if series[-1].shape[1] != series[0].shape[1]:
                raise InputError(
                    f"{path}, line {number}: {series[-1].shape[1]} channels, "
                    f"where the first series has {series[0].shape[1]}"
                )
    if not series:
        raise InputError(f"{path} has no series after @data")
    return series, torch.tensor(labels)


def _classes(lines: Iterator[tuple[int, str]], path: Path) -> list[str]:
    """The classes in the header; the series remain in ``lines``."""
    classes: list[str] = []
    for _, line in lines:
        key, *words = line.split() or [""]
        if key.lower() == "@classlabel" and words[:1] == ["true"]:
            classes = words[1:]
        if key.lower() == "@data":
            if not classes:
                raise InputError(
                    f"{path} names no classes: a line '@classLabel true A B' is needed"
                )
            return classes
    raise InputError(f"{path} has no line @data, after which the series stand")


def _steps(channels: list[str], where: str) -> Tensor:
    try:
        values = [[float(value) for value in channel.split(",")] for channel in channels]
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None
    lengths = sorted({len(channel) for channel in values})
    if len(lengths) != 1:
        said = " and ".join(map(str, lengths)) or "none"
        raise InputError(f"{where}: its channels have different lengths: {said}")
    return torch.tensor(values, dtype=torch.float64).T
