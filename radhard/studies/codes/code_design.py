"""Which codes of stored weights are compared, and under how many faults?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from radhard.formats import Format, ProtectedFormat
from radhard.studies.encodings import Encoding, EncodingDesign

__all__ = ["CodeDesign", "plain_format"]

_QUICK = 20
"""A quick study tries so many single faults."""


@final
@dataclass(frozen=True)
class CodeDesign:
    """Codes of stored weights, and the plain words that they protect, compared under faults.

    The increase of the error is absolute, from the fault-free error of the first encoding.
    """

    rates: EncodingDesign
    """The encodings, plain formats included, and the bit error rates."""
    single: int = 500
    """Trials of one fault each, by default."""

    def single_of(self, *, quick: bool) -> int:
        """Trials of one fault each."""
        return min(self.single, _QUICK) if quick else self.single

    @property
    def families(self) -> Mapping[str, tuple[Encoding, ...]]:
        """The encodings of the same words, by the name of the plain ones.

        >>> from radhard.formats import Float32, Parity
        >>> plain = Encoding("float32", Float32(), "field1", "o")
        >>> coded = Encoding("float32, parity", Parity(Float32()), "field1", "s")
        >>> list(CodeDesign(EncodingDesign((1e-6,), encodings=(plain, coded))).families)
        ['float32']
        """
        every = self.rates.encodings
        plain = {repr(e.format): e for e in every if plain_format(e.format) == e.format}
        found: dict[str, tuple[Encoding, ...]] = {e.name: () for e in plain.values()}
        for each in every:
            name = plain[repr(plain_format(each.format))].name
            found[name] = (*found[name], each)
        return found


def plain_format(format: Format) -> Format:
    """The format of the words that a protected format protects; otherwise the format itself."""
    return format.inner if isinstance(format, ProtectedFormat) else format
