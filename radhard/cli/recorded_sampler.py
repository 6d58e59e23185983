"""With which sampler was a run file begun, if a margin is asked for?"""

from pathlib import Path

from radhard.caps import Certified
from radhard.errors import InputError
from radhard.samplers import SAMPLERS, Adaptive, Exhaustive, PerTensor, Sampler, Uniform
from radhard.stats import clopper_pearson
from radhard.store import Store

__all__ = ["check_margin", "recorded_sampler"]


def check_margin(
    margin: float | None, sampler: str | None, confidence: float | None, by: str | None
) -> None:
    """Check that a margin is not asked for beside a sampler, nor its details without it.

    Raises:
        InputError: it is.
    """
    if margin is not None and sampler is not None:
        raise InputError(
            f"--margin chooses the sampler, and {sampler} is given or recorded as well; leave out "
            "--margin, or --sampler and --from"
        )
    if margin is None and (confidence is not None or by is not None):
        name = "--by" if by is not None else "--confidence"
        raise InputError(f"{name} belongs to a margin; add --margin 0.5%, or leave it out")
    for name, value in (("--margin", margin), ("--confidence", confidence)):
        if value is not None and not 0 < value < 1:
            raise InputError(f"{name} {value:g} is not allowed; a share between 0 and 1")


def recorded_sampler(
    path: Path | None, margin: float, confidence: float, by: str | None
) -> Sampler | None:
    """The sampler of a run file that was begun for the same margin; None if there is no run yet.

    Another pilot might choose another one, as it measures times.

    Raises:
        InputError: the file has a sampler that is not one for this margin.
    """
    if path is None or not path.exists():
        return None
    with Store(path) as file:
        if file.empty:
            return None
        text = str(file.manifest().get("sampler"))
    try:
        sampler = SAMPLERS.parse(text)
    except InputError:
        sampler = None
    adaptive = Adaptive(margin, confidence=confidence, by=by)
    allowed: tuple[Sampler, ...] = (
        adaptive,
        Adaptive(margin, confidence=confidence, by=by, caps=Certified()),
        Exhaustive(),
        PerTensor(margin=margin, confidence=confidence),
    )
    # How many trials of `Uniform` a margin takes depends on the rate that a pilot has seen; fewer
    # than these do not reach it, whatever the rate is.
    enough = (
        isinstance(sampler, Uniform)
        and by is None
        and clopper_pearson(0, sampler.n, confidence)[1] <= 2 * margin
    )
    if sampler in allowed or enough:
        return sampler
    raise InputError(
        f"{str(path)!r} was begun with {text}, which is not for this margin; choose another file, "
        "or give --sampler instead of --margin"
    )
