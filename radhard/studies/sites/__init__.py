"""How is a comparison of the sites of a network reproduced?"""

from radhard.studies.sites.site_design import SiteDesign, SiteFault, TrainingDesign
from radhard.studies.sites.site_findings import Equal, MeasuredSite, SiteFindings
from radhard.studies.sites.site_study import SiteStudy

__all__ = [
    "Equal",
    "MeasuredSite",
    "SiteDesign",
    "SiteFault",
    "SiteFindings",
    "SiteStudy",
    "TrainingDesign",
]
