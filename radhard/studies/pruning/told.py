"""What does a study of pruning hand on: to a page, and every number to a program?"""

import json
from dataclasses import asdict, dataclass
from typing import Any, final

from radhard.studies.facts import claim_facts, estimate_facts
from radhard.studies.networks import Network
from radhard.studies.pruning.findings import Cut, PruningFindings
from radhard.studies.pruning.study import PruningPlan, PruningStudy

__all__ = ["ToldPruning", "pruning_numbers"]


@final
@dataclass(frozen=True, eq=False)
class ToldPruning:
    """A study of pruning with what came out for each of its networks."""

    study: PruningStudy
    plan: PruningPlan
    command: str
    versions: str
    found: tuple[tuple[Network, PruningFindings], ...]


def pruning_numbers(told: ToldPruning) -> str:
    """The study as JSON."""
    study = told.study
    whole = {
        "study": study.name,
        "command": told.command,
        "seed": told.plan.seed,
        "versions": told.versions,
        "tuning": asdict(study.tuning),
        "scored": study.scored,
        "rankings": {r.name: r.by if isinstance(r.by, str) else repr(r.by) for r in study.rankings},
        "networks": [_network(study, found) for _, found in told.found],
    }
    return json.dumps(whole, indent=1) + "\n"


def _network(study: PruningStudy, found: PruningFindings) -> dict[str, Any]:
    return {
        "name": found.network,
        "test images": len(found.right),
        "right": int(found.right.sum()),
        "cost": asdict(found.cost),
        "claims": [claim_facts(claim) for claim in study.claims(found)],
        "points lost": [
            {
                "ranking": ranking,
                "fine-tuned": tuned,
                "conv": conv,
                "linear": linear,
                "points": estimate_facts(found.lost(ranking, [(conv, linear)], tuned=tuned)),
                "accuracy": estimate_facts(found.accuracy(ranking, (conv, linear), tuned=tuned)),
            }
            for ranking, (conv, linear), tuned in found.tried
        ],
        "cuts": [_cut(cut) for cut in found.cuts],
    }


def _cut(cut: Cut) -> dict[str, Any]:
    return {
        "ranking": cut.ranking,
        "draw": cut.draw,
        "fine-tuned": cut.tuned,
        "conv": cut.pair[0],
        "linear": cut.pair[1],
        "right": int(cut.right.sum()),
        "cost": asdict(cut.cost),
    }
