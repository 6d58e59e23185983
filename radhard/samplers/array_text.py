"""How is an array of whole numbers written as text in a run file?"""

import base64
import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["numbers_of", "text_of"]


def text_of(numbers: npt.NDArray[np.integer]) -> str:
    """The numbers as compressed little-endian bytes, in base64.

    >>> numbers_of(text_of(np.array([3, 1, 2])), np.int64, 3)
    array([3, 1, 2])
    """
    data = numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(data, 1)).decode("ascii")


def numbers_of(text: str, dtype: type[np.integer], size: int) -> npt.NDArray[np.int64]:
    """The ``size`` numbers that `text_of` wrote.

    No more bytes are decompressed than these need, as a file may come from anywhere.

    Raises:
        ValueError, TypeError: the text is not that of so many numbers.
    """
    packed, kind = base64.b64decode(text, validate=True), np.dtype(dtype).newbyteorder("<")
    most = size * kind.itemsize
    try:
        found = zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(f"numbers that cannot be unpacked: {error}") from error
    if len(found) != most:
        raise ValueError(f"{len(found)} bytes of numbers instead of {most}")
    return np.frombuffer(found, kind).astype(np.int64)
