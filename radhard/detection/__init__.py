"""Can faults be detected from the outputs alone?"""

from radhard.detection.alarm_thresholds import calibrate, false_alarm_rate, thresholds
from radhard.detection.assessment import Alarm, Detection, assess
from radhard.detection.detection_rate import detection_rate

__all__ = [
    "Alarm",
    "Detection",
    "assess",
    "calibrate",
    "detection_rate",
    "false_alarm_rate",
    "thresholds",
]
