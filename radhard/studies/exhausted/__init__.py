"""How are networks exhausted, and how well do samplers estimate what was found?"""

from radhard.studies.exhausted.exhausted_table import ExhaustedTable
from radhard.studies.exhausted.ground_truth_design import GroundTruthDesign, MarginQuestion
from radhard.studies.exhausted.ground_truth_findings import (
    CapScore,
    EstimatorScore,
    GroundTruthFindings,
    TableFindings,
)
from radhard.studies.exhausted.ground_truth_study import GroundTruthStudy
from radhard.studies.exhausted.simulation import SimulatedCampaign, Simulation

__all__ = [
    "CapScore",
    "EstimatorScore",
    "ExhaustedTable",
    "GroundTruthDesign",
    "GroundTruthFindings",
    "GroundTruthStudy",
    "MarginQuestion",
    "SimulatedCampaign",
    "Simulation",
    "TableFindings",
]
