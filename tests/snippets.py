"""Which commands and which Python does a document show?"""

import re
import shlex
from pathlib import Path

__all__ = ["blocks", "commands", "smaller"]

SMALLER = {
    "--margin 0.5%": "--margin 20%", "--margin 1%": "--margin 20%",
    "--n 100": "--n 12", "--n 500": "--n 80", "trials=50": "trials=2", "trials=20": "trials=4",
    "n=100)": "n=30)", "n=500)": "n=100)", "n=400)": "n=40)", "n=2000)": "n=40)", "n=300)": "n=30)",
    "Uniform(200)": "Uniform(40)", "Uniform(400)": "Uniform(40)",
}  # fmt: skip
"""What is shown with numbers that take long is run with smaller ones, and is the same else."""


def blocks(document: Path) -> list[tuple[str, str]]:
    """Language (with a title, if it has one) and text of every block of code, in order."""
    return re.findall(r"```([^\n]*)\n(.*?)```", document.read_text("utf-8"), re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """The words of every command of radhard in a block, with smaller numbers."""
    lines = block.replace("\\\n", " ").splitlines()
    shown = [line.partition("  #")[0] for line in lines if line.startswith("radhard ")]
    return [shlex.split(smaller(command) + _sampler(command))[1:] for command in shown]


def smaller(code: str) -> str:
    """Code with smaller numbers."""
    for number, less in SMALLER.items():
        code = code.replace(number, less)
    return code


def _sampler(command: str) -> str:
    # By default 400 trials a tensor; a repeated run has the sampler of its file.
    plain = command.startswith("radhard run") and "--sampler" not in command
    plain = plain and "--margin" not in command
    settled = "--help" in command or "--from" in command
    return ' --sampler "PerTensor(n=4)"' if plain and not settled else ""
