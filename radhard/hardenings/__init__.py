"""What makes a model resilient?"""

from radhard.hardenings.base import HARDENINGS, Hardening, UnhardenedError, applied
from radhard.hardenings.bounds import (
    ActivationClip,
    Bound,
    BoundedReLU,
    FitAct,
    FTClipAct,
    HyReLU,
    ProAct,
    Ranger,
    bound_overhead,
)
from radhard.hardenings.coverage import Coverage
from radhard.hardenings.hardened_files import load, save
from radhard.hardenings.part import Part, parts
from radhard.hardenings.pruning import Pruned, VulnerabilityPruning
from radhard.hardenings.record import Record, overlap_note, records
from radhard.hardenings.redundancy import ChannelDuplication, Edac, Triplication, Voter
from radhard.hardenings.scrubbing import (
    BitScrubber,
    RangeScrubber,
    WeightBitClip,
    WeightRangeCheck,
)
from radhard.hardenings.sentinel_nn import SentinelNN

__all__ = [
    "HARDENINGS",
    "ActivationClip",
    "BitScrubber",
    "Bound",
    "BoundedReLU",
    "ChannelDuplication",
    "Coverage",
    "Edac",
    "FTClipAct",
    "FitAct",
    "Hardening",
    "HyReLU",
    "Part",
    "ProAct",
    "Pruned",
    "RangeScrubber",
    "Ranger",
    "Record",
    "SentinelNN",
    "Triplication",
    "UnhardenedError",
    "Voter",
    "VulnerabilityPruning",
    "WeightBitClip",
    "WeightRangeCheck",
    "applied",
    "bound_overhead",
    "load",
    "overlap_note",
    "parts",
    "records",
    "save",
]
