"""Is the write-ahead log beside a run file whole?"""

import struct
from pathlib import Path

__all__ = ["log_damage", "log_of"]

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682
"""Of a log with little-endian checksums; one more for big-endian ones (SQLite, fileformat2)."""


def log_of(path: Path) -> Path:
    """The write-ahead log of a run file."""
    return path.with_name(path.name + "-wal")


def log_damage(path: Path) -> str:
    """What is wrong with the log of a run file that nobody is writing, or nothing.

    SQLite reads a log up to the first frame whose checksum is wrong and passes over the rest, so
    that trials that had been committed would be missing without a word. A frame that marks the end
    of a commit behind that place shows it. What a killed process had not committed has no such
    frame.
    """
    try:
        log = log_of(path).read_bytes()
    except FileNotFoundError:
        return ""
    if len(log) <= _HEADER:
        return ""
    magic, _, size, _, *salts, one, two = struct.unpack(">8I", log[:_HEADER])
    order = ">" if magic & 1 else "<"
    checksum = _checksum(order, log[: _HEADER - 8], (0, 0))
    if magic & ~1 != _MAGIC or checksum != (one, two):
        return "the head of its log is not as it was written"
    frame = _FRAME + (size or 1)
    broken = False
    for at in range(_HEADER, len(log) - frame + 1, frame):
        _, commit, *own, one, two = struct.unpack(">6I", log[at : at + _FRAME])
        if not broken:
            checksum = _checksum(order, log[at : at + 8], checksum)
            checksum = _checksum(order, log[at + _FRAME : at + frame], checksum)
            if checksum == (one, two) and own == salts:
                continue
            if checksum == (one, two):
                return "its log is not as it was written"
            broken = True
        if own == salts and commit:
            return "its log is not as it was written, and trials that were committed are missing"
    return ""


def _checksum(order: str, part: bytes, before: tuple[int, int]) -> tuple[int, int]:
    one, two = before
    words = struct.unpack(f"{order}{len(part) // 4}I", part)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two
