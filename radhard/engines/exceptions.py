"""Which exceptions of a faulty pass are the fault's doing?"""

import hashlib
import subprocess
from collections import Counter
from collections.abc import Mapping

import torch

from radhard.errors import InputError
from radhard.space import Numbers

__all__ = ["NOT_BY_FAULTS", "in_words", "of_faults"]

NOT_BY_FAULTS = (
    InputError,
    MemoryError,
    torch.OutOfMemoryError,
    OSError,
    ImportError,
    EOFError,
    subprocess.SubprocessError,
)
"""What no flipped bit raises: files, networks, time-outs, memory, missing packages."""


def of_faults(faults: Numbers) -> str:
    """A text that tells the faults of one trial from those of another."""
    if len(faults) == 1:
        return str(int(faults[0]))
    return hashlib.sha256(faults.tobytes()).hexdigest()[:32]


def in_words(crashes: Mapping[str, str]) -> list[str]:
    """What a reader should know of the trials that ended in an exception, by their faults."""
    if not crashes:
        return []
    kinds = ", ".join(f"{kind} ({n:,})" for kind, n in sorted(Counter(crashes.values()).items()))
    return [
        f"{len(crashes):,} trials ended in an exception and count as DUE: {kinds}. Each came again "
        "when the trial was repeated, and not in a fault-free pass."
    ]
