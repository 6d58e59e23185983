"""How long is a fault present?"""

from abc import abstractmethod

import numpy as np

from radhard.errors import InputError
from radhard.spec import Component, Family, component
from radhard.stats import mixed
from radhard.targets import Site

__all__ = ["EXPOSURES", "Exposure", "Intermittent", "Persistent", "Transient", "exposure_of"]


class Exposure(Component):
    """How long a fault is present, and therefore which samples it affects."""

    @property
    @abstractmethod
    def always_present(self) -> bool:
        """Whether a fault is present in every inference in which its word is used."""


@component
class Persistent(Exposure):
    """In every inference: the fault affects every sample, at the same place.

    Applies to faults in stored words, which last until the words are written again, and to defects
    of the memory that holds a flowing value (``sample="every"``).
    """

    @property
    def always_present(self) -> bool:
        return True


@component
class Transient(Exposure):
    """In one inference of one sample: each sample has its own faults (``sample="one"``).

    A fault in a hidden state is there after one time step, until the next one overwrites it.
    """

    @property
    def always_present(self) -> bool:
        return True


@component
class Intermittent(Exposure):
    """In a random ``share`` of the inferences, in which the fault affects its word as usual.

    For marginal cells and loose contacts: in each inference, that is for each sample, the fault is
    present with this probability, independently, and at the same place. Whether it is depends only
    on the number of the fault and the sample, so that a fault is still a number: every engine,
    every run and a hardened model see it in the same inferences.

    Raises:
        InputError: a share that is not above 0 and at most 1.
    """

    share: float

    @property
    def always_present(self) -> bool:
        return False

    def check(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"{self!r}: share={self.share} is not allowed; above 0, and 1 at most")

    def present(self, faults: np.ndarray, samples: int) -> np.ndarray:
        """Whether each fault is present in each of the first samples, ``(faults, samples)``.

        >>> Intermittent(0.5).present(np.array([0, 1]), 6).astype(int)
        array([[1, 1, 0, 1, 1, 0],
               [1, 0, 1, 1, 1, 0]])
        """
        # Counted from 1, because `mixed` maps 0 to 0.
        numbers, inferences = (
            np.asarray(x).astype(np.uint64) + np.uint64(1) for x in (faults, np.arange(samples))
        )
        # The samples have another step: with the same one, a fault and a sample of equal numbers
        # would cancel in the XOR.
        drawn = mixed(mixed(numbers * _STEP)[:, None] ^ mixed(inferences * ~_STEP)[None, :])
        # The upper 53 bits, as a float64 holds no more.
        found: np.ndarray = (drawn >> np.uint64(11)).astype(np.float64) < self.share * 2.0**53
        return found


_STEP = np.uint64(0x9E3779B97F4A7C15)
"""So that small numbers differ in all bits."""

EXPOSURES: Family[Exposure] = Family(Exposure)
"""How long faults may be present, and how an exposure is read from text."""


def exposure_of(site: Site, asked: Exposure | None = None) -> Exposure:
    """The exposure of the faults in a site; that of its tensor, or another one if possible.

    Raises:
        InputError: an exposure that faults in this site cannot have.

    >>> weight = Site("fc.weight", (10, 84), "weight", "fc", "Linear", "float32")
    >>> exposure_of(weight)
    Persistent()
    """
    usual = Persistent() if site.samples is None else Transient()
    if asked is None or asked == usual:
        return usual
    if not isinstance(asked, Intermittent):
        raise InputError(
            f"faults in {site.name!r} are {usual!r}, not {asked!r}; leave exposure out, and for "
            "values computed in every inference choose sample='one' or 'every' of the target"
        )
    if site.samples is not None:
        raise InputError(
            f"{asked!r}: a fault in {site.name!r} is present in one inference of one sample; take "
            "the target with sample='every', or a target of stored tensors"
        )
    return asked
