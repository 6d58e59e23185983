"""What if every ReLU has an upper bound?"""

from typing import Literal

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.placing import put_bounds
from radhard.hardenings.draft import Draft
from radhard.spec import component

__all__ = ["BoundedReLU"]


@component
class BoundedReLU(Hardening):
    """Clips every ReLU at a ceiling: ``min(max(x, 0), ceiling)`` (Liew et al., 2016).

    The ceiling is ``share`` times the largest output of the layer, or of the neuron, on the data.
    Unlike in `Ranger`, values above it become the ceiling rather than zero; NaN becomes zero.
    ``kinds`` names additional classes of modules to treat as activation functions.

    Cost: One number per layer or neuron; time as ``Ranger``.
    """

    granularity: Literal["layer", "neuron"] = "layer"
    share: float = 1.0
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"BoundedReLU: share={self.share} is not allowed; give a share of the largest "
                "profiled value, above 0 and up to 1"
            )

    def harden(self, draft: Draft) -> None:
        put_bounds(
            draft,
            spots(draft, self.kinds, of="rectifiers"),
            "ceiling",
            per=self.granularity,
            mode="clamp",
            limits=lambda low, high: (low, self.share * high),
        )
