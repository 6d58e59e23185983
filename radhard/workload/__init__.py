"""Which model is evaluated, on which data, and how?"""

from radhard.workload.device import device_of
from radhard.workload.golden import golden_outputs
from radhard.workload.recorder import Recorder
from radhard.workload.state_between_passes import StateBetweenPasses
from radhard.workload.workload import Workload

__all__ = ["Recorder", "StateBetweenPasses", "Workload", "device_of", "golden_outputs"]
