#!/usr/bin/env python3
"""Run the acceptance scripts kept beside the checkout, where there are any.

    .venv/bin/python scripts/run_cases.py [SCRIPT ...]      the folder is $CASES, or ../shared/cases

Each script prints a line that begins with PASS or FAIL, and exits with 0 or 1. Every one runs in a
process of its own, forked from one that has imported torch: importing it takes longer than most of
the scripts do.
"""

import os
import re
import runpy
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASES = Path(os.environ.get("CASES", ROOT / ".." / "shared" / "cases"))

KNOWN: set[str] = set()
"""Scripts that fail today, and may: take a name away as soon as its script passes."""

AT_ONCE = 2
LIMIT = 600
"""Seconds a script."""


def begin(script: Path, output: Path) -> int:
    """Run a script in a child process; its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(LIMIT)
        written = os.open(output, os.O_WRONLY | os.O_CREAT)
        os.dup2(written, 1)
        os.dup2(written, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = [str(script)]
        sys.path.insert(0, str(script.parent))
        runpy.run_path(str(script), run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def verdict(script: Path, status: int, output: Path) -> tuple[bool, str]:
    """Whether a script passed, and its line."""
    code = os.waitstatus_to_exitcode(status)
    text = output.read_text("utf-8", "replace")
    lines = re.findall(r"^(?:PASS|FAIL).*", text, re.MULTILINE)
    line = lines[-1] if lines else (text.strip().splitlines() or [""])[-1]
    if code == 0 and line.startswith("PASS"):
        return True, line[:240]
    ended = "stopped after its time" if code == -signal.SIGALRM else f"exit {code}"
    return False, f"FAIL {script.stem} ({ended}) {line.removeprefix('FAIL ')}"[:240]


def main(names: list[str]) -> int:
    if not CASES.is_dir():
        print(f"no acceptance scripts in {CASES}")
        return 0
    # One thread each, as beside a neighbour threads wait for each other; said before torch starts.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["PYTHONPATH"] = str(ROOT)
    sys.path.insert(0, str(ROOT))
    import torch._dynamo  # noqa: F401

    import radhard  # noqa: F401
    from radhard import analyses, engines, hardenings, report  # noqa: F401

    scripts = sorted(CASES.glob("[0-9]*.py"))
    waiting = [s for s in scripts if not names or s.name in names or s.stem in names]
    passed: dict[str, bool] = {}
    running: dict[int, tuple[Path, Path, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                script = waiting.pop(0)
                output = Path(folder) / script.name
                output.touch()
                running[begin(script, output)] = script, output, time.monotonic()
            child, status = os.wait()
            script, output, begun = running.pop(child)
            passed[script.name], line = verdict(script, status, output)
            print(f"{line}  [{time.monotonic() - begun:.0f} s]", flush=True)
    bad = 0
    for name, good in sorted(passed.items()):
        if not good and name not in KNOWN:
            print(f"fails and is not known to: {name}")
            bad = 1
        if good and name in KNOWN:
            print(f"passes now, and is to be taken off the list in scripts/run_cases.py: {name}")
            bad = 1
    print(f"{sum(passed.values())} of {len(passed)} acceptance scripts pass")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
