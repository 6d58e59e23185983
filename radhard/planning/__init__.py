"""How many trials does a margin cost, by sampler, and how long do they take?"""

from radhard.planning.campaign_plan import CampaignPlan, SamplerPlan, plan
from radhard.planning.duration import duration
from radhard.planning.precision import Precision

__all__ = ["CampaignPlan", "Precision", "SamplerPlan", "duration", "plan"]
