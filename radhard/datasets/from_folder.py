"""How are data loaded from a folder of idx files?"""

import re
from pathlib import Path

import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.idx import read_idx
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked
from radhard.errors import InputError

__all__ = ["FromFolder"]

NAMED = re.compile(r"(train|t10k|test).*(images|labels).*ubyte(\.gz)?", re.IGNORECASE)


# A noun, because that is what it is in an option: --data "FromFolder('...')".
def FromFolder(path: str | Path, *, split: Split = "test", n: int | None = None) -> Data:  # noqa: N802
    """Images and labels from idx files, as MNIST and its relatives are published, plain or .gz.

    The files are known by their names: ``train`` or ``t10k``/``test``, then ``images`` or
    ``labels``, ending in ``ubyte``. Images of one byte a pixel become float32 in [0, 1], other
    numbers float32 or int64 as they are; images without a channel axis get one. Labels are
    optional.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"`` (train, then test).
        n: the first n samples in the order of the file; None takes all.

    Raises:
        InputError: no such folder or files, files that are broken, or an argument not allowed.
    """
    checked(split)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise InputError(f"{path} is not a folder; give the one that holds the idx files")
    halves = ["train", "test"] if split == "all" else [split]
    parts = [_half(folder, half) for half in halves]
    inputs = _together([images for images, _ in parts], folder)
    labels = [label for _, label in parts if label is not None]
    if labels and len(labels) != len(parts):
        raise InputError(f"{folder} has labels for one split and not for the other")
    name = call("FromFolder", str(path), split=(split, "test"), n=(n, None))
    data = Data(inputs, _together(labels, folder) if labels else None, name)
    if n is None:
        return data
    if isinstance(n, bool) or not isinstance(n, int):
        raise InputError(f"n={n!r} is not allowed; n is a whole number or None")
    return data.first(n)


def _half(folder: Path, half: str) -> tuple[Tensor, Tensor | None]:
    images = _file(folder, half, "images")
    if images is None:
        found = sorted(file.name for file in folder.iterdir())
        shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        wanted = "train" if half == "train" else "t10k"
        raise InputError(
            f"{folder} has no {half} images; a file such as {wanted}-images-idx3-ubyte or "
            f"{wanted}-images-idx3-ubyte.gz is looked for, and there is {shown or 'nothing'}"
        )
    labels = _file(folder, half, "labels")
    return _as_inputs(read_idx(images)), None if labels is None else _as_labels(read_idx(labels))


def _file(folder: Path, half: str, kind: str) -> Path | None:
    found = []
    for file in sorted(folder.iterdir()):
        match = NAMED.search(file.name)
        if match and file.is_file() and match.end() == len(file.name):
            belongs = "train" if match[1].lower() == "train" else "test"
            if belongs == half and match[2].lower() == kind:
                found.append(file)
    # The same file may lie there unpacked beside its archive.
    plain = [file for file in found if file.suffix.lower() != ".gz"] or found
    if len(plain) > 1:
        raise InputError(
            f"{folder} has several files of {half} {kind}: {', '.join(f.name for f in plain)}; "
            "keep one of them"
        )
    return plain[0] if plain else None


def _together(parts: list[Tensor], folder: Path) -> Tensor:
    if len({(part.dtype, part.shape[1:]) for part in parts}) > 1:
        shapes = " and ".join(str(tuple(part.shape[1:])) for part in parts)
        raise InputError(f"{folder}: train and test do not go together: {shapes}")
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _as_inputs(array: Tensor) -> Tensor:
    if array.dtype == torch.uint8:
        values = array.to(torch.float32) / 255
    elif array.is_floating_point():
        values = array.to(torch.float32)
    else:
        # Other whole numbers may be indices, such as those of words, and are not scaled.
        values = array.to(torch.int64)
    # Images in one colour are stored without an axis for it.
    return values.unsqueeze(1) if values.ndim == 3 else values


def _as_labels(array: Tensor) -> Tensor:
    return array.to(torch.float32 if array.is_floating_point() else torch.int64)
