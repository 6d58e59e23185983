"""What happens to a stored word: the fault models."""

from radhard.faults.base import FAULTS, FaultModel, faults_in_words
from radhard.faults.burst import Burst
from radhard.faults.flip import BitFlip
from radhard.faults.stuck import StuckAt

__all__ = [
    "FAULTS",
    "BitFlip",
    "Burst",
    "FaultModel",
    "StuckAt",
    "faults_in_words",
]
