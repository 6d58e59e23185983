"""What is recorded about how a model was hardened?"""

import hashlib
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.datasets.batch import tensors
from radhard.errors import InputError
from radhard.hardenings.coverage import Coverage
from radhard.stats import clopper_pearson, percent

__all__ = [
    "HeldOut",
    "Record",
    "digests",
    "overlap",
    "overlap_note",
    "profile_line",
    "put_records",
    "records",
]

_ATTRIBUTE = "_radhard_records"
_KEPT = 2**14
"""Maximum number of sample digests in a record: the smallest ones, which are a random subset."""
_WIDTH = 16
"""Hexadecimal digits of a digest."""

TOLERATED = 0.05
"""Share of fault-free predictions that a hardening may change without a warning."""


@dataclass(frozen=True)
class HeldOut:
    """Fault-free predictions that change with limits derived from the other samples."""

    samples: int
    changed: int
    """Number of samples with another prediction."""
    moved: int
    """Number of samples whose outputs differ by more than rounding."""

    @property
    def limits(self) -> tuple[float, float]:
        """Exact 95 % confidence limits of the share of predictions that change."""
        return clopper_pearson(self.changed, self.samples)

    @property
    def few(self) -> bool:
        """Whether the share of predictions that change may exceed the tolerated one."""
        # The upper limit decides, so that few samples raise a doubt although none of them changed.
        return self.limits[1] > TOLERATED

    def __str__(self) -> str:
        low, high = self.limits
        return (
            f"in cross-validation on {self.samples:,} fault-free samples, values of {self.moved:,} "
            f"were out of bounds, and the prediction changed for {self.changed:,} "
            f"({percent(self.changed / self.samples)} [{percent(low)}, {percent(high)}])"
        )


@dataclass(frozen=True, repr=False)
class Record:
    """How a model was hardened once: by which hardening, with which coverage, on which data."""

    by: str
    """The hardening, as text."""
    coverage: tuple[Coverage, ...] = ()
    held_out: tuple[HeldOut, ...] = ()
    data: str = ""
    """Name of the data that were profiled, with the number of samples."""
    samples: tuple[str, ...] = ()
    """Digests of the profiled samples, sorted."""
    findings: tuple[str, ...] = ()
    """What the hardening measured on the data, each as a clause."""

    @property
    def doubts(self) -> list[str]:
        """Limits of the hardening: parts left out, and too few samples."""
        partial = [f"{self.by} protects {part}" for part in self.coverage if part.left_out]
        few = [
            f"{self.by} was profiled on too few samples to be sure that it changes at most "
            f"{percent(TOLERATED)} of the answers without a fault: {split}; profile more of the "
            "training data"
            for split in self.held_out
            if split.few
        ]
        return [*partial, *few]

    def lines(self) -> list[str]:
        """The coverage, and the effect without faults, as lines of text."""
        return [
            *(f"{self.by} protects {part}" for part in self.coverage),
            *(f"{self.by}: {split}" for split in self.held_out if not split.few),
            *(f"{self.by}: {text}" for text in self.findings),
            *(text for text in self.doubts if "too few" in text),
        ]

    def __repr__(self) -> str:
        # Without the digests of the samples, of which there may be thousands.
        return f"<Record of {self.by}: {'; '.join(self.lines())}>"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "by": self.by,
            "coverage": [part.to_dict() for part in self.coverage],
            "held_out": [[split.samples, split.changed, split.moved] for split in self.held_out],
            "data": self.data,
            "samples": "".join(self.samples),
            **({"findings": list(self.findings)} if self.findings else {}),
        }

    @classmethod
    def from_dict(cls, values: Any) -> "Record":
        """The record from the result of `to_dict`.

        Raises:
            InputError: the values are not such a result.
        """
        entries = values if isinstance(values, dict) else {}
        by, data, samples = (entries.get(name) for name in ("by", "data", "samples"))
        coverage, held_out = (entries.get(name) for name in ("coverage", "held_out"))
        texts = isinstance(by, str) and isinstance(data, str) and isinstance(samples, str)
        findings = entries.get("findings", [])
        texts = texts and isinstance(findings, list) and all(isinstance(x, str) for x in findings)
        if not texts or not isinstance(coverage, list) or not isinstance(held_out, list):
            raise InputError(
                f"the recipe cannot be read: {values!r:.80} is not the record of a hardening"
            )
        return cls(
            str(by),
            tuple(map(Coverage.from_dict, coverage)),
            tuple(map(_counted, held_out)),
            str(data),
            tuple(textwrap.wrap(str(samples), _WIDTH)),
            tuple(findings),
        )


