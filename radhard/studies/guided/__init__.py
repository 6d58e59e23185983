"""How is a study of selective protection run and presented?"""

from radhard.studies.guided.guided_ecc_design import GuidedEccDesign
from radhard.studies.guided.guided_ecc_findings import (
    GuidedEccFindings,
    Left,
    MeasuredFormat,
    Prediction,
    WordChoice,
    counted,
    difference,
)
from radhard.studies.guided.guided_ecc_study import GuidedEccStudy
from radhard.studies.guided.paper_figures import TRAIOLA, PaperFigures

__all__ = [
    "TRAIOLA",
    "GuidedEccDesign",
    "GuidedEccFindings",
    "GuidedEccStudy",
    "Left",
    "MeasuredFormat",
    "PaperFigures",
    "Prediction",
    "WordChoice",
    "counted",
    "difference",
]
