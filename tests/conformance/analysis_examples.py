"""Which analyses does the conformance suite go through? At least one of every component."""

from radhard.analyses import Analysis, MaxValue

EXAMPLES: tuple[Analysis, ...] = (MaxValue(),)
