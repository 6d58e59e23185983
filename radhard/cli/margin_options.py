"""Do the options that ask for a margin go together?"""

from radhard.errors import InputError

__all__ = ["check_margin"]


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
