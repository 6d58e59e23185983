"""How does the name of a study become its page?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.errors import InputError
from radhard.manifest import environment
from radhard.spec import near
from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.campaigns import Plan, measured
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.networks import Network, network
from radhard.studies.pages import study_texts
from radhard.studies.pruning import (
    PruningPlan,
    PruningStudy,
    ToldPruning,
    measured_cuts,
    pruning_texts,
)
from radhard.studies.study import Study
from radhard.studies.told import Told
from radhard.studies.vulnerability_pruning import VULNERABILITY_PRUNING
from radhard.studies.written import write_texts

__all__ = ["STUDIES", "AnyStudy", "conduct", "study_named"]

AnyStudy = Study | PruningStudy
"""Each has a name, title, source and networks; the kind says what is done, and by which plan."""

STUDIES: dict[str, AnyStudy] = {
    s.name: s for s in (ACTIVATION_BOUNDS, CHANNEL_DUPLICATION, VULNERABILITY_PRUNING)
}
"""All of them, by name."""


def study_named(name: str) -> AnyStudy:
    """The study of this name.

    Raises:
        InputError: there is none.

    >>> study_named("activation-bounds").networks[0]
    'lenet5'
    """
    if name not in STUDIES:
        raise InputError(
            f"there is no study {name!r}: {near(name, list(STUDIES))}one of {', '.join(STUDIES)}"
        )
    return STUDIES[name]


def conduct(
    study: AnyStudy,
    plan: Plan | PruningPlan,
    folder: str | Path,
    *,
    networks: Sequence[str] = (),
    cache: Path | None = None,
    command: str = "",
) -> list[Path]:
    """Make a study's page again: measure everything on every network, judge, write.

    Args:
        study: which one.
        plan: how much is tried: a `Plan` for faults at error rates, a `PruningPlan` for pruning.
        folder: where page, figures and numbers go.
        networks: names of the networks; by default those of the study.
        cache: folder for weights that are trained for studies.
        command: how it was asked for, which stands on top of the page.

    Returns:
        The files written.

    Raises:
        InputError: a plan of the other kind, an unknown network, or see `measured` and
            `measured_cuts`.
    """
    names = tuple(dict.fromkeys(networks)) or study.networks
    if isinstance(study, PruningStudy) != isinstance(plan, PruningPlan):
        needed = PruningPlan if isinstance(study, PruningStudy) else Plan
        raise InputError(
            f"{study.name} is conducted by a {needed.__name__}; given is a {type(plan).__name__}"
        )
    looked_at = [network(name, cache=cache) for name in names]
    return write_texts(_texts(study, plan, looked_at, command), Path(folder))


def _texts(
    study: AnyStudy, plan: Plan | PruningPlan, networks: list[Network], command: str
) -> dict[str, str]:
    """What each kind of study makes of the networks, by the name of the file."""
    if isinstance(study, PruningStudy):
        assert isinstance(plan, PruningPlan)
        cuts = tuple((one, measured_cuts(study, one, plan)) for one in networks)
        return pruning_texts(ToldPruning(study, plan, command, _versions(), cuts))
    assert isinstance(plan, Plan)
    found = tuple((one, measured(study, one, plan)) for one in networks)
    return study_texts(Told(study, plan, command, _versions(), found))


def _versions() -> str:
    around = environment(None)
    return ", ".join(f"{key} {around[key]}" for key in ("radhard", "torch") if key in around)
