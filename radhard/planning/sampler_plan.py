"""What does a sampler cost that reaches a margin?"""

from dataclasses import dataclass

from radhard.caps import Stated
from radhard.planning.duration import duration
from radhard.samplers import Adaptive, Sampler

__all__ = ["SamplerPlan"]


@dataclass(frozen=True)
class SamplerPlan:
    """A sampler that reaches the margin, with what it costs."""

    sampler: Sampler
    trials: int | None
    """None if the pilot does not tell."""
    seconds: float
    """Of the whole campaign on this machine, with one process and the engine of the pilot; of caps
    also the time to find them."""
    basis: str
    """Where the number of trials comes from."""

    @property
    def assumes(self) -> bool:
        """Whether the margin holds under an assumption only, which is audited."""
        return isinstance(self.sampler, Adaptive) and isinstance(self.sampler.caps, Stated)

    @property
    def cells(self) -> tuple[str, str, str]:
        """Sampler, trials and time as text."""
        one = self.trials == 1
        trials = "trials unknown" if self.trials is None else f"{self.trials:,} trial{'s'[one:]}"
        condition = ", with an assumption" if self.assumes else ""
        return repr(self.sampler), trials, duration(self.seconds) + condition
