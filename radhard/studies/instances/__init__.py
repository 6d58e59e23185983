"""How is the spread over trained instances of a network reproduced?"""

from radhard.studies.instances.instance_findings import InstanceFindings
from radhard.studies.instances.instance_study import InstanceDesign, InstanceStudy
from radhard.studies.instances.instance_training import trained_instance

__all__ = ["InstanceDesign", "InstanceFindings", "InstanceStudy", "trained_instance"]
