"""What happens to a stored word: the fault models."""

from radhard.faults.base import FAULTS, FaultModel, faults_in_words
from radhard.faults.burst import Burst
from radhard.faults.empirical import Empirical
from radhard.faults.flip import BitFlip
from radhard.faults.line import Line
from radhard.faults.noise import Noise
from radhard.faults.replace import Replace
from radhard.faults.stuck import StuckAt

__all__ = [
    "FAULTS",
    "BitFlip",
    "Burst",
    "Empirical",
    "FaultModel",
    "Line",
    "Noise",
    "Replace",
    "StuckAt",
    "faults_in_words",
]
