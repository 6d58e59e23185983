"""How is ``radhard fit`` carried out?"""

import math
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from rich.table import Table

from radhard.accelerators import ACCELERATORS, Accelerator
from radhard.cli.estimate_table import plain_table
from radhard.cli.model_and_data import ModelAndData, said_in
from radhard.cli.terminal import Terminal
from radhard.errors import InputError
from radhard.results import Results
from radhard.stats import EstimateText, estimate_column
from radhard.structures import AcceleratorFit, accelerator_fit
from radhard.targets import Registers

__all__ = ["FitAction"]

_WIDE = 72
"""Terminal width from which on one table has all figures."""

_TAKEN = ("model", "data", "weights", "call", "samples")


@dataclass(kw_only=True)
class FitAction:
    """The options of ``radhard fit``, as given."""

    registers: Path | None
    weight_buffer: Path | None
    input_buffer: Path | None
    fit_per_bit: Sequence[str]
    array: str | None
    model: str | None
    data: str | None
    call: str | None
    trust: bool
    detail: str | None = None

    def carry_out(self) -> int:
        """Add up, show the structures and the total, and return the exit code."""
        files = {
            "registers": self.registers,
            "weight buffer": self.weight_buffer,
            "input buffer": self.input_buffer,
        }
        given = {name: path for name, path in files.items() if path is not None}
        if not given:
            raise InputError("give a run file with --registers, --weight-buffer or --input-buffer")
        rates = _raw_rates(self.fit_per_bit)
        runs = {name: Results.open(path, foreign=self.trust) for name, path in given.items()}
        workload = ModelAndData(
            model=self.model,
            data=self.data,
            samples=None,
            weights=None,
            call=self.call,
            format_=(),
            seed=None,
            batch=None,
            threads=1,
            device="cpu",
            trust=self.trust,
        )
        settings = said_in(next(iter(given.values())))
        workload.take({name: settings[name] for name in _TAKEN})
        workload.check_named("fit", next(iter(given.values())))
        loaded = workload.load(as_it_is=True, again="weights" in workload.taken)
        array = self._array(runs)
        found = accelerator_fit(
            loaded.model, loaded.data, array, runs, fit_per_bit=rates, call=loaded.call
        )
        self._show(found, array)
        return 0

    def _array(self, runs: dict[str, Results]) -> Accelerator:
        if self.array is not None:
            return ACCELERATORS.parse(self.array, foreign=self.trust)
        if "registers" in runs:
            for region in runs["registers"].space.regions:
                if isinstance(region.target, Registers):
                    return region.target.array
            raise InputError(
                f"{str(self.registers)!r} has no faults in registers; give a run with "
                "the target Registers(...)"
            )
        raise InputError('no accelerator was given; for example: --array "Systolic(16, 16)"')

    def _show(self, found: AcceleratorFit, array: Accelerator) -> None:
        terminal = Terminal(self.detail)
        terminal.say(str(found.total), "bold", always=True)
        terminal.say(repr(array), "dim")
        rows = _rows(found)
        if terminal.console.width >= _WIDE:
            terminal.show(_table(rows))
        else:
            terminal.say("")
            for name, bits, live, avf, fit in rows:
                terminal.say(f"{name}: {bits} bits, live {live}")
                terminal.say(f"  AVF {avf}")
                terminal.say(f"  FIT {fit}")
        for name, why in found.left_out.items():
            terminal.say(f"not in the total: {name} ({why})")
        terminal.finish(
            {
                "array": repr(array),
                "total": asdict(found.total),
                "structures": {name: asdict(one) for name, one in found.items()},
                "left out": found.left_out,
            }
        )


def _rows(found: AcceleratorFit) -> list[tuple[str, str, str, EstimateText, EstimateText]]:
    """For each structure its name, bits, residency, AVF and FIT."""
    structures = found.values()
    avfs, fits = (
        estimate_column([getattr(one, name) for one in structures]) for name in ("avf", "fit")
    )
    # The unit is said in front.
    plain = [EstimateText(*(text.replace(" FIT", "") for text in astuple(fit))) for fit in fits]
    return [
        (one.structure, f"{one.bits:,}", f"{100 * one.residency:.0f} %", avf, fit)
        for one, avf, fit in zip(structures, avfs, plain, strict=True)
    ]


def _table(rows: Sequence[tuple[str, str, str, EstimateText, EstimateText]]) -> Table:
    table = plain_table("")
    table.padding = (0, 1, 0, 0)
    table.add_column("structure", no_wrap=True)
    for head in ("bits", "live"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("AVF", "FIT"):
        table.add_column(head, justify="right", no_wrap=True)
        table.add_column("95 % interval", no_wrap=True, header_style="dim")
    for name, bits, live, avf, fit in rows:
        table.add_row(name, bits, live, avf.value, avf.interval, fit.value, fit.interval)
    return table


def _raw_rates(texts: Sequence[str]) -> float | dict[str, float]:
    """Raw rates of a bit: one for all structures, or one for each that is named."""
    rates: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = math.nan
        if not 0 <= rate < math.inf or name.strip() in rates:
            raise InputError(
                f"--fit-per-bit {text!r} is not allowed; give a number from 0, once for all "
                "structures or once for each, as in 'weight buffer=1e-4'"
            )
        rates[name.strip()] = rate
    if "" not in rates:
        return rates
    if len(rates) > 1:
        raise InputError("--fit-per-bit: give one number for all structures, or one for each")
    return rates[""]
