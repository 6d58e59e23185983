"""What is a classifier of time series with a gated recurrent unit?"""

from torch import nn

from radhard.models.series_classifier import series_classifier

__all__ = ["gru_classifier"]


def gru_classifier(
    *, inputs: int = 12, hidden: int = 64, classes: int = 9, pretrained: bool | None = None
) -> nn.Sequential:
    """GRU and a linear layer on its last step; as it stands 15,561 parameters, 96.5 % on vowels.

    (Cho et al., EMNLP 2014), with the reset gate after the product, as `torch.nn.GRU` has it. Takes
    ``(samples, steps, inputs)``, gives logits ``(samples, classes)``. Its modules are ``gru``,
    ``last`` and ``fc``. Trained weights come with the default shape only; the accuracy is that on
    the 370 test samples of `radhard.datasets.vowels`, after training on the other 270.

    Args:
        inputs: channels of the series.
        hidden: units of the GRU.
        classes: outputs.
        pretrained: None takes trained weights where there are any; False takes random ones, the
            same each time.

    Raises:
        InputError: an argument that is not allowed, or trained weights asked for another shape.

    >>> gru_classifier(inputs=6, classes=7).gru
    GRU(6, 64, batch_first=True)
    """
    return series_classifier(
        "gru_classifier",
        nn.GRU,
        inputs=inputs,
        hidden=hidden,
        classes=classes,
        pretrained=pretrained,
    )
