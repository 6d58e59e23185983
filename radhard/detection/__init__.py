"""Do the outputs alone tell that a fault has struck?"""

from radhard.detection.assessing import Detection, Watch, assess
from radhard.detection.calibrating import calibrated, false_alarm_rate, thresholds
from radhard.detection.catching import caught

__all__ = [
    "Detection",
    "Watch",
    "assess",
    "calibrated",
    "caught",
    "false_alarm_rate",
    "thresholds",
]
