"""How is a study of faults in the sets of weights of recurrent networks reproduced?"""

from radhard.studies.weight_groups.code_claims import OURS, code_claims
from radhard.studies.weight_groups.weight_group import WeightGroup, weight_groups
from radhard.studies.weight_groups.weight_group_campaigns import measure_weight_groups
from radhard.studies.weight_groups.weight_group_design import WeightGroupDesign
from radhard.studies.weight_groups.weight_group_findings import WeightGroupFindings, more_lost
from radhard.studies.weight_groups.weight_group_study import WeightGroupStudy

__all__ = [
    "OURS",
    "WeightGroup",
    "WeightGroupDesign",
    "WeightGroupFindings",
    "WeightGroupStudy",
    "code_claims",
    "measure_weight_groups",
    "more_lost",
    "weight_groups",
]
