"""How does the name of a study become its page?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.errors import InputError
from radhard.manifest import environment
from radhard.spec import near
from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.campaigns import Plan, measured
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.networks import network
from radhard.studies.pages import write_study
from radhard.studies.study import Study
from radhard.studies.told import Told

__all__ = ["STUDIES", "conduct", "study_named"]

STUDIES: dict[str, Study] = {s.name: s for s in (ACTIVATION_BOUNDS, CHANNEL_DUPLICATION)}
"""All of them, by name."""


def study_named(name: str) -> Study:
    """The study of this name.

    Raises:
        InputError: there is none.

    >>> study_named("activation-bounds").rates[0]
    1e-07
    """
    if name not in STUDIES:
        raise InputError(
            f"there is no study {name!r}: {near(name, list(STUDIES))}one of {', '.join(STUDIES)}"
        )
    return STUDIES[name]


def conduct(
    study: Study,
    plan: Plan,
    folder: str | Path,
    *,
    networks: Sequence[str] = (),
    cache: Path | None = None,
    command: str = "",
) -> list[Path]:
    """Make a study's page again: measure every variant on every network, judge, write.

    Args:
        study: which one.
        plan: how much is tried, and where runs are kept.
        folder: where page, figures and numbers go.
        networks: names of the networks; by default those of the study.
        cache: folder for weights that are trained for studies.
        command: how it was asked for, which stands on top of the page.

    Returns:
        The files written.

    Raises:
        InputError: an unknown network, or see `measured`.
    """
    names = tuple(dict.fromkeys(networks)) or study.networks
    folder = Path(folder)
    looked_at = [network(name, cache=cache) for name in names]
    found = tuple((one, measured(study, one, plan)) for one in looked_at)
    around = environment(None)
    versions = ", ".join(f"{key} {around[key]}" for key in ("radhard", "torch") if key in around)
    return write_study(Told(study, plan, command, versions, found), folder)