def _counted(values: Any) -> HeldOut:
    are_counts = isinstance(values, list) and all(type(value) is int for value in values)
    if not are_counts or len(values) != 3 or not 0 <= max(values[1:]) <= values[0]:
        raise InputError(
            f"the recipe cannot be read: {values!r:.80} is not the result of a check on held-out "
            "samples"
        )
    return HeldOut(*values)


def records(model: nn.Module) -> tuple[Record, ...]:
    """What each hardening of a model protects, leaves out and costs, in the order of hardening.

    ``print(records(hard)[0])`` shows the first; empty for a model that was not hardened.
    """
    stored = vars(model).get(_ATTRIBUTE, ())
    return tuple(record for record in stored if isinstance(record, Record))


def put_records(model: nn.Module, records_: Iterable[Record]) -> None:
    """Store records in a model; copies have them too, ``state_dict`` and ``repr`` do not."""
    vars(model)[_ATTRIBUTE] = tuple(records_)


def digests(data: Data) -> tuple[str, ...]:
    """A short digest of the inputs of every sample, sorted."""
    parts = [_rows(tensor) for _, tensor in tensors(data.inputs)]
    # A sample that occurs twice counts once.
    hashes = set()
    for rows in zip(*parts, strict=True):
        # Short, as one is kept for each sample: with 8 bytes, a chance match among millions of
        # samples is unlikely.
        digest = hashlib.blake2b(digest_size=_WIDTH // 2)
        for row in rows:
            digest.update(row.data)
        hashes.add(digest.hexdigest())
    return tuple(sorted(hashes)[:_KEPT])


def overlap(record: Record, data: Data) -> float:
    """The share of some data that was profiled.

    Digests are uniformly distributed. If only the smallest ones of a profile are kept, samples with
    digests up to the largest of these are a random sample of the data, and all that were profiled
    among them are known.
    """
    data_digests = digests(data)
    # A full record may lack digests beyond its largest, and nothing is known of these.
    if len(record.samples) >= _KEPT:
        data_digests = tuple(digest for digest in data_digests if digest <= record.samples[-1])
    profiled = set(record.samples)
    return (
        sum(digest in profiled for digest in data_digests) / len(data_digests)
        if data_digests
        else 0.0
    )


def overlap_note(record: Record, data: Data) -> str:
    """A note if a model is evaluated on data on which it was profiled, otherwise an empty text."""
    share = overlap(record, data) if record.samples else 0.0
    if not share:
        return ""
    return (
        f"{record.by} was profiled on {record.data}, among which are {percent(share)} of the "
        "samples on which the faults were tried: limits lie on the largest values of these very "
        "samples, so that results on other data may differ; profile training data"
    )


def profile_line(record: Record, data: Data) -> str:
    """On which data a hardening was profiled, and how many of the given ones are among them."""
    if not record.samples:
        return f"{record.by} was not profiled on any data."
    share = overlap(record, data)
    own = "no sample of the campaign is"
    if share:
        own = f"{percent(share)} of the samples of the campaign are"
    return f"{record.by} was profiled on {record.data}; {own} among them."


def _rows(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    # Views that are conjugated or negated lazily have other bytes than their values.
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    rows = plain.reshape(len(plain), -1).view(torch.uint8).numpy()
    return np.ascontiguousarray(rows)
