"""Is an argument a fault space?"""

from radhard.errors import InputError
from radhard.space.space import FaultSpace

__all__ = ["check_space"]


def check_space(space: object) -> None:
    """Check the argument of a verb.

    Raises:
        InputError: it is no `FaultSpace`.
    """
    if not isinstance(space, FaultSpace):
        kind, example = type(space).__name__, "Weights('*')"
        raise InputError(
            f"the space is {kind}; give FaultSpace.of(model, {example!r}, 'BitFlip()', 'Float32()')"
        )
