"""What if stored weights are put right before an inference?"""

from radhard.hardenings.scrubbing.bit_scrubber import BitScrubber
from radhard.hardenings.scrubbing.range_scrubber import RangeScrubber
from radhard.hardenings.scrubbing.weight_bit_clip import WeightBitClip
from radhard.hardenings.scrubbing.weight_range_check import WeightRangeCheck

__all__ = ["BitScrubber", "RangeScrubber", "WeightBitClip", "WeightRangeCheck"]
