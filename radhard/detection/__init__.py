"""Do the outputs alone tell that a fault has struck?"""

from radhard.detection.alarm_thresholds import calibrated, false_alarm_rate, thresholds
from radhard.detection.assessment import Detection, Watch, assess
from radhard.detection.detection_rate import caught

__all__ = [
    "Detection",
    "Watch",
    "assess",
    "calibrated",
    "caught",
    "false_alarm_rate",
    "thresholds",
]
