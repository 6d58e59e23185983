"""What are the samples of a campaign?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from radhard.datasets.batch import Batch, mapped, samples, tensors, to_device
from radhard.datasets.collect import collected
from radhard.errors import InputError

__all__ = ["Batch", "Data"]


# Compared by identity, because comparing tensors gives tensors; `fingerprint` tells sameness.
@dataclass(frozen=True, eq=False)
class Data:
    """Samples in memory: inputs with the sample axis first, labels (or None), and a name.

    Raises:
        InputError: no samples, tensors that disagree on how many, or labels of another length.

    >>> data = Data(torch.zeros(5, 3), torch.arange(5))
    >>> len(data), data.rows(slice(0, 2)).shape, [rows for rows, _ in data.batches(3)]
    (5, torch.Size([2, 3]), [slice(0, 3, None), slice(3, 5, None)])
    """

    inputs: Batch
    labels: Tensor | None = None
    name: str = "data"

    def __post_init__(self) -> None:
        n = samples(self.inputs)
        if n == 0:
            raise InputError(f"{self.name}: no samples; at least one is needed")
        if self.labels is None:
            return
        if not isinstance(self.labels, Tensor):
            raise InputError(
                f"{self.name}: labels are {type(self.labels).__name__}; give a tensor or None"
            )
        if self.labels.ndim == 0 or len(self.labels) != n:
            count = len(self.labels) if self.labels.ndim else "no axis of"
            raise InputError(f"{self.name}: {count} labels for {n} samples; give one for each")

    def __len__(self) -> int:
        return samples(self.inputs)

    def __repr__(self) -> str:
        labels = "without labels" if self.labels is None else "with labels"
        return f"<Data {self.name}: {len(self)} samples {labels}>"

    def rows(self, index: slice | Tensor) -> Batch:
        """The inputs of some samples, in the containers of ``inputs``; a slice copies nothing."""
        return mapped(self.inputs, lambda tensor: tensor[index])

    def batches(self, size: int) -> Iterator[tuple[slice, Batch]]:
        """All samples in order, in batches of up to ``size``, each with its slice."""
        if size < 1:
            raise InputError(f"a batch of {size} samples is not possible; give at least 1")
        n = len(self)
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            yield rows, self.rows(rows)

    def first(self, n: int) -> Self:
        """The first ``n`` samples."""
        if not 1 <= n <= len(self):
            raise InputError(f"{self.name}: n={n} is not allowed; it has 1 to {len(self)} samples")
        labels = None if self.labels is None else self.labels[:n]
        return replace(self, inputs=self.rows(slice(0, n)), labels=labels)

    def to(self, device: torch.device | str) -> Self:
        """The same samples on ``device``."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, inputs=to_device(self.inputs, device), labels=labels)

    def differentiable(self) -> Self:
        """The same samples, in copies where tensors were made in inference mode."""
        # Inference tensors cannot take part in autograd, not even as constants that are saved.
        with torch.inference_mode(False):
            labels = None if self.labels is None else _outside(self.labels)
            return replace(self, inputs=mapped(self.inputs, _outside), labels=labels)

    def fingerprint(self) -> str:
        """SHA-256 of structure, types, shapes and bytes of inputs and labels; not of the name.

        >>> Data(torch.zeros(2), name="a").fingerprint() == Data(torch.zeros(2)).fingerprint()
        True
        """
        digest = hashlib.sha256(_structure(self.inputs).encode())
        leaves = [tensor for _, tensor in tensors(self.inputs)]
        for tensor in leaves if self.labels is None else [*leaves, self.labels]:
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(_bytes(tensor))
        return digest.hexdigest()

    @classmethod
    def of(cls, source: Any, *, name: str = "data") -> "Data":
        """Data from any supported source: Data, tensors, a Dataset or a DataLoader.

        A pair is ``(inputs, labels)``; a torch ``Dataset`` or ``DataLoader`` yields such pairs, or
        inputs alone, and is read once into memory, in the order in which it comes; a loader that
        shuffles in the order of its dataset. NumPy arrays are taken as tensors.

        Raises:
            InputError: nothing of the kind, or see `Data`.
        """
        if isinstance(source, Data):
            return source
        inputs, labels = collected(source)
        return cls(inputs, labels, name)


def _structure(batch: Batch) -> str:
    if isinstance(batch, dict):
        # In the order of the dictionary, in which its tensors are hashed too.
        parts = ",".join(f"{key!r}:{_structure(part)}" for key, part in batch.items())
        return f"dict({parts})"
    if isinstance(batch, tuple | list):
        return f"{type(batch).__name__}({','.join(_structure(part) for part in batch)})"
    return "tensor"


def _bytes(tensor: Tensor) -> memoryview:
    # Conjugation and negation may be marks on a view, whose memory holds other bytes than its
    # values.
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().data


def _outside(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor
