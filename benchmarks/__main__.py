"""Which rows and sizes are measured, and where is the table written?"""

import dataclasses
import json
import traceback
from pathlib import Path

import click
import torch

from benchmarks.brought_models import BROUGHT
from benchmarks.default_rows import DEFAULT
from benchmarks.document import put
from benchmarks.error_rate_rows import ERROR_RATES
from benchmarks.exhaustive import exhausted
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from benchmarks.measure import measured
from benchmarks.predicted import VGG11, vgg11_speed
from benchmarks.profiled import profiled
from benchmarks.recurrent_rows import RECURRENT
from benchmarks.row import Row
from benchmarks.rows import EXHAUSTIVE, ROWS, WORKERS
from benchmarks.table import Line, page
from benchmarks.workers import sped
from radhard.errors import InputError

_ROWS = (*ROWS, *ERROR_RATES, *DEFAULT, *RECURRENT, *BROUGHT, WORKERS, EXHAUSTIVE)

ALL = {row.name: row for row in _ROWS}
_GROUPS = {
    "recurrent": ("recurrent networks", {row.name for row in RECURRENT}),
    "error-rates": ("error rates", {row.name for row in ERROR_RATES}),
    "default": ("the default", {row.name for row in DEFAULT}),
    "default-avx2": ("the default, AVX2 only", set()),
    "brought": ("models that people bring", {row.name for row in BROUGHT}),
}
"""Rows with a table of their own, if these alone are run: its name in the results, in the page."""

RESULTS = Path(__file__).parent / "results"


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice([*ALL, VGG11]))
@click.option("--quick", is_flag=True, help="Few trials and repeats: a look, not a measurement.")
@click.option("--document", is_flag=True, help="Put the tables into docs/performance.md too.")
@click.option("--profile", is_flag=True, help="Say where the engines spend their time instead.")
def main(rows: tuple[str, ...], quick: bool, document: bool, profile: bool) -> None:
    """Time the engines beside the naive loop: all ROWS, or those named."""
    torch.set_num_threads(1)
    if profile:
        for name in [name for name in rows or ALL if name != VGG11]:
            click.echo(profiled(ALL[name], quick=quick) + "\n")
        return
    machine = described(machine_rates())
    if quick:
        machine.append("Few trials and repeats (`--quick`): a look, not a measurement.")
    lines: list[Line] = []
    for name in [name for name in rows or ALL if name != VGG11]:
        click.echo(f"{name} ...", err=True)
        lines.append(_line(ALL[name], quick))
        # At once, so that what is measured is not lost if the next row ends it all.
        click.echo(page(lines[-1:], ()))
    names = [name for name in rows or ALL if name != VGG11]
    group = next((key for key, (_, own) in _GROUPS.items() if rows and set(rows) <= own), "some")
    if group == "default" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        group = "default-avx2"
    failed = [n for n, line in zip(names, lines, strict=True) if isinstance(line, tuple)]
    text = page(lines, machine)
    if VGG11 in rows or not (rows or quick):
        click.echo(f"{VGG11} ...", err=True)
        try:
            text += f"\n{vgg11_speed()}\n"
        except Exception as error:
            failed.append(VGG11)
            text += f"\n{VGG11} failed: {_reason(error)}\n"
    click.echo(text)
    RESULTS.mkdir(exist_ok=True)
    name = group if rows else "quick" if quick else "full"
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    plain = [_plain(line) for line in lines]
    record = {"machine": machine, "quick": quick, "rows": plain}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if document:
        parts = _GROUPS[group][0] if group in _GROUPS else "make bench, some rows"
        title = parts if rows else "make bench"
        put(title, text)
    if failed:
        raise click.ClickException(f"not measured: {', '.join(failed)}; the reasons are above")


def _line(row: Row, quick: bool) -> Line:
    """What was measured; a row that fails says how, and the others are measured all the same."""
    try:
        if row is WORKERS:
            return sped(row, quick=quick)
        if row is EXHAUSTIVE:
            return exhausted(row, quick=quick)
        return measured(row, quick=quick)
    except Exception as error:
        return row.words, f"failed: {_reason(error)}"


def _reason(error: Exception) -> str:
    """What went wrong, in one line; a bug of ours also says where."""
    if not isinstance(error, InputError | ImportError):
        traceback.print_exc()
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _plain(line: Line) -> object:
    if isinstance(line, tuple):
        return {"words": line[0], "problem": line[1]}
    return dataclasses.asdict(line)


if __name__ == "__main__":
    main()
