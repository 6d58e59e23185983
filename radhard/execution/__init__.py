"""How are the trials of a campaign executed and recorded in its run file?"""

from radhard.execution.campaign_execution import execute_campaign
from radhard.execution.execution import Execution, ExecutionOptions
from radhard.execution.staged_execution import Stages

__all__ = ["Execution", "ExecutionOptions", "Stages", "execute_campaign"]
