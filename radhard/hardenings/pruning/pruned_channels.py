"""Which channels were removed?"""

from typing import Any

from torch import nn

from radhard.hardenings.part import Part

__all__ = ["Pruned", "take_sizes"]


class Pruned(Part):
    """Records which channels of a model were removed; it does not act.

    ``removed``: for each layer the numbers of the removed channels before pruning.
    """

    place = "nowhere"

    def __init__(self, by: str, *, removed: dict[str, Any]) -> None:
        super().__init__(by)
        self.removed = {layer: tuple(map(int, gone)) for layer, gone in removed.items()}

    @property
    def settings(self) -> dict[str, Any]:
        return {"removed": self.removed}


def take_sizes(module: nn.Module) -> None:
    """Set the size attributes of a layer to the sizes of its tensors.

    >>> layer = nn.Conv2d(8, 8, 3, groups=8)
    >>> layer.weight = nn.Parameter(layer.weight[:6])
    >>> take_sizes(layer)
    >>> layer.in_channels, layer.out_channels, layer.groups
    (6, 6, 6)
    """
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        outputs, width = module.weight.shape[:2]
        # Depthwise convolutions keep one group per channel; other grouped ones are not pruned.
        if module.groups == module.in_channels == module.out_channels and width == 1:
            module.groups = outputs
        # The second axis of the weight counts the inputs of one group.
        module.out_channels, module.in_channels = outputs, width * module.groups
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
        per_channel = module.weight if module.running_mean is None else module.running_mean
        module.num_features = len(per_channel)
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(module.weight)
