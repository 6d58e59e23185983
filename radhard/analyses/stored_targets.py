"""Does an analysis of stored values have only targets that are stored?"""

from collections.abc import Iterable

from radhard.errors import InputError
from radhard.targets import FLOWING, Target

__all__ = ["check_stored_targets"]


def check_stored_targets(targets: Iterable[Target], analysis: str) -> None:
    """Check that no target selects values that are computed in every pass.

    Raises:
        InputError: one does; ``analysis`` is the name in the message.
    """
    for target in targets:
        if target.role in FLOWING:
            raise InputError(
                f"{analysis}: {target!r} selects values that are computed in every pass, and the "
                "analysis is of stored ones; choose Weights, Biases or Buffers"
            )
