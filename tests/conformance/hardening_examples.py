"""Which hardenings does the conformance suite go through? At least one of every component."""

from radhard.hardenings import ChannelDuplication, Hardening, Ranger, Triplication

EXAMPLES: tuple[Hardening, ...] = (
    Ranger(),
    Ranger(granularity="neuron"),
    Ranger(mode="clamp"),
    ChannelDuplication(),
    ChannelDuplication(share=0.0),
    ChannelDuplication(share=0.5, edac="min", compare="magnitude"),
    ChannelDuplication(share=1.0, margin=0.1),
    Triplication(),
    Triplication(share=0.25),
)
