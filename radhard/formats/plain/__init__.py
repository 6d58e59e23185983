"""How is a number stored without redundancy?"""

from radhard.formats.plain.fixed import Fixed
from radhard.formats.plain.float8 import E8M0, Float8E4M3, Float8E5M2
from radhard.formats.plain.group_int import GroupInt
from radhard.formats.plain.ieee import BFloat16, Float16, Float32, Float64
from radhard.formats.plain.integer import Int
from radhard.formats.plain.microscaling import MXFP4, MXFP6, MXFP8, MXINT8
from radhard.formats.plain.mini_float import MiniFloat
from radhard.formats.plain.posit import Posit

__all__ = [
    "E8M0",
    "MXFP4",
    "MXFP6",
    "MXFP8",
    "MXINT8",
    "BFloat16",
    "Fixed",
    "Float8E4M3",
    "Float8E5M2",
    "Float16",
    "Float32",
    "Float64",
    "GroupInt",
    "Int",
    "MiniFloat",
    "Posit",
]
