"""On which machine, with which versions and by which engines was a run executed?"""

import platform
from importlib.metadata import version
from typing import Any

import torch

from radhard.engines import Serial

__all__ = ["audit_is_due", "engines_of", "environment", "recorded"]


def environment(device: torch.device | None) -> dict[str, str]:
    """Versions and machine, for the report; not part of the identity of a run."""
    name = torch.cuda.get_device_name(device) if device and device.type == "cuda" else "CPU"
    return {
        "radhard": version("radhard"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "device": name,
        "threads": str(torch.get_num_threads()),
    }


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
