"""How do the decoders of protected words respond to the faults of a trial?"""

import numpy as np
import torch
from torch import Tensor

from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Corrections"]


@component
class Corrections(SampleMetric):
    """Shares of the code words with faults that the decoder corrected, detected, or got wrong.

    Of the words, or blocks of words, of protected formats that contain faults in a trial:

    - ``corrected``: the decoder reports an error, and all values are right.
    - ``miscorrected``: it reports a corrected error, and a value is wrong.
    - ``detected``: it reports an error that it cannot correct.
    - ``silent``: it reports no error, and a value is wrong.

    The rest are faults without effect, such as a bit stuck at the value it has. All shares are 0 in
    trials without faults in protected words. They do not depend on the outputs of the model.
    """

    needs_classes = False

    @property
    def reads_decoding(self) -> bool:
        return True

    @property
    def by_answer(self) -> bool:
        # No output is read at all, so that an engine which computes only answers is enough.
        return True

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column("corrected", "code words corrected", higher_is_better=True),
            Column("miscorrected", "code words corrected wrongly", higher_is_better=False),
            Column("detected", "code words with a detected error", higher_is_better=False),
            Column("silent", "code words with a silent error", higher_is_better=False),
        )

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        # Replaced by `with_decoding`: outputs do not show what a decoder reports.
        shape = faulty.outputs.shape[:2]
        zeros = torch.zeros(shape, dtype=torch.float64, device=faulty.outputs.device)
        return (zeros,) * len(self.columns)

    def with_decoding(self, figures: np.ndarray, decoding: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return decoding
