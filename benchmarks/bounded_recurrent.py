"""How much slower is a recurrent layer whose gates are bounded?"""

from collections.abc import Iterator

import click
import torch
from torch import Tensor, nn

from benchmarks.document import put, table
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from radhard.cost import TimeRatio, time_ratio
from radhard.datasets import Data
from radhard.hardenings import Ranger

__all__ = ["main"]

LAYERS: tuple[tuple[type[nn.LSTM] | type[nn.GRU], int], ...] = (
    (nn.LSTM, 32),
    (nn.LSTM, 40),
    (nn.LSTM, 72),
    (nn.LSTM, 384),
    (nn.GRU, 32),
    (nn.GRU, 64),
)

LIMIT = 1.5
"""Times the time of torch's layer that a pass within the bounds may take."""


class LastStep(nn.Module):
    """A classifier of series by the last step of a recurrent layer."""

    def __init__(self, layer: type[nn.LSTM] | type[nn.GRU], units: int) -> None:
        super().__init__()
        self.layer = layer(16, units, batch_first=True)
        self.classifier = nn.Linear(units, 3)

    def forward(self, series: Tensor) -> Tensor:
        """Logits ``(samples, 3)`` of ``(samples, steps, 16)``."""
        logits: Tensor = self.classifier(self.layer(series)[0][:, -1])
        return logits


@click.command()
@click.option("--quick", is_flag=True, help="Few turns: a look, not a measurement.")
@click.option("--document", is_flag=True, help="Put the table into docs/performance.md too.")
def main(quick: bool, document: bool) -> None:
    """Time recurrent layers with `Ranger` beside torch's, within the bounds and out of them."""
    torch.set_num_threads(1)
    heads = ["layer", "within the bounds (range)", "at most", "every sample out of bounds (range)"]
    rows = list(_rows(5 if quick else 21))
    look = ["Few turns (`--quick`): a look, not a measurement."] if quick else []
    text = "\n".join([*described(machine_rates()), *look, "", *table(heads, rows), ""])
    click.echo(text)
    if document:
        put("python -m benchmarks.bounded_recurrent", text)


def _rows(turns: int) -> Iterator[tuple[str, ...]]:
    for layer, units in LAYERS:
        torch.manual_seed(0)
        model, series = LastStep(layer, units).eval(), torch.randn(100, 40, 16)
        with torch.no_grad():
            labels = model(series).argmax(1)
        hard = Ranger()(model, Data(series, labels), progress=False)
        within = time_ratio(hard, model, series, turns=turns)
        # Sums of the gates that none of the profiled samples had.
        out = time_ratio(hard, model, 30 * series, turns=turns)
        missed = ", **missed**" if within.median > LIMIT else ""
        name = f"{layer.__name__}({units})"
        yield name, _range(within), f"{LIMIT}x{missed}", _range(out)


def _range(ratio: TimeRatio) -> str:
    return f"{ratio.median:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"


if __name__ == "__main__":
    main()
