"""How is a write to the memory of a tensor or an array noticed, and how is it undone?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.internals import version

__all__ = ["ArrayMemory", "TensorMemory", "address"]

_SMALL = 2**20
"""Bytes that are compared after every pass, as they may be written without a trace."""

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class TensorMemory:
    """The memory of one tensor: its bits, its place, its geometry.

    A write is noticed by the version counter, which costs nothing where there was none. Writes
    through ``.data`` or NumPy, and those into inference tensors, do not count there, so that small
    buffers and attributes are compared bit for bit as well; parameters and large tensors only where
    ``thorough``. Without a ``copy`` a write is noticed by the sum of the words and cannot
    be undone.
    """

    def __init__(self, name: str, tensor: Tensor, *, copy: bool) -> None:
        self.name, self.tensor = name, tensor
        self._alias = tensor.detach()
        self._bits = _bits(self._alias)
        # Sparse, quantised and wrapped tensors have no words of their own to look at.
        self._plain = self._bits is not None
        self._place = tensor.data_ptr() if self._plain else 0
        self._layout = _geometry(self._alias) if self._plain else ()
        self._version = version(tensor)
        small = self._bits is not None and self._bits.nbytes <= _SMALL
        self._always = small and not isinstance(tensor, nn.Parameter)
        self._saved: Tensor | None = None
        if copy:
            self._saved = self._alias.clone() if self._bits is None else self._bits.clone()
        # A sum of words instead of a copy: half of the memory of a large model, and a write nearly
        # always changes it.
        self._sum = 0 if copy else self._total()

    def restore(self, *, thorough: bool) -> bool:
        """Put back what was written; whether anything was, be it the very same bits.

        Raises:
            ValueError: it was written, and there is no copy.
        """
        written = version(self.tensor) != self._version
        # An assignment to .data exchanges the memory and leaves the version as it is.
        moved = self._plain and self.tensor.data_ptr() != self._place
        if not (written or moved or thorough or self._always):
            return False
        if self._plain and (moved or _geometry(self.tensor) != self._layout):
            self.tensor.data = self._alias
            written = True
        if self._saved is None:
            if self._total() != self._sum:
                raise ValueError(self.name)
        elif self._bits is None:
            if written:
                with torch.no_grad():
                    self.tensor.copy_(self._saved)
        elif not torch.equal(self._bits, self._saved):
            # Written without a trace once, it may be so again: from now on it is always looked at.
            self._always = self._always or not written
            # Inference tensors may be written in inference mode only, and others may there too.
            with torch.inference_mode():
                self._bits.copy_(self._saved)
            written = True
        self._version = version(self.tensor)
        return written

    def renew(self, since: int) -> None:
        """Take all writes from one on for none, as what they wrote was put back."""
        # Only if nobody else wrote in between.
        if self._version == since:
            self._version = version(self.tensor)

    def _total(self) -> int:
        return 0 if self._bits is None else int(self._bits.sum(dtype=torch.int64))


class ArrayMemory:
    """The memory of one NumPy array."""

    def __init__(self, name: str, array: npt.NDArray[np.generic]) -> None:
        self.name = name
        self._array, self._saved = array, array.copy()
        self._small = array.nbytes <= _SMALL

    def restore(self, *, thorough: bool) -> bool:
        """Put back what was written; whether anything was."""
        if not (self._small or thorough):
            return False
        # As bytes, in which NaN equals itself and 0.0 differs from -0.0.
        if self._array.tobytes() == self._saved.tobytes():
            return False
        self._array[...] = self._saved
        return True


def address(tensor: Tensor) -> int:
    """Equal for tensors that share memory; of sparse and wrapped tensors it names the object."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return id(tensor)


def _geometry(tensor: Tensor) -> tuple[object, ...]:
    # The offset into the storage follows from the place.
    return tensor.shape, tensor.stride(), tensor.dtype


def _bits(tensor: Tensor) -> Tensor | None:
    """The words of a tensor as whole numbers, in the same memory; None where there are none."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        return None
    # Subclasses may keep their values anywhere, and marks of conjugation or negation are not in the
    # bits.
    if type(tensor) not in (Tensor, nn.Parameter) or tensor.is_conj() or tensor.is_neg():
        return None
    if not tensor.numel():
        return None
    for axis, stride in enumerate(tensor.stride()):
        if stride == 0:  # expanded: all words along it are one
            tensor = tensor.narrow(axis, 0, 1)
    if tensor.itemsize not in _INTEGERS:
        tensor = torch.view_as_real(tensor)
    return tensor.view(_INTEGERS[tensor.itemsize])
