"""How is a study of upsets in the activations and weights of a network reproduced?"""

from radhard.studies.upsets.activation_errors import ActivationErrors, activation_errors
from radhard.studies.upsets.upset_design import UpsetDesign
from radhard.studies.upsets.upset_findings import Equal, UpsetFindings
from radhard.studies.upsets.upset_study import UpsetStudy

__all__ = [
    "ActivationErrors",
    "Equal",
    "UpsetDesign",
    "UpsetFindings",
    "UpsetStudy",
    "activation_errors",
]
