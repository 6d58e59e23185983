"""What is a multilayer perceptron?"""

from collections import OrderedDict
from functools import partial
from itertools import pairwise

from torch import nn

from radhard.errors import InputError
from radhard.models.shipped import seeded, trained
from radhard.spec import near

__all__ = ["mlp"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def mlp(
    *,
    hidden: tuple[int, ...] = (64, 32),
    inputs: int = 784,
    classes: int = 10,
    activation: str = "relu",
    pretrained: bool | None = None,
) -> nn.Sequential:
    """Multilayer perceptron; as it stands for 28x28 images, 52,650 parameters, 96.6 % on MNIST.

    Takes ``(samples, ...)`` with ``inputs`` values a sample, gives logits ``(samples, classes)``.
    Its modules are ``flatten``, then ``fc1``, ``relu1``, ``fc2`` and so on. Weights trained on
    MNIST (4,000 digits; the accuracy is that on the 1,000 test digits) come with the default shape
    only.

    Args:
        hidden: neurons of every hidden layer; ``()`` is a linear classifier.
        inputs: values a sample.
        classes: outputs.
        activation: ``"relu"``, ``"tanh"``, ``"sigmoid"`` or ``"gelu"``.
        pretrained: None takes trained weights where there are any; False takes random ones, the
            same each time.

    Raises:
        InputError: an argument that is not allowed, or trained weights asked for another shape.

    >>> [name for name, _ in mlp(hidden=(8,), activation="tanh").named_children()]
    ['flatten', 'fc1', 'tanh1', 'fc2']
    """
    if activation not in ACTIVATIONS:
        raise InputError(
            f"activation={activation!r} is not allowed; {near(str(activation), list(ACTIVATIONS))}"
            f"one of {', '.join(ACTIVATIONS)}"
        )
    if not isinstance(hidden, tuple | list):
        raise InputError(
            f"hidden={hidden!r} is not allowed; give several sizes, as (64, 32) or (8,)"
        )
    for size in (inputs, *hidden, classes):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(
                f"a layer of {size!r} neurons is not allowed; give a whole number from 1"
            )
    build = partial(_build, (inputs, *hidden, classes), activation)
    default = (inputs, *hidden, classes, activation) == (784, 64, 32, 10, "relu")
    if pretrained and not default:
        raise InputError("trained weights come with the default shape only; leave pretrained out")
    return trained(build, "mlp") if default and pretrained is not False else seeded(build)


def _build(sizes: tuple[int, ...], activation: str) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, (before, after) in enumerate(pairwise(sizes), start=1):
        layers[f"fc{number}"] = nn.Linear(before, after)
        if number < len(sizes) - 1:
            layers[f"{activation}{number}"] = ACTIVATIONS[activation]()
    return nn.Sequential(layers)
