"""Every fault with the same chance."""

from radhard.errors import InputError
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["Uniform"]


@component
class Uniform(Sampler):
    """``n`` distinct faults, every fault with the same chance: ``Uniform(2000)``."""

    n: int

    def check(self) -> None:
        if self.n < 1:
            raise InputError(f"Uniform: n={self.n} is not allowed; at least 1 trial")

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        if self.n > len(space):
            raise InputError(
                f"{self!r} asks for {self.n:,} distinct faults, and there are {len(space):,}; ask "
                "for fewer, or for all: Exhaustive()"
            )
        return Trials([Stratum("the space", 0, 1, len(space), self.n)], seed)
