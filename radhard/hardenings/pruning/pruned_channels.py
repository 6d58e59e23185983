"""Which channels were taken away?"""

from typing import Any

from radhard.hardenings.part import Part

__all__ = ["Pruned"]


class Pruned(Part):
    """Says which channels a model had, and has not any more; it does nothing.

    ``removed``: by layer the numbers of its channels, as they were counted before.
    """

    place = "nowhere"

    def __init__(self, by: str, *, removed: dict[str, Any]) -> None:
        super().__init__(by)
        self.removed = {layer: tuple(map(int, gone)) for layer, gone in removed.items()}

    @property
    def settings(self) -> dict[str, Any]:
        return {"removed": self.removed}
