"""How does MRFI 2.1.0 inject a weight fault?"""

import copy
from collections.abc import Sequence

from mrfi import MRFI, EasyConfig  # type: ignore[import-not-found]

from benchmarks.peers.task import Fault, Task

__all__ = ["Mrfi"]


class Mrfi:
    """A configured wrapper: before each layer's pass its weights are written anew, with the fault.

    All layers stay enabled and all but one select nothing, because a layer that is disabled keeps
    the fault of the pass before.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        config = EasyConfig(
            {
                "faultinject": [
                    {
                        "type": "weight",
                        "name": ["weight"],
                        "enabled": True,
                        "selector": {"method": "FixPositions", "positions": []},
                        "error_mode": {"method": "FloatFixedBitFlip", "bit": 0},
                        "module_fullname": list(task.layers),
                    }
                ]
            }
        )
        model = copy.deepcopy(task.model).requires_grad_(False)
        self.tool = MRFI(model, config)
        self.configs = {
            layer: self.tool.get_weights_configs(module_fullname=layer)[0] for layer in task.layers
        }

    def run(self, faults: Sequence[Fault]) -> list[int]:
        """Fault by fault, the position and the bit set in the layer's configuration."""
        found = []
        for fault in faults:
            config = self.configs[fault.layer]
            config.selector.args.positions = [fault.word]
            config.error_mode.args.bit = fault.bit
            top = self.tool(self.task.inputs).argmax(1)
            config.selector.args.positions = []
            found.append(int((top != self.task.golden).sum()))
        return found
