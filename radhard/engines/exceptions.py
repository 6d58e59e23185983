"""Which exceptions in a faulty pass are caused by the fault?"""

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
"""Exceptions that a fault does not cause: files, networks, timeouts, memory, missing packages."""


def of_faults(faults: Numbers) -> str:
    """A text that identifies the faults of a trial."""
    # Readable where it can be; a trial at an error rate may have thousands of faults.
    if len(faults) == 1:
        return str(int(faults[0]))
    return hashlib.sha256(faults.tobytes()).hexdigest()[:32]


def exception_notes(crashes: Mapping[str, str]) -> list[Note]:
    """A note on the trials that raised an exception, by their faults; empty if there are none."""
    return [Note("exceptions", {"kinds": dict(Counter(crashes.values()))})] if crashes else []
