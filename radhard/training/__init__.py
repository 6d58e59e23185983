"""What do faults during training do to the model that is trained?"""

from typing import TYPE_CHECKING, Any

from radhard.training.schedule import SCHEDULES, FixedSteps, RandomSteps, Schedule, StepRate
from radhard.training.training_injection import TrainingInjection, inject
from radhard.training.training_results import TrainingResults
from radhard.training.training_run import Train, TrialFaults, run

if TYPE_CHECKING:
    from radhard.training.lightning_faults import FaultCallback

__all__ = [
    "SCHEDULES",
    "FaultCallback",
    "FixedSteps",
    "RandomSteps",
    "Schedule",
    "StepRate",
    "Train",
    "TrainingInjection",
    "TrainingResults",
    "TrialFaults",
    "inject",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import Lightning, which takes seconds, only for its callback."""
    if name == "FaultCallback":
        from radhard.training.lightning_faults import FaultCallback

        return FaultCallback
    raise AttributeError(f"module 'radhard.training' has no attribute {name!r}")
