"""Which figures does the paper on learned criticality report?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

__all__ = ["TRAIOLA", "PaperFigures"]


@final
@dataclass(frozen=True)
class PaperFigures:
    """What a paper reports on one of its networks in one format, for the column beside ours."""

    critical: tuple[float, float]
    """Share of critical bits at the strictest and at the loosest tolerance."""
    words: float
    """Share of the words that are protected."""
    gain: float
    """Share of the check bits of all words that selective protection saves."""
    cells: Mapping[str, tuple[float, float, float, float, float]] = field(default_factory=dict)
    """By forest, at the strictest tolerance: area under the curve, and the cells of the confusion
    matrix as shares of all bits: harmless and predicted so, harmless and not predicted so, critical
    and not predicted so, critical and predicted so."""


TRAIOLA: Mapping[str, tuple[str, Mapping[str, PaperFigures]]] = {
    "lenet5": (
        "LeNet-5",
        {
            "FP32": PaperFigures(
                (0.0177, 0.0155),
                0.09926 / 0.1875,
                0.30396,
                {"forest": (0.9965, 0.9816, 0.0006, 0.0003, 0.0173)},
            ),
            "Fxp32": PaperFigures((0.0079, 0.0), 0.00740 / 0.1875, 0.79384),
            "Fxp16": PaperFigures((0.0029, 0.0), 0.00383 / 0.3125, 0.78773),
            "Fxp8": PaperFigures(
                (0.0030, 0.0),
                0.00583 / 0.5,
                0.73835,
                {
                    "forest": (0.9742, 0.9962, 0.0007, 0.0020, 0.0009),
                    "balanced": (0.9951, 0.9359, 0.0610, 0.0, 0.0030),
                },
            ),
        },
    ),
    "resnet20": (
        "ResNet-18 on CIFAR-10",
        {
            "FP32": PaperFigures(
                (0.0844, 0.0819),
                0.13488 / 0.1875,
                0.11398,
                {"forest": (0.9999, 0.9153, 0.0002, 0.0001, 0.0843)},
            ),
            "Fxp32": PaperFigures((0.0462, 0.0088), 0.01671 / 0.1875, 0.74422),
            "Fxp16": PaperFigures((0.0444, 0.0088), 0.02668 / 0.3125, 0.71462),
            "Fxp8": PaperFigures(
                (0.0422, 0.0038),
                0.02476 / 0.5,
                0.70049,
                {
                    "forest": (0.9965, 0.9540, 0.0037, 0.0048, 0.0373),
                    "balanced": (0.9978, 0.9287, 0.0291, 0.0004, 0.0417),
                },
            ),
        },
    ),
}
"""Tables I to III of Traiola et al., DATE 2023: by our network, theirs, and its figures by format.

The words that are protected follow from their check bits, as shares of those of all words.
"""
