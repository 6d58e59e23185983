"""Which hardenings does the conformance suite go through? At least one of every component."""

from radhard.hardenings import Hardening, Ranger

EXAMPLES: tuple[Hardening, ...] = (
    Ranger(),
    Ranger(granularity="neuron"),
    Ranger(mode="clamp"),
)
