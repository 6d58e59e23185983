"""How is a paper's comparison under bit error rates reproduced?"""

from radhard.studies.error_rates.campaigns import everything_stored, measure_variants
from radhard.studies.error_rates.error_rate_design import ErrorRateDesign, Variant
from radhard.studies.error_rates.error_rate_findings import (
    ErrorRateCampaign,
    ErrorRateFindings,
    MeasuredVariant,
)
from radhard.studies.error_rates.error_rate_study import ErrorRateStudy

__all__ = [
    "ErrorRateCampaign",
    "ErrorRateDesign",
    "ErrorRateFindings",
    "ErrorRateStudy",
    "MeasuredVariant",
    "Variant",
    "everything_stored",
    "measure_variants",
]
