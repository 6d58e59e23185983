"""Which pages does radhard write? One of each kind, by the commands that write them.

    python scripts/page_kinds.py build/pages

The campaigns are as small as shows everything that a page can have, and take about two minutes.
"""

import argparse
import subprocess
import sys
from pathlib import Path

__all__ = ["PAGES", "write_pages"]

_MODEL = ("lenet5", "--data", "mnist", "--n", "20")

COMMANDS: tuple[tuple[str, ...], ...] = (
    (
        *("run", *_MODEL, "--sampler", "Uniform(600)", "--metric", "Outcome()"),
        *("--metric", "Accuracy()", "--metric", "ClassHarm(10)"),
        *("--metric", "SampleHarm(20)"),
        *("--store", "run.db", "--report", "run.html"),
    ),
    ("run", *_MODEL, "--sampler", "Uniform(40)", "--store", "few.db", "--report", "few.html"),
    (
        *("run", *_MODEL, "--sampler", "Uniform(600)", "--format", "Fixed(1, 15)"),
        *("--store", "fixed.db", "--max-rate", "1%", "--report", "fixed.html"),
    ),
    (
        *("run", *_MODEL, "--sampler", "ErrorRate((1e-6, 1e-5, 1e-4), trials=12)"),
        *("--store", "rates.db", "--report", "rates.html"),
    ),
    (
        *("run", "INT8", "--data", "mnist", "--n", "20", "--sampler", "Uniform(400)"),
        *("--target", "Registers(Systolic(8, 8), 'conv*')", "--store", "registers.db"),
        *("--format", "*:sum=Int(32)", "--format", "*:output=Int(32)", "--format", "*=Int(8)"),
        *("--report", "registers.html"),
    ),
    ("harden", *_MODEL, "--with", "Ranger()", "-o", "ranger"),
    ("harden", *_MODEL, "--with", "WeightRangeCheck()", "-o", "checked"),
    (
        *("verify", "run.db", "--model", "ranger", "--store", "ranger.db"),
        *("--report", "verification.html"),
    ),
    ("verify", "run.db", "--model", "checked", "--store", "checked.db"),
    ("report", "run.db", "ranger.db", "checked.db", "-o", "hardenings.html"),
    ("report", "run.db", "fixed.db", "-o", "comparison.html"),
    (
        *("analyze", *_MODEL, "--with", "Gain()", "--against", "run.db"),
        *("--report", "analysis.html"),
    ),
    (
        *("analyze", *_MODEL, "--with", "Gain()", "--with", "MaxValue()", "--against", "run.db"),
        *("--report", "analyses.html"),
    ),
)
"""In the order in which one needs the files of another; each writes the page it is named after."""

PAGES = (
    *("run", "few", "fixed", "rates", "registers", "verification", "hardenings", "comparison"),
    *("analysis", "analyses"),
)

_INT8 = '''\
"""LeNet-5 in integers, as an array of an accelerator computes it."""

from radhard import datasets, formats, models
from radhard.quantization import quantized


def int8():
    data = datasets.load("mnist", n=20)
    return quantized(models.load("lenet5"), data, formats.Int(8), inputs=True)
'''


def write_pages(folder: Path) -> list[Path]:
    """Write all pages into a folder, except those that are there, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.py").write_text(_INT8, encoding="utf-8")
    for command in COMMANDS:
        arguments = ["network.py:int8" if part == "INT8" else part for part in command]
        writes = next(option for option in _WRITES if option in arguments)
        outcome = arguments[arguments.index(writes) + 1]
        if not (folder / outcome).exists():
            print("radhard", *arguments, flush=True)
            line = [sys.executable, "-m", "radhard", *arguments]
            # Exit status 1 is a limit that is not kept, which a page shows as well.
            status = subprocess.run(line, cwd=folder, stdout=subprocess.DEVNULL).returncode
            if status > 1:
                sys.exit(f"exit status {status}")
    return [folder / f"{name}.html" for name in PAGES]


_WRITES = ("--report", "-o", "--store")
"""Options that name what a command writes; the first of them that it has names what comes last."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for page in write_pages(parser.parse_args().folder):
        print(page)
