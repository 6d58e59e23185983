"""How are the outcomes of faults in sets of weights compared?"""

from radhard.studies.outcomes.outcome_campaigns import measure_outcomes
from radhard.studies.outcomes.outcome_claims import OutcomeClaims, difference
from radhard.studies.outcomes.outcome_design import OutcomeDesign, Reading, Scenario
from radhard.studies.outcomes.outcome_findings import Arm, OutcomeFindings, Point
from radhard.studies.outcomes.outcome_study import OutcomeStudy

__all__ = [
    "Arm",
    "OutcomeClaims",
    "OutcomeDesign",
    "OutcomeFindings",
    "OutcomeStudy",
    "Point",
    "Reading",
    "Scenario",
    "difference",
    "measure_outcomes",
]
