"""What happens to a word in patterns that others measured?"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults.base import FaultModel, Numbers
from radhard.faults.combinations import combination
from radhard.faults.draws import DRAWS, random_words
from radhard.faults.masks import masks
from radhard.formats import CheckWord, Format, ProtectedFormat
from radhard.json_values import parse_json
from radhard.spec import component

__all__ = ["Empirical", "MeasuredClass", "MeasuredPatterns", "measured_patterns"]

_VARIANTS = 10_000
"""So that shares are sampled to a hundredth of a percent."""

_STEP = 6_181
"""Nearly the golden section of the variants, and without a divisor in common with them."""

_INCLUDED = Path(__file__).parent / "measured"

_EFFECTS = ("flip", "zero", "random", "invert", "not finite")
_PLACEMENTS = ("anywhere", "adjacent", "byte")


@dataclass(frozen=True)
class MeasuredClass:
    """A share of the faults, and what they do to a word."""

    share: float
    effect: str
    bits: int = 1
    placement: str = "anywhere"


@dataclass(frozen=True)
class MeasuredPatterns:
    """The content of a file of measured faults."""

    name: str
    source: str
    unit: str
    """``"stored"`` or ``"computed"``: in which words the faults were measured."""
    assumptions: tuple[str, ...]
    """What the file says beyond its source."""
    classes: tuple[MeasuredClass, ...]


@component
class Empirical(FaultModel):
    """Faults with the frequencies that others measured: multi-bit upsets, lost words, NaN.

    ``file``: ``"sram-finfet-nominal"``, ``"sram-finfet-low-voltage"`` or ``"gpu-stuck-at"``, which
    are included, or a path to a JSON file of yours. It has ``name``, ``source``, ``unit``
    (``"stored"`` or ``"computed"`` words), ``assumptions`` (what it says beyond its source) and
    ``classes``, each with a ``share`` and an ``effect``:

    - ``"flip"`` of ``bits`` bits, which lie ``"anywhere"`` in the word, are ``"adjacent"``, or lie
      in an aligned ``"byte"`` (``placement``);
    - ``"zero"``: the word becomes that of 0; ``"random"``: any word; ``"invert"``: all bits flip;
    - ``"not finite"``: the word becomes an infinity or NaN, in equal parts.

    Shares are scaled to a sum of 1. A word has 10,000 variants, which are divided among the classes
    by their shares, so that a fault drawn at random is a draw from the measured ones. Several words
    at once: ``Line(Empirical(...), 8)``. ``sha256`` is that of the file, and is filled in: a run
    is continued only with the same content.

    Raises:
        InputError: a file that cannot be read or was changed, shares that do not sum to 1, or a
            class that the format does not have, such as ``"not finite"`` in integers.

    >>> from radhard.formats import Int
    >>> codes = torch.zeros(10_000, dtype=torch.int64)
    >>> faulty = Empirical("sram-finfet-nominal").corrupt(codes, torch.arange(10_000), Int(8))
    >>> sum(faulty.tolist().count(1 << bit) for bit in range(8)) / 10_000  # 0.94 / 0.99
    0.9495
    """

    file: str
    sha256: str = ""

    def check(self) -> None:
        _, digest = measured_patterns(self.file)
        if self.sha256 and self.sha256 != digest:
            raise InputError(
                f"Empirical: {self.file!r} has another content (SHA-256 {digest[:12]}...) than "
                f"asked for ({self.sha256[:12]}...); give the file as it was, or leave sha256 out"
            )
        object.__setattr__(self, "sha256", digest)

    @property
    def patterns(self) -> MeasuredPatterns:
        """The content of the file."""
        return measured_patterns(self.file)[0]

    @property
    def by_bit(self) -> bool:
        return False

    def variants(self, format: Format) -> int:
        _tables(self, format)  # for its errors
        return _VARIANTS

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        _ = range(_VARIANTS)[variant]
        return tuple(range(format.bits))

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        if variants.numel() and not (variants.min() >= 0 and variants.max() < _VARIANTS):
            raise IndexError(f"variants are 0 to {_VARIANTS - 1}")
        kept, flipped = (table.to(codes.device)[variants] for table in _tables(self, format))
        return (codes & kept) ^ flipped

    def along(self, variants: Numbers, offsets: Numbers, format: Format) -> Numbers:  # noqa: ARG002
        return (variants + _STEP * offsets) % _VARIANTS

    def noun(self) -> tuple[str, str]:
        return "fault", f" as measured ({self.patterns.name})"


def measured_patterns(file: str) -> tuple[MeasuredPatterns, str]:
    """The content of a file of measured faults, and its SHA-256.

    Raises:
        InputError: it cannot be read.
    """
    included = _INCLUDED / f"{file}.json"
    path = included if "/" not in file and included.is_file() else Path(file)
    try:
        # Not a device or a pipe, which a run file of somebody else may name.
        if not path.is_file():
            raise FileNotFoundError(file)
        content = path.read_bytes()
    except OSError:
        names = ", ".join(sorted(repr(one.stem) for one in _INCLUDED.glob("*.json")))
        raise InputError(
            f"Empirical: there is no file {file!r}; give a path, or one of {names}"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    return _parsed(file, content), digest


@lru_cache(maxsize=16)
def _parsed(file: str, content: bytes) -> MeasuredPatterns:
    try:
        plain = parse_json(content)
        classes = tuple(_class(one) for one in plain["classes"])
        found = MeasuredPatterns(
            str(plain["name"]),
            str(plain["source"]),
            str(plain["unit"]),
            tuple(map(str, plain.get("assumptions", []))),
            classes,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"Empirical: {file!r} cannot be read: {what}") from None
    total = sum(one.share for one in classes)
    if not 0.95 <= total <= 1.05:
        raise InputError(f"Empirical: the shares in {file!r} sum to {total:g}; they must sum to 1")
    return found


def _class(plain: Any) -> MeasuredClass:
    found = MeasuredClass(
        float(plain["share"]),
        str(plain["effect"]),
        int(plain.get("bits", 1)),
        str(plain.get("placement", "anywhere")),
    )
    if not 0 < found.share <= 1:
        raise ValueError(f"a share is {found.share}; above 0, and 1 at most")
    if found.effect not in _EFFECTS:
        raise ValueError(f"an effect is {found.effect!r}; one of {', '.join(_EFFECTS)}")
    if found.placement not in _PLACEMENTS:
        raise ValueError(f"a placement is {found.placement!r}; one of {', '.join(_PLACEMENTS)}")
    if found.bits < 1:
        raise ValueError(f"a flip has {found.bits} bits; 1 or more")
    return found


@lru_cache(maxsize=64)
def _tables(fault: Empirical, format: Format) -> tuple[Tensor, Tensor]:
    """For every variant the bits of a word that are kept, and those that are flipped then."""
    classes = fault.patterns.classes
    total = sum(one.share for one in classes)
    ends = np.cumsum([one.share for one in classes]) / total * _VARIANTS
    counts = np.diff(np.round(ends).astype(int), prepend=0).tolist()
    parts = [
        _of_class(one, count, fault, format) for one, count in zip(classes, counts, strict=True)
    ]
    kept, flipped = (torch.cat(tables) for tables in zip(*parts, strict=True))
    return kept, flipped


def _of_class(
    measured: MeasuredClass, count: int, fault: Empirical, format: Format
) -> tuple[Tensor, Tensor]:
    """The tables of the variants of one class."""
    all_bits = _word(range(format.bits))
    none = torch.zeros(count, dtype=torch.int64)
    if measured.effect == "flip":
        choices = _choices(measured, fault, format)
        return torch.full_like(none, -1), choices[_spread(count, len(choices))]
    if measured.effect == "invert":
        return torch.full_like(none, -1), torch.full_like(none, all_bits)
    if measured.effect == "random":
        words = random_words(torch.arange(min(DRAWS, 1 << format.bits)), format.bits)
        return none, words[_spread(count, len(words))]
    if isinstance(format, ProtectedFormat | CheckWord):
        raise InputError(
            f"{fault!r} has words that become {measured.effect}, which {format!r} would have to "
            "encode with check bits; take the inner format, or patterns of flips"
        )
    if measured.effect == "zero":
        zero = (
            int(format.scaled(1.0).encode(torch.zeros(1)))
            if format.has_scale
            else int(format.encode(torch.zeros(1)))
        )
        return none, torch.full_like(none, zero)
    return _not_finite(count, fault, format)


def _choices(measured: MeasuredClass, fault: Empirical, format: Format) -> Tensor:
    """The masks of all choices of bits of a class, or of many that are spread evenly."""
    n, k = format.bits, measured.bits
    if k > n:
        raise InputError(f"{fault!r} flips {k} bits, and {format!r} has {n}; take wider words")
    if measured.placement == "adjacent":
        sets = [tuple(range(at, at + k)) for at in range(n - k + 1)]
    elif measured.placement == "byte":
        bytes_of = [range(at, min(at + 8, n)) for at in range(0, n, 8)]
        sets = [chosen for one in bytes_of for chosen in combinations(one, k)]
        if not sets:
            raise InputError(f"{fault!r} flips {k} bits of a byte, which has 8")
    else:
        some = min(math.comb(n, k), _VARIANTS)
        # Python integers, as the product does not fit into 64 bits for many choices.
        ranks = torch.tensor([rank * math.comb(n, k) // some for rank in range(some)])
        sets = [tuple(chosen) for chosen in combination(ranks, n, k).T.tolist()]
    return masks(sets, torch.arange(len(sets)))


def _not_finite(count: int, fault: Empirical, format: Format) -> tuple[Tensor, Tensor]:
    """The sign is kept; an infinity has no mantissa, NaN the highest bit of it."""
    fields = [format.field(bit) for bit in range(format.bits)]
    exponent = [bit for bit, name in enumerate(fields) if name == "exponent"]
    mantissa = [bit for bit, name in enumerate(fields) if name == "mantissa"]
    infinity, highest = _word(exponent), _word(mantissa[-1:])
    words = torch.tensor([infinity, infinity ^ highest])
    if not (exponent and mantissa) or format.decode(words).double().isfinite().any():
        raise InputError(
            f"{fault!r} has words that become an infinity or NaN, which {format!r} does not have; "
            "take a floating-point format with both"
        )
    kept = _word(bit for bit, name in enumerate(fields) if name == "sign")
    return torch.full((count,), kept), words[torch.arange(count) % 2]


def _spread(count: int, of: int) -> Tensor:
    """``count`` of the numbers below ``of``, or each of them equally often, evenly spread."""
    return torch.arange(count) * of // count if count else torch.zeros(0, dtype=torch.int64)


def _word(bits: Iterable[int]) -> int:
    """The word in which some bits are set, as int64."""
    word: int = sum(1 << bit for bit in bits)
    return word - (1 << 64) if word >> 63 else word
