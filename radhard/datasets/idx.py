"""How is an idx file read?"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["read_idx"]

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# Deflate cannot shrink anything further than this (RFC 1951: 258 bytes in two bits).
GZIP_RATIO = 1032

CHUNK = 1 << 20


def read_idx(path: Path) -> Tensor:
    """The array in an idx file, plain or gzipped, in the file's own number type.

    Raises:
        InputError: not an idx file, too short, too long, or a header that promises more than the
            file can hold; nothing is allocated on the word of a header alone.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return _read(file, size, path)
            with gzip.open(file) as unzipped:
                # How much a packed file holds is known only once it is unpacked; how much it can
                # hold at most is known before.
                return _read(unzipped, size * GZIP_RATIO, path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _read(file: BinaryIO | gzip.GzipFile, limit: int, path: Path) -> Tensor:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in DTYPES or start[3] == 0:
        raise InputError(f"{path} is not an idx file: it starts with {start.hex() or 'nothing'}")
    dtype, axes = np.dtype(DTYPES[start[2]]), start[3]
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise InputError(f"{path} ends within its header")
    shape = struct.unpack(f">{axes}I", sizes)
    needed = math.prod(shape) * dtype.itemsize
    # Before anything is allocated: a header of a few bytes can promise any size.
    if needed > limit:
        raise InputError(f"{path} is too small for the shape {shape} that its header promises")
    content = bytearray()
    while len(content) < needed:
        more = file.read(min(CHUNK, needed - len(content)))
        if not more:
            raise InputError(f"{path} ends after {len(content)} of {needed} bytes of {shape}")
        content += more
    if file.read(1):
        raise InputError(f"{path} goes on after the {needed} bytes of {shape}")
    array = np.frombuffer(content, dtype=dtype)
    try:
        array = array.reshape(shape)
    except ValueError as error:  # more axes than an array may have, or sizes beyond any index
        raise InputError(f"{path}: {shape} is no shape of an array ({error})") from None
    # The file has the highest byte first.
    return torch.from_numpy(array.astype(dtype.newbyteorder("=")))
