"""What does a fault in a register of an array cost, beside a flipped activation and a simulator?"""

import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from benchmarks.document import put, table
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from radhard import FaultSpace, models, quantized, run
from radhard.accelerators import Systolic, product_of
from radhard.accelerators.register_contents import RegisterContents
from radhard.datasets import Data, load
from radhard.faults import BitFlip
from radhard.formats import Int
from radhard.metrics import Outcome
from radhard.samplers import Uniform
from radhard.targets import Activations, Registers
from tests.accelerators.cycle_simulator import Faults, Machine

__all__ = ["main"]

DATAFLOWS = ("output_stationary", "weight_stationary", "input_stationary")

TRIALS = {"one": 10_000, "every": 1_000}
"""Trials of a campaign, by the images that a fault concerns."""

SIMULATED = 256
"""Faults that the simulator computes at a time: a single one takes it nearly as long."""

_READING = (
    "Processor time, in turn on a loaded machine; campaigns include all preparation, with the "
    "engine chosen for them. The\nsimulator is that of the tests, which computes 256 faults at a "
    "time; its time is that of one of them.",
)

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class _Work:
    """LeNet-5 in integers of 8 bits, and 100 digits."""

    model: nn.Module
    data: Data

    @classmethod
    def of(cls) -> "_Work":
        train = load("mnist", split="train", n=500)
        return cls(
            quantized(models.load("lenet5"), train, Int(8), inputs=True), load("mnist", n=100)
        )

    def activations(self, sample: str) -> FaultSpace:
        target = Activations("*", sample=sample)
        return FaultSpace.of(self.model, target, BitFlip(), Int(8), data=self.data)

    def registers(self, dataflow: str, sample: str) -> FaultSpace:
        array = Systolic(16, 16, dataflow)
        target = Registers(array, sample=sample)
        return FaultSpace.of(self.model, target, BitFlip(), array.formats, data=self.data)

    def seconds(self, space: FaultSpace, trials: int) -> float:
        """Processor time of a campaign, preparation included, with the engine chosen for it."""
        begin = time.process_time()
        run(self.model, self.data, space, Uniform(trials), metrics=[Outcome()], progress=False)
        return time.process_time() - begin


@click.command()
@click.option("--quick", is_flag=True, help="Few trials and turns: a look, not a measurement.")
@click.option("--document", is_flag=True, help="Put the tables into docs/accelerators.md too.")
def main(quick: bool, document: bool) -> None:
    """Time campaigns in registers and in activations in turn, and the layer against a simulator."""
    torch.set_num_threads(1)
    work, rows, plain = _Work.of(), [], []
    for sample, full in TRIALS.items():
        trials, turns = (full // 10, 2) if quick else (full, 3 if sample == "one" else 1)
        for dataflow in DATAFLOWS:
            pair = work.registers(dataflow, sample), work.activations(sample)
            spent = [_in_turn(work, pair, trials, turn) for turn in range(turns)]
            ratios = [registers / activations for registers, activations in spent]
            middle = [statistics.median(seconds) for seconds in zip(*spent, strict=True)]
            ratio = f"{statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"
            images = "one of 100" if sample == "one" else "all 100"
            cells = [f"{trials:,}", *(f"{seconds:.1f} s" for seconds in middle), ratio]
            rows.append([f"{dataflow}, {images}", *cells])
            plain.append([dataflow, sample, trials, spent])
            click.echo(rows[-1], err=True)
    heads = ["array, images of a fault", "trials", "registers", "activations", "ratio (range)"]
    layers = [_beside_simulator(work, dataflow) for dataflow in DATAFLOWS]
    other = ["`conv1`, one fault in 100 images", "simulator", "closed form", "ratio"]
    look = ["Few trials (`--quick`): a look, not a measurement.", ""] if quick else []
    lines = [*described(machine_rates()), "", *look, *table(heads, rows), ""]
    text = "\n".join([*lines, *table(other, [cells for cells, _ in layers]), "", *_READING, ""])
    click.echo(text)
    if not quick:
        record = {"campaigns": plain, "layer": [figures for _, figures in layers]}
        (RESULTS / "register_trials.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if document:
        put("python -m benchmarks.register_trials", text, page="accelerators.md")


def _in_turn(
    work: _Work, pair: tuple[FaultSpace, FaultSpace], trials: int, turn: int
) -> tuple[float, float]:
    """Seconds of the campaigns, the first and the second of a pair going first in turn."""
    order = (0, 1) if turn % 2 else (1, 0)
    spent = {at: work.seconds(pair[at], trials) for at in order}
    return spent[0], spent[1]


def _beside_simulator(work: _Work, dataflow: str) -> tuple[list[str], list[object]]:
    """Time of the sums of ``conv1`` for one fault and 100 images: simulated, and in closed form."""
    array = Systolic(16, 16, dataflow)
    conv, rng = work.model.get_submodule("conv1"), np.random.default_rng(0)
    assert isinstance(conv, nn.Conv2d)
    product = product_of(conv, (1, 28, 28))
    assert not isinstance(product, str)
    inputs = torch.from_numpy(rng.integers(0, 128, (100, 1, 28, 28)).astype(np.float64))
    weight = torch.from_numpy(rng.integers(-127, 128, conv.weight.shape).astype(np.float64))
    geometry = array.shape(product.product)
    words = rng.integers(np.prod(geometry), size=SIMULATED)
    bits = rng.integers(8, size=SIMULATED)

    begin = time.process_time()
    contents = RegisterContents(array, product, inputs, weight)
    use = array.use(product.product, "weight", words)
    live, every = use.some(use.live), torch.arange(100)[None]
    before, format = contents.held(live, every), Int(8).scaled(1.0)
    codes = format.encode(before.reshape(-1))
    flips = torch.from_numpy(bits[use.live])[:, None].expand(before.shape).reshape(-1)
    after = format.decode(BitFlip().corrupt(codes, flips, format)).reshape(before.shape)
    contents.differences(live, every, before, after)
    closed = (time.process_time() - begin) / SIMULATED

    rows = nn.functional.unfold(inputs[:1], conv.kernel_size, padding=conv.padding)[0].T
    a, b = (x.round().numpy().astype(np.int64) for x in (rows, weight.reshape(len(weight), -1).T))
    machine = Machine(16, 16, 8, 32, saturate=False)
    begin = time.process_time()
    machine.run(dataflow, a, b, Faults("weight", *np.unravel_index(words, geometry), bits))
    simulated = 100 * (time.process_time() - begin) / SIMULATED
    ratio = f"{simulated / closed:,.0f}x"
    cells = [dataflow, f"{1e3 * simulated:,.0f} ms", f"{1e3 * closed:.3f} ms", ratio]
    return cells, [dataflow, simulated, closed]


if __name__ == "__main__":
    main()
