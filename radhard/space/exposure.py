"""How long is a fault present?"""

from radhard.spec import Component, component
from radhard.targets import Site

__all__ = ["Exposure", "Persistent", "Transient", "exposure_of"]


class Exposure(Component):
    """How long a fault is present, and therefore which samples it affects."""


@component
class Persistent(Exposure):
    """In every inference: the fault affects every sample, at the same place.

    Applies to faults in stored words, which last until the words are written again, and to defects
    of the memory that holds a flowing value (``sample="every"``).
    """


@component
class Transient(Exposure):
    """In one inference of one sample: each sample has its own faults (``sample="one"``).

    A fault in a hidden state is there after one time step, until the next one overwrites it.
    """


def exposure_of(site: Site) -> Exposure:
    """The exposure of the faults in a site.

    >>> weight = Site("fc.weight", (10, 84), "weight", "fc", "Linear", "float32")
    >>> exposure_of(weight)
    Persistent()
    """
    return Persistent() if site.samples is None else Transient()
