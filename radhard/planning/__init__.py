"""How many trials does a margin cost, by sampler, and how long do they take?"""

from radhard.planning.campaign_plan import CampaignPlan, SamplerPlan, plan

__all__ = ["CampaignPlan", "SamplerPlan", "plan"]
