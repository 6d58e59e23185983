"""Which exceptions of a faulty pass are the fault's doing?"""

import hashlib
import subprocess
from collections import Counter
from collections.abc import Mapping

import torch

from radhard.errors import InputError
from radhard.notes import Note
from radhard.space import Numbers

__all__ = ["NOT_BY_FAULTS", "exception_notes", "of_faults"]

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


def exception_notes(crashes: Mapping[str, str]) -> list[Note]:
    """A note on the trials that ended in an exception, by their faults; none if there are none."""
    return [Note("exceptions", {"kinds": dict(Counter(crashes.values()))})] if crashes else []
