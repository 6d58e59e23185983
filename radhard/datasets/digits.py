"""Which handwritten digits of 8x8 pixels are available?"""

import torch

from radhard.datasets.data import Data
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen, part
from radhard.errors import check_installed

__all__ = ["digits"]


def digits(*, split: Split = "test", n: int | None = None) -> Data:
    """Handwritten digits, 8x8 pixels, that come with scikit-learn: 1,442 to train and 355 to test.

    Inputs are float32 ``(n, 1, 8, 8)`` in [0, 1]; the first n samples hold all digits in their
    proportions.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.

    Raises:
        InputError: an argument that is not allowed, or scikit-learn is not installed.

    >>> digits(n=100).inputs.shape
    torch.Size([100, 1, 8, 8])
    """
    check_installed("sklearn", "scikit-learn", "data", what="digits()")
    # Here, as it is part of an extra, and takes long to import.
    from sklearn.datasets import load_digits

    checked(split)
    found = load_digits()
    images = torch.from_numpy(found.images).to(torch.float32).unsqueeze(1) / 16
    labels = torch.from_numpy(found.target).to(torch.int64)
    rows = part(labels, split)
    name = call("digits", split=(split, "test"), n=(n, None))
    return chosen(images[rows], labels[rows], n, name)
