"""Which instances of every component go through the contract of their family?"""

import torch

from radhard.faults import BitFlip, Burst, FaultModel, StuckAt
from radhard.formats import (
    E8M0,
    BFloat16,
    Cep,
    Fixed,
    Float8E4M3,
    Float8E5M2,
    Float16,
    Float32,
    Float64,
    Format,
    Hamming,
    InPlaceHamming,
    Int,
    MiniFloat,
    Mset,
    Oracle,
    Parity,
    Posit,
    ProtectedFormat,
    Replicated,
    SecDed,
    ZeroSpace,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
"""What a contract that holds on every device can be tried on here."""

FORMATS: list[Format] = [
    Float64(),
    Float32(),
    Float16(),
    BFloat16(),
    Int(2),
    Int(8),
    Int(8, per="channel"),
    Int(16),
    Int(32, per="channel"),
    Int(8, code="sign_magnitude"),
    Int(4, per="channel", code="sign_magnitude"),
    Fixed(15, 16),
    Fixed(0, 15),
    Fixed(1, 15),
    Fixed(3, 0),
    Fixed(1, 15, code="sign_magnitude"),
    Fixed(0, 31, code="sign_magnitude"),
    Float8E4M3(),
    Float8E5M2(),
    E8M0(),
    MiniFloat(2, 1),
    MiniFloat(3, 2),
    MiniFloat(8, 1),
    MiniFloat(5, 10, ieee=True),
    Posit(8),
    Posit(16),
    Posit(32),
    Posit(5, es=0),
]

PROTECTED: list[ProtectedFormat] = [
    Parity(Float32()),
    Parity(Int(8), on_error="keep"),
    Hamming(Float32()),
    Hamming(Int(8, per="channel")),
    SecDed(Float32()),
    SecDed(Float64()),
    SecDed(Int(8), block=8),
    SecDed(Fixed(3, 4), block=3),
    Replicated(Int(8)),
    Replicated(Float32()),
    Replicated(Fixed(3, 4), copies=5),
    Oracle(Int(8)),
    Oracle(Float32(), "exponent"),
    InPlaceHamming(Float32()),
    InPlaceHamming(Float32(), extended=True, sign=True),
    InPlaceHamming(Float16()),
    InPlaceHamming(BFloat16(), sign=True),
    Mset(Float32()),
    Mset(Float16()),
    Cep(Float32()),
    Cep(Float16(), "D15P1"),
    ZeroSpace(),
    ZeroSpace(Int(8, per="channel")),
]

# Each one suits a word of two bits, of which the upper is called the sign.
FAULTS: list[FaultModel] = [
    BitFlip(),
    BitFlip(1),
    BitFlip(bits=(1, 0)),
    BitFlip(field="sign"),
    BitFlip(count=2),
    StuckAt(0),
    StuckAt(1),
    StuckAt(1, bits=(1, 0)),
    StuckAt(0, field=("sign",)),
    Burst(1),
    Burst(2),
]
