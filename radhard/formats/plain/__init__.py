"""How is a number stored without redundancy?"""

from radhard.formats.plain.fixed import Fixed
from radhard.formats.plain.ieee import BFloat16, Float16, Float32, Float64
from radhard.formats.plain.integer import Int

__all__ = [
    "BFloat16",
    "Fixed",
    "Float16",
    "Float32",
    "Float64",
    "Int",
]
