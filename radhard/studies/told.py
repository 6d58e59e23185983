"""What does a study hand on to a program: every number, with its interval?"""

import json
from dataclasses import dataclass
from typing import Any, final

from radhard.studies.campaigns import Plan
from radhard.studies.facts import claim_facts, estimate_facts
from radhard.studies.findings import Findings
from radhard.studies.networks import Network
from radhard.studies.study import Study

__all__ = ["Told", "numbers"]


@final
@dataclass(frozen=True, eq=False)
class Told:
    """A study with what came out for each of its networks."""

    study: Study
    plan: Plan
    command: str
    versions: str
    found: tuple[tuple[Network, Findings], ...]


def numbers(told: Told) -> str:
    """The study as JSON."""
    study, plan = told.study, told.plan
    whole = {
        "study": study.name,
        "command": told.command,
        "seed": plan.seed,
        "runs": plan.runs,
        "versions": told.versions,
        "format": repr(study.format),
        "scores": None if study.scores is None else repr(study.scores),
        "networks": [_network(study, found) for _, found in told.found],
    }
    return json.dumps(whole, indent=1) + "\n"


def _network(study: Study, found: Findings) -> dict[str, Any]:
    return {
        "name": found.network,
        "images": found.images,
        "test images": len(found.base.right),
        "claims": [claim_facts(claim) for claim in study.claims(found)],
        "variants": [_variant(found, name) for name in found.measured],
    }


def _variant(found: Findings, name: str) -> dict[str, Any]:
    measured = found.measured[name]
    return {
        "name": name,
        "hardening": measured.hardening,
        "accuracy": measured.accuracy,
        "test accuracy": float(measured.right.mean()),
        "points lost without faults": estimate_facts(found.free_drop(name)),
        "points lost on other images": estimate_facts(found.free_drop_elsewhere(name)),
        "numbers added": list(measured.added),
        "cost": measured.cost.to_dict(),
        "common": _campaign(found, name, common=True),
        "own": _campaign(found, name, common=False),
    }


def _campaign(found: Findings, name: str, *, common: bool) -> dict[str, Any]:
    struck = found.measured[name].common if common else found.measured[name].own
    return {
        "faults": struck.faults,
        "rates": [
            {
                "rate": rate,
                "flips": struck.flips[rate],
                "accuracy": estimate_facts(found.accuracy(name, [rate], common=common)),
                "drop": estimate_facts(found.drop(name, [rate], common=common)),
            }
            for rate in found.rates
        ],
    }
