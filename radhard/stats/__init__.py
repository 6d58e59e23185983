"""How precise is an estimate, and how many trials does it need?"""

from radhard.stats.allocation import StratumPlan, allocation, floor_and_neyman, floor_size
from radhard.stats.betting import Bets, betting_limits
from radhard.stats.bracketed_root import bracketed_root
from radhard.stats.estimate import NOISE, Estimate, percent
from radhard.stats.estimate_column import EstimateText, common_decimals, estimate_column
from radhard.stats.limits import LimitCheck, check_number, is_within
from radhard.stats.means import Cell, crowding, mean_difference, mean_share, stratified_mean
from radhard.stats.mixing import mixed
from radhard.stats.p_value import p_text, p_value
from radhard.stats.quantiles import quantile_interval
from radhard.stats.rate_text import rate_text
from radhard.stats.sample_size import critical_value, effective_size, sample_size
from radhard.stats.shares import clopper_pearson, rule_of_three, wilson

__all__ = [
    "NOISE",
    "Bets",
    "Cell",
    "Estimate",
    "EstimateText",
    "LimitCheck",
    "StratumPlan",
    "allocation",
    "betting_limits",
    "bracketed_root",
    "check_number",
    "clopper_pearson",
    "common_decimals",
    "critical_value",
    "crowding",
    "effective_size",
    "estimate_column",
    "floor_and_neyman",
    "floor_size",
    "is_within",
    "mean_difference",
    "mean_share",
    "mixed",
    "p_text",
    "p_value",
    "percent",
    "quantile_interval",
    "rate_text",
    "rule_of_three",
    "sample_size",
    "stratified_mean",
    "wilson",
]
