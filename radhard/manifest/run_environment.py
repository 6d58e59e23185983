"""On which machine, with which versions and by which engines was a run executed?"""

import platform
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from radhard.engines import Serial

__all__ = ["audit_is_due", "engines_of", "environment", "recorded"]


def environment(device: torch.device | None) -> dict[str, str]:
    """Versions and machine, for the report; not part of the identity of a run."""
    began = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    name = torch.cuda.get_device_name(device) if device and device.type == "cuda" else "CPU"
    return {
        "begun": began.replace("+00:00", " UTC"),
        "radhard": _version(),
        **({"revision": revision} if (revision := _revision()) else {}),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "device": name,
        "threads": str(torch.get_num_threads()),
    }


@cache
def _version() -> str:
    # Kept, as the whole description of the package is read for it.
    return version("radhard")


@cache
def _revision() -> str:
    """The commit of this package, where it runs from a checkout; empty where it is installed."""
    folder = Path(__file__).parents[1]

    program = shutil.which("git")

    def git(*words: str) -> str:
        if program is None:
            return ""
        # Only read: a status would refresh the index, and leave its lock behind if it is stopped.
        command = [program, "--no-optional-locks", "-C", str(folder), *words]
        try:
            # Fixed words and the folder of this package: nothing that a user or a file gave.
            done = subprocess.run(command, capture_output=True, text=True, timeout=5)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    # A package installed below someone else's checkout is not tracked there.
    if not git("ls-files", "__init__.py"):
        return ""
    changed = " and uncommitted changes" if git("status", "--porcelain", "--", ".") else ""
    return git("rev-parse", "HEAD") + changed


def audit_is_due(manifest: dict[str, Any]) -> bool:
    """Whether an engine other than the reference was used, and there was no audit yet."""
    return set(engines_of(manifest)) != {repr(Serial())} and manifest.get("audit") is None


def engines_of(manifest: dict[str, Any]) -> list[str]:
    """The engine with which a run was begun, and those with which it was continued."""
    others = manifest.get("continued")
    return [str(manifest.get("engine")), *map(str, others if isinstance(others, list) else ())]


def recorded(manifest: dict[str, Any], key: str) -> dict[str, Any]:
    """An entry to which engines add during the run; empty if there is none."""
    found = manifest.get(key)
    return found if isinstance(found, dict) else {}
