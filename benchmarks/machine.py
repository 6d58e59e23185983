"""On which machine and versions was it measured?"""

import os
import platform
from pathlib import Path

import torch

from benchmarks.floor import Rates

__all__ = ["described"]


def described(rates: Rates) -> list[str]:
    """The machine, the versions, and what one thread of it does at best, as lines of text."""
    load = os.getloadavg()[0]
    product, convolution = (2e-9 * rate for rate in (rates.product, rates.convolution))
    return [
        f"{os.cpu_count()} cores of {_processor()}, {platform.system()}, Python "
        f"{platform.python_version()}, torch {torch.__version__} "
        f"({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} thread; "
        f"load {load:.1f} when it began.",
        f"One thread at best: {product:.0f} GFLOP/s in products of matrices, {convolution:.0f} "
        "GFLOP/s in convolutions.",
    ]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
