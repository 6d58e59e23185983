"""How is a power of two computed exactly?"""

import torch
from torch import Tensor

__all__ = ["power_of_two"]


def power_of_two(exponents: Tensor) -> Tensor:
    """``2**exponents`` as float64, for integers from -1022 to 1023.

    From its bits, because `torch.pow` may be off by a last place, and `torch.ldexp` computes powers
    of integers in float32.

    >>> power_of_two(torch.tensor([-1, 0, 10]))
    tensor([5.0000e-01, 1.0000e+00, 1.0240e+03], dtype=torch.float64)
    """
    return ((exponents.to(torch.int64) + 1023) << 52).view(torch.float64)
