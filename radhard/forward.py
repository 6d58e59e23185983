"""How is a model asked for its outputs?"""

from typing import Any

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.leaves import leaves

__all__ = ["plain"]


def plain(model: nn.Module, batch: Any) -> Tensor:
    """Call the model with a batch: a tensor as it is, a tuple or list as arguments, a dict by name.

    Raises:
        InputError: the model returns something else than one tensor; a function of model and
            batch has to say which part holds the logits.
    """
    if isinstance(batch, dict):
        outputs = model(**batch)
    elif isinstance(batch, tuple | list):
        outputs = model(*batch)
    else:
        outputs = model(batch)
    if not isinstance(outputs, Tensor):
        parts = ", ".join(".".join(path) for path, _ in leaves(outputs)) or "no tensor"
        raise InputError(
            f"the model returns {type(outputs).__name__} with {parts}; say where the logits are: "
            "call=lambda model, batch: model(batch)[...] "
            "(on the command line: --call file.py:function)"
        )
    return outputs
