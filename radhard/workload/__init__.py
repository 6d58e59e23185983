"""Which model is evaluated, on which data, and how?"""

from radhard.workload.device import device_of
from radhard.workload.golden import golden_outputs
from radhard.workload.recorder import Recorder
from radhard.workload.state_between_passes import StateBetweenPasses
from radhard.workload.workload import Workload, fault_free_outputs

__all__ = [
    "Recorder",
    "StateBetweenPasses",
    "Workload",
    "device_of",
    "fault_free_outputs",
    "golden_outputs",
]
