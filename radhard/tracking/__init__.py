"""How are campaigns logged to TensorBoard, MLflow and Lightning?"""

from typing import TYPE_CHECKING, Any

from radhard.tracking.mlflow_tracker import MLflow
from radhard.tracking.tensorboard_tracker import TensorBoard
from radhard.tracking.tracked_figures import tracked_figures

if TYPE_CHECKING:
    from radhard.tracking.lightning_callback import CampaignCallback

__all__ = ["CampaignCallback", "MLflow", "TensorBoard", "tracked_figures"]


def __getattr__(name: str) -> Any:
    """Import Lightning, which takes seconds, only for its callback."""
    if name == "CampaignCallback":
        from radhard.tracking.lightning_callback import CampaignCallback

        return CampaignCallback
    raise AttributeError(f"module 'radhard.tracking' has no attribute {name!r}")
