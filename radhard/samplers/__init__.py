"""Which faults are tried?"""

from radhard.samplers.adaptive import Adaptive
from radhard.samplers.base import SAMPLERS, Grouping, Sampler, Stratum, Trials
from radhard.samplers.cumulative import Cumulative
from radhard.samplers.error_rate import ErrorRate
from radhard.samplers.exhaustive import Exhaustive
from radhard.samplers.fault_count import FaultCount
from radhard.samplers.given import Given
from radhard.samplers.guided import Guided
from radhard.samplers.per_bit import PerBit
from radhard.samplers.per_tensor import PerTensor
from radhard.samplers.stage_draw import StageDraw, StageResults
from radhard.samplers.staged_sampler import StagedSampler
from radhard.samplers.staged_trials import Stage, StagedTrials
from radhard.samplers.trial_directions import TrialDirections
from radhard.samplers.uniform import Uniform
from radhard.samplers.until import Until
from radhard.samplers.upset_rate import UpsetRate
from radhard.samplers.words import Words

__all__ = [
    "SAMPLERS",
    "Adaptive",
    "Cumulative",
    "ErrorRate",
    "Exhaustive",
    "FaultCount",
    "Given",
    "Grouping",
    "Guided",
    "PerBit",
    "PerTensor",
    "Sampler",
    "Stage",
    "StageDraw",
    "StageResults",
    "StagedSampler",
    "StagedTrials",
    "Stratum",
    "TrialDirections",
    "Trials",
    "Uniform",
    "Until",
    "UpsetRate",
    "Words",
]
