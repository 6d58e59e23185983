"""How long does a campaign take to prepare, and each of its trials?"""

from collections.abc import Callable
from dataclasses import dataclass

from radhard.results import Results
from radhard.samplers import Sampler, Uniform

__all__ = ["CampaignSpeed", "campaign_speed"]

_SIZES = (100, 400, 1600, 6400)
"""Numbers of trials that are timed: more of them until the additional ones take
`_LEAST_SECONDS`."""

_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class CampaignSpeed:
    """Seconds of the set-up of a campaign, and of each of its trials."""

    setup: float
    per_trial: float

    def seconds(self, trials: int) -> float:
        """Of a campaign of so many trials."""
        return self.setup + self.per_trial * trials


def campaign_speed(
    timed: Callable[[Sampler], tuple[Results, float]],
    faults: int,
    engine: Callable[[Results], str],
) -> CampaignSpeed:
    """The speed of campaigns of a space, from some of growing size.

    Args:
        timed: runs a campaign and measures how long it takes. The first campaign of a process also
            loads and compiles what the others use, and must have been run before.
        faults: the number of all faults.
        engine: of results, the engine that executed most of them. A large campaign may have
            another one than a small one; only campaigns with the same engine are compared.
    """
    first, before = timed(Uniform(min(_SIZES[0], faults)))
    found, after = first, before
    for size in _SIZES[1:]:
        found, after = timed(Uniform(min(size, faults)))
        if engine(found) != engine(first):
            # What the small campaign took says nothing of this engine.
            first, before = found, after
            if size < faults:
                continue
        if after - before >= _LEAST_SECONDS or size >= faults:
            break
    # The difference of two campaigns has no set-up in it.
    more = len(found) - len(first)
    # With so few faults, or where noise is larger than what trials take, set-up counts as theirs.
    per_trial = (after - before) / more if more and after > before else after / len(found)
    return CampaignSpeed(max(before - per_trial * len(first), 0.0), per_trial)
