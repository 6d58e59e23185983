"""How many trials does a margin cost, by sampler, and how long do they take?"""

from radhard.planning.campaign_plan import CampaignPlan, plan
from radhard.planning.duration import duration
from radhard.planning.precision import Precision
from radhard.planning.sampler_plan import SamplerPlan

__all__ = ["CampaignPlan", "Precision", "SamplerPlan", "duration", "plan"]
