"""How long is a fault there?"""

from radhard.spec import Component, component
from radhard.targets import Site

__all__ = ["Exposure", "Persistent", "Transient", "exposure_of"]


class Exposure(Component):
    """How long a fault is there, and so which samples meet it."""


@component
class Persistent(Exposure):
    """In every inference: every sample meets the fault, at the same place.

    So are faults in stored words, which last until they are written again, and defects of the
    memory that holds a flowing value (``sample="every"``).
    """


@component
class Transient(Exposure):
    """In one inference of one sample: the space tells all samples apart (``sample="one"``)."""


def exposure_of(site: Site) -> Exposure:
    """The exposure of faults in a site.

    >>> weight = Site("fc.weight", (10, 84), "weight", "fc", "Linear", "float32")
    >>> exposure_of(weight)
    Persistent()
    """
    return Persistent() if site.samples is None else Transient()
