"""How is a model loaded from its text?"""

import inspect
from pathlib import Path

from torch import nn

from radhard.errors import InputError
from radhard.factory import bound, factories, made, named
from radhard.models.exported_program import load_exported
from radhard.models.load_weights import load_weights
from radhard.spec import near

__all__ = ["listed", "load"]

_OTHERS = (".onnx", ".ort", ".tflite", ".h5", ".keras", ".pb", ".engine", ".mlmodel", ".ts")
"""File name endings of models for other runtimes."""

OWN = (
    "or your own as 'file.py:factory', 'package.module:factory' or a torch.export file "
    "'path/to/model.pt2'"
)


def load(text: str, *, weights: str | Path | None = None) -> nn.Module:
    """The model that ``text`` names: ``"mlp(hidden=(8,))"``, a factory, or an exported program.

    ``"file.py:factory"`` and ``"package.module:factory(k=1)"`` run the function named, which
    returns an ``nn.Module``; ``"path/to/model.pt2"`` is what ``torch.export.save`` wrote, of which
    nothing is run or unpickled while loading.

    Args:
        weights: a ``.safetensors`` file or a torch checkpoint of tensors; see
            `radhard.models.load_weights.load_weights`.

    Raises:
        InputError: unknown name, wrong arguments, a factory that fails or returns something else,
            a file that is missing, broken or not harmless, or weights that do not fit.

    >>> load("mlp(hidden=(8,))").fc1
    Linear(in_features=784, out_features=8, bias=True)
    """
    model = _model(text.strip())
    if weights is not None:
        load_weights(model, weights)
    return model


def listed() -> list[tuple[str, str]]:
    """Name and one-line description of all included models.

    >>> [name for name, _ in listed()][:3]
    ['alexnet', 'gait_lstm', 'gru_classifier']
    """
    return [
        (name, (inspect.getdoc(f) or "").splitlines()[0])
        for name, f in factories("radhard.models", nn.Module).items()
    ]


def _model(text: str) -> nn.Module:
    if text.endswith(".pt2"):
        return load_exported(text)
    if text.lower().endswith(_OTHERS):
        raise InputError(
            f"{text!r} is no PyTorch model; name a factory that builds the nn.Module and loads its "
            "weights, as file.py:factory, or a file that torch.export.save wrote (.pt2)"
        )
    if text.endswith((".pt", ".pth", ".ckpt", ".bin", ".safetensors")):
        raise InputError(
            f"{text!r} holds weights and no model; name the model and give the file as weights"
        )
    module, name, args, kwargs = named(text)
    if module is not None:
        model = made(text)
        if not isinstance(model, nn.Module):
            raise InputError(
                f"{text!r} returned {type(model).__name__}; it must return a nn.Module"
            )
        return model
    known = factories("radhard.models", nn.Module)
    if name not in known:
        raise InputError(
            f"unknown model {text!r}: {near(name, list(known))}one of {', '.join(known)}, {OWN}"
        )
    function = known[name]
    return function(*args, **bound(function, args, kwargs, None, text))
