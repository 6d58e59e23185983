"""How is a number stored with redundancy, so that errors are detected or corrected?"""

from radhard.formats.protected.protected import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Decoding,
    Protected,
    StoredBlocks,
)

__all__ = [
    "CLEAN",
    "CORRECTED",
    "DETECTED",
    "Decoding",
    "Protected",
    "StoredBlocks",
]
