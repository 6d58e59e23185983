"""What if channels that matter little are taken away?"""

from radhard.hardenings.pruning.pruned_channels import Pruned
from radhard.hardenings.pruning.vulnerability_pruning import VulnerabilityPruning

__all__ = ["Pruned", "VulnerabilityPruning"]
