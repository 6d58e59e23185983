"""How is the share of faults that end at the faulty layer measured?"""

from radhard.studies.early_stops.early_stop_findings import EarlyStopFindings, StoppedTrials
from radhard.studies.early_stops.early_stop_study import EarlyStopDesign, EarlyStopStudy

__all__ = ["EarlyStopDesign", "EarlyStopFindings", "EarlyStopStudy", "StoppedTrials"]
