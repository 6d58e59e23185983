"""How many faults per second do other tools and the naive loop execute in one process?"""

import argparse
import importlib
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.clock import Clock
from benchmarks.document import put
from benchmarks.naive import stored
from benchmarks.pairs import Ratio
from benchmarks.peers.task import Fault, Task, Tool, loaded

TOOLS = {
    "pytorchfi 0.6.0": ("with_pytorchfi", "Pytorchfi"),
    "MRFI 2.1.0": ("with_mrfi", "Mrfi"),
    "seu-injection-framework 1.3.0": ("with_seu", "Seu"),
    "torchei 1.0.0": ("with_torchei", "Torchei"),
}
FAULTS = {"lenet5": 100, "resnet20": 40}
HEADS = ("tool", "network", "faults/s", "naive loop, faults/s", "tool / naive", "another answer")
EXPORTED = Path(__file__).parent / "exported"
RESULTS = Path(__file__).parent.parent / "results"


def main() -> None:
    """Time each tool on each network, in turn with the naive loop."""
    asked = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--quick", action="store_true", help="a look, not a measurement")
    asked.add_argument("--document", action="store_true", help="put it into docs/performance.md")
    options = asked.parse_args()
    quick: bool = options.quick
    repeats: int = 3 if quick else options.repeats
    torch.set_num_threads(1)
    rows = []
    for file in sorted(EXPORTED.glob("*.safetensors")):
        task = loaded(file)
        n = FAULTS[task.name] // (4 if quick else 1)
        for name, (module, made) in TOOLS.items():
            print(f"{name} on {task.name} ...", file=sys.stderr)
            try:
                tool = getattr(importlib.import_module(f"benchmarks.peers.{module}"), made)(task)
                rows.append([name, task.name, *_timed(tool, task, n, repeats)])
            except Exception as error:
                line = (str(error).splitlines() or [""])[0]
                rows.append([name, task.name, f"{type(error).__name__}: {line}", "", "", ""])
    rule = ["---", "---", *["---:"] * 4]
    text = "".join(f"| {' | '.join(map(str, row))} |\n" for row in (HEADS, rule, *rows))
    print(text)
    RESULTS.mkdir(exist_ok=True)
    if options.document:
        put("make bench-peers", text)
    stem = "peers-quick" if quick else "peers"
    (RESULTS / f"{stem}.md").write_text(text, encoding="utf-8")
    record: Any = [dict(zip(HEADS, row, strict=True)) for row in rows]
    (RESULTS / f"{stem}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _timed(tool: Tool, task: Task, n: int, repeats: int) -> list[str]:
    """Faults a second of the tool and of the naive loop, their ratio, and how verdicts compare."""
    tool.run(task.faults[:2])
    ours, theirs, differing, told = [], [], 0, True
    for repeat in range(repeats):
        faults: list[Fault] = task.faults[repeat * n : (repeat + 1) * n]
        naive = stored(task.model, task.inputs, task.flips(faults))
        ours.append(len(faults) / naive.span.cpu)
        clock = Clock()
        found = tool.run(faults)
        seconds = clock.read().cpu
        if isinstance(found, int):
            told = False
            theirs.append(found / seconds)
        else:
            differing += sum(a != b for a, b in zip(found, naive.changed, strict=True))
            theirs.append(len(faults) / seconds)
    verdicts = f"{differing} of {n * repeats} faults" if told else "draws its own faults"
    medians = [f"{statistics.median(rates):.3g}" for rates in (theirs, ours)]
    return [*medians, str(Ratio.of(theirs, ours)), verdicts]


if __name__ == "__main__":
    main()
