"""How is a comparison of codes for stored weights reproduced?"""

from radhard.studies.codes.code_campaigns import measure_codes
from radhard.studies.codes.code_design import CodeDesign
from radhard.studies.codes.code_findings import EQUAL, CodeFindings
from radhard.studies.codes.code_study import CodeStudy
from radhard.studies.codes.dominance import Dominance

__all__ = [
    "EQUAL",
    "CodeDesign",
    "CodeFindings",
    "CodeStudy",
    "Dominance",
    "measure_codes",
]
