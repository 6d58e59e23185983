"""Is the write-ahead log of a run file intact?"""

import struct
from pathlib import Path

__all__ = ["log_damage", "log_of"]

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682
"""The magic number of a log with little-endian checksums; plus one for big-endian ones."""


def log_of(path: Path) -> Path:
    """The write-ahead log of a run file."""
    return path.with_name(path.name + "-wal")


def log_damage(path: Path) -> str:
    """The damage of the log of a run file that no process is writing, or an empty text.

    SQLite reads a log up to the first frame with a wrong checksum and ignores the rest, so
    committed trials could be missing without any error. They are detected by a later frame that
    marks the end of a commit. Data that a killed process had not committed has no such frame.
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
    # From the first wrong checksum on, the chain of checksums cannot be followed; salts still tell
    # frames of this log from what an older one left behind.
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
