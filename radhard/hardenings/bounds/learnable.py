"""How are trainable bounds put into a model?"""

from collections.abc import Sequence

from torch import Tensor

from radhard.errors import InputError
from radhard.hardenings.bounds.hyrelu import HyReLU
from radhard.hardenings.bounds.placing import attached
from radhard.hardenings.bounds.roundoff import widened
from radhard.hardenings.draft import Draft
from radhard.hardenings.spot import Spot

__all__ = ["check_schedule", "put"]


def put(draft: Draft, spot: Spot, most: Tensor, *, slope: float, hard: bool) -> HyReLU:
    """Put a bound at a place, slightly above ``most``, the largest value there."""
    part = HyReLU(draft.by, shape=tuple(most.shape), slope=slope, hard=hard, place=spot.place).to(
        most
    )
    # If a rectifier follows, all of its inputs may be negative.
    part.high.copy_(widened(most).clamp_min(0.0))
    return attached(draft, spot, "hyrelu", part)


def check_schedule(
    by: str,
    *,
    epochs: Sequence[int],
    batch: int,
    learning_rate: float,
    slope: float,
    max_drop: float,
    held_out: float,
) -> None:
    """Raise `InputError` if bounds cannot be trained with these settings."""
    if min(epochs) < 0 or batch < 1:
        raise InputError(
            f"{by}: epochs={epochs} and batch={batch} are not allowed; give epochs from 0 and a "
            "batch of at least 1"
        )
    if learning_rate <= 0 or slope <= 0:
        raise InputError(
            f"{by}: learning_rate={learning_rate} and slope={slope} are not allowed; both must be "
            "above 0"
        )
    if not 0 <= max_drop <= 1 or not 0 < held_out < 1:
        raise InputError(
            f"{by}: max_drop={max_drop} and held_out={held_out} are not allowed; give shares, "
            "max_drop from 0 to 1 and held_out between 0 and 1"
        )
