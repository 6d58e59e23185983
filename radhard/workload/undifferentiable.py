"""What is said of a model that autograd refuses to differentiate?"""

from collections.abc import Iterator
from contextlib import contextmanager

from radhard.errors import InputError

__all__ = ["undifferentiable"]

_REFUSALS = (
    "modified by an inplace operation",
    "modified inplace",
    "in-place operation",
    "derivative for",
    "requires grad",
    "does not require grad",
)
"""Parts of what autograd says of models, never of the code around them."""


@contextmanager
def undifferentiable() -> Iterator[None]:
    """Within it, a model that autograd refuses is an error of the user.

    Raises:
        InputError: it was refused, with the reason in the words of torch.
    """
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        said = str(error).split("\n")[0]
        if not any(part in said for part in _REFUSALS):
            raise
        reason = said.partition(". Hint:")[0].partition("; expected version")[0].rstrip(".")
        raise InputError(
            f"the model cannot be differentiated ({reason}); let it write to no value that a "
            "gradient needs (y = y + 1 instead of y += 1, tanh instead of tanh_), or choose an "
            "analysis without gradients, such as MaxValue()"
        ) from error
