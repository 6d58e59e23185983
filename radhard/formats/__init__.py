"""How is a number stored as a word of bits, and how is a model rounded to a format?"""

from radhard.formats.base import FORMATS, Format
from radhard.formats.by_pattern import format_for, formats_of
from radhard.formats.plain.fixed import Fixed
from radhard.formats.plain.float8 import E8M0, Float8E4M3, Float8E5M2
from radhard.formats.plain.group_int import GroupInt
from radhard.formats.plain.ieee import BFloat16, Float16, Float32, Float64
from radhard.formats.plain.integer import Int
from radhard.formats.plain.microscaling import MXFP4, MXFP6, MXFP8, MXINT8
from radhard.formats.plain.mini_float import MiniFloat
from radhard.formats.plain.posit import Posit
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
from radhard.formats.stored_as import check_holds_values, is_stored_as, stored_as

__all__ = [
    "CLEAN",
    "CORRECTED",
    "DETECTED",
    "E8M0",
    "FORMATS",
    "MXFP4",
    "MXFP6",
    "MXFP8",
    "MXINT8",
    "BFloat16",
    "Cep",
    "CheckWord",
    "Decoding",
    "Fixed",
    "Float8E4M3",
    "Float8E5M2",
    "Float16",
    "Float32",
    "Float64",
    "Format",
    "GroupInt",
    "Hamming",
    "InPlaceHamming",
    "Int",
    "MiniFloat",
    "Mset",
    "Oracle",
    "Parity",
    "Posit",
    "ProtectedFormat",
    "Replicated",
    "SecDed",
    "StoredBlocks",
    "ZeroSpace",
    "check_holds_values",
    "format_for",
    "formats_of",
    "is_stored_as",
    "stored_as",
]
