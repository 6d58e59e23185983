"""What do faults during training do to the model that is trained?"""

from radhard.training.schedule import SCHEDULES, FixedSteps, RandomSteps, Schedule, StepRate
from radhard.training.training_injection import TrainingInjection, inject
from radhard.training.training_results import TrainingResults
from radhard.training.training_run import Train, TrialFaults, run

__all__ = [
    "SCHEDULES",
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
