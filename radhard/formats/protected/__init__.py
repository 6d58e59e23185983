"""How is a number stored with redundancy, so that errors are detected or corrected?"""

from radhard.formats.protected.cep import Cep
from radhard.formats.protected.check_word import CheckWord
from radhard.formats.protected.hamming import Hamming
from radhard.formats.protected.in_place_hamming import InPlaceHamming
from radhard.formats.protected.mset import Mset
from radhard.formats.protected.oracle import Oracle
from radhard.formats.protected.parity import Parity
from radhard.formats.protected.protected_format import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Decoding,
    ProtectedFormat,
    StoredBlocks,
)
from radhard.formats.protected.replicated import Replicated
from radhard.formats.protected.sec_ded import SecDed
from radhard.formats.protected.zero_space import ZeroSpace

__all__ = [
    "CLEAN",
    "CORRECTED",
    "DETECTED",
    "Cep",
    "CheckWord",
    "Decoding",
    "Hamming",
    "InPlaceHamming",
    "Mset",
    "Oracle",
    "Parity",
    "ProtectedFormat",
    "Replicated",
    "SecDed",
    "StoredBlocks",
    "ZeroSpace",
]
