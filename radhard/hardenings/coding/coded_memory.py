"""How are the tensors of a model read as one memory of words, and written back?"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.coding.coded_tensor import CodedTensor, native_dtype
from radhard.hardenings.coding.stored_code import StoredCode
from radhard.injection import overwrite
from radhard.internals import joined

__all__ = ["CodedMemory", "whole", "write"]


class CodedMemory:
    """The words of some tensors of a model, one tensor after another.

    Each is completed by words of zeros up to a multiple of ``align`` words. ``starts`` are the
    positions of the first word of each tensor, and that behind the last.
    """

    def __init__(
        self,
        code: StoredCode,
        names: Sequence[str],
        shapes: Sequence[Sequence[int]],
        scales: Sequence[str],
        *,
        align: int,
    ) -> None:
        if not len(names) == len(shapes) == len(scales):
            raise InputError(f"{len(names)} names of tensors, {len(shapes)} shapes")
        self.code, self.align = code, align
        # By module, so that each is looked up once: a pass over a small model takes only some
        # milliseconds.
        split = (name.rpartition(".") for name in names)
        self._leaves = [
            (path.split(".") if path else [], [leaf for _, _, leaf in some])
            for path, some in itertools.groupby(split, key=lambda parts: parts[0])
        ]
        self.settings = {
            "format": repr(code.format),
            "tensors": tuple(names),
            "shapes": tuple(tuple(shape) for shape in shapes),
            "scales": tuple(scales),
        }
        """The arguments of a scrubber from which this memory is made."""
        self.coded = [
            CodedTensor.of(tuple(shape), code, scale)
            for shape, scale in zip(shapes, scales, strict=True)
        ]
        # Rounded up: a block never spans two tensors, so that each can be read and written by
        # itself.
        sizes = (-(-tensor.count // align) * align for tensor in self.coded)
        self.starts = [0, *itertools.accumulate(sizes)]
        # Where nothing has to be filled up, whole tensors can be joined as they are.
        self._full = all(tensor.count % align == 0 for tensor in self.coded)
        self._native = native_dtype(code.format.inner)

    def tensors(self, model: nn.Module) -> list[Tensor]:
        """The parameters and buffers.

        Raises:
            InputError: the model lacks one.
        """
        tensors: list[Tensor] = []
        for path, leaves in self._leaves:
            module: nn.Module | None = model
            for child in path:
                # Not get_submodule: before every pass, its checks would take longer than decoding.
                module = module._modules.get(child) if module is not None else None
            for leaf in leaves:
                tensor: Tensor | None = None
                if module is not None:
                    tensor = module._parameters.get(leaf)
                    tensor = module._buffers.get(leaf) if tensor is None else tensor
                if tensor is None:
                    name = ".".join((*path, leaf))
                    raise InputError(f"{type(model).__name__} has no tensor {name!r} to correct")
                tensors.append(tensor)
        return tensors

    def words(self, tensors: Sequence[Tensor], first: int, last: int) -> Tensor:
        """The words of the tensors from ``first`` to before ``last``, in the dtype of the code.

        Those of several tensors are always a copy.
        """
        own = tensors[first:last] if last - first < len(tensors) else tensors
        # Without a call for each tensor, as this is done before every pass.
        native = self._native is not None and {tensor.dtype for tensor in own} == {self._native}
        if native and self._full:
            return joined(own).view(self.code.dtype)
        words = []
        for tensor, coded in zip(own, self.coded[first:last], strict=True):
            read = coded.words(tensor)
            # Beside codes of a tensor of another dtype, floats must be viewed as integers before
            # they are joined: joining would convert the codes to floats.
            words.append(read if native else read.view(self.code.dtype))
            missing = -coded.count % self.align
            if missing:
                words.append(words[-1].new_zeros(missing))
        return joined(words).view(self.code.dtype)

    def write(
        self, tensors: Sequence[Tensor], positions: Tensor, before: Tensor, after: Tensor
    ) -> None:
        """Write words that changed, int64, given by ascending positions; others stay bit by bit."""
        changed = before != after
        positions, after = positions[changed], after[changed]
        bounds = torch.tensor(self.starts, device=positions.device)
        # Positions are ascending, so those of a tensor are consecutive.
        ends = torch.searchsorted(positions, bounds).tolist()
        for number, coded in enumerate(self.coded):
            own = slice(ends[number], ends[number + 1])
            at = positions[own] - self.starts[number]
            # A decoder may also change a word of the filling, which is stored nowhere.
            inside = at < coded.count
            at, codes = at[inside], after[own][inside]
            if len(at):
                write(tensors[number], at, coded.values(tensors[number], at, codes))


def whole(words: Tensor, bits: int) -> Tensor:
    """Words as int64, extended by zeros."""
    extended = words.to(torch.int64)
    # The conversion extends the sign bit, and 1 << 64 would overflow.
    return extended if bits >= 64 else extended & ((1 << bits) - 1)


def write(stored: Tensor, positions: Tensor, values: Tensor) -> None:
    """Write values at ascending flat positions of a tensor."""
    at = torch.zeros(stored.numel(), dtype=torch.bool, device=stored.device)
    at[positions] = True
    overwrite(stored, at.reshape(stored.shape), values.to(stored.dtype))
