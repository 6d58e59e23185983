"""How is a number stored with redundancy, so that errors are detected or corrected?"""

from radhard.formats.protected.check_word import CheckWord
from radhard.formats.protected.protected_format import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Decoding,
    ProtectedFormat,
    StoredBlocks,
)

__all__ = [
    "CLEAN",
    "CORRECTED",
    "DETECTED",
    "CheckWord",
    "Decoding",
    "ProtectedFormat",
    "StoredBlocks",
]
