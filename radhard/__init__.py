"""What do hardware faults do to my neural network, and how do I protect it?

The nouns: `Fault`, `FaultSpace`, `Results`, `Scores`, `Comparison`, `Verification`. The verbs:
`plan`, `run`, `inject`, `compare`, `verify`.
The families of components: `formats`, `faults`, `targets`, `samplers`, `engines`, `metrics`,
`analyses`, `hardenings`.
Beside them: `caps`, `models`, `datasets`, `stats`, `reliability`, `detection`, `cost`, `report`,
`testing`, `tracking`, `training`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from radhard import (
        accelerators,
        analyses,
        caps,
        cost,
        datasets,
        detection,
        engines,
        executors,
        faults,
        formats,
        hardenings,
        metrics,
        models,
        reliability,
        report,
        samplers,
        stats,
        structures,
        targets,
        testing,
        tracking,
        training,
    )
    from radhard.campaign import run
    from radhard.comparison import Comparison, compare
    from radhard.errors import InputError, RadhardWarning
    from radhard.formats import stored_as
    from radhard.injection import inject
    from radhard.planning import plan
    from radhard.quantization import quantized
    from radhard.results import Results
    from radhard.scores import Scores
    from radhard.space import Fault, FaultSpace
    from radhard.verification import Verification, verify

__all__ = [
    "Comparison",
    "Fault",
    "FaultSpace",
    "InputError",
    "RadhardWarning",
    "Results",
    "Scores",
    "Verification",
    "accelerators",
    "analyses",
    "caps",
    "compare",
    "cost",
    "datasets",
    "detection",
    "engines",
    "executors",
    "faults",
    "formats",
    "hardenings",
    "inject",
    "metrics",
    "models",
    "plan",
    "quantized",
    "reliability",
    "report",
    "run",
    "samplers",
    "stats",
    "stored_as",
    "structures",
    "targets",
    "testing",
    "tracking",
    "training",
    "verify",
]

_PLACES = {
    "Comparison": "comparison",
    "Fault": "space",
    "FaultSpace": "space",
    "InputError": "errors",
    "RadhardWarning": "errors",
    "Results": "results",
    "Scores": "scores",
    "Verification": "verification",
    "compare": "comparison",
    "inject": "injection",
    "plan": "planning",
    "quantized": "quantization",
    "run": "campaign",
    "stored_as": "formats",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that ``import radhard`` (and ``radhard --help``) stays light."""
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("radhard")
    if name not in __all__:
        # Only where a name is wrong, as the import takes time.
        close = importlib.import_module("difflib").get_close_matches(name, __all__, n=2, cutoff=0.5)
        similar = f"; did you mean {' or '.join(close)}?" if close and name[0] != "_" else ""
        raise AttributeError(f"module 'radhard' has no attribute {name!r}{similar}")
    module = importlib.import_module(f"radhard.{_PLACES.get(name, name)}")
    found = getattr(module, name) if name in _PLACES else module
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
