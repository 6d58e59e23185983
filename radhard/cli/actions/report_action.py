"""How is ``radhard report`` carried out for each kind of file?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.errors import InputError
from radhard.report import write
from radhard.results import Results

__all__ = ["reported"]

_TABLES = (".csv", ".parquet")


def reported(
    files: Sequence[Path],
    output: Path | None,
    fit_per_bit: float | None,
    against: Path | None,
    ranges: Path | None,
    trust: bool,
) -> tuple[Path, ...]:
    """Write the report of a run, or of scores; the paths of the page and its twin.

    With an ``output`` that is a table, the trials of a run are written instead.

    Raises:
        InputError: a file is neither, they do not go together, or an option is for the other kind.
    """
    first = files[0]
    output = first.with_suffix(".html") if output is None else output
    if output.suffix.lower() in _TABLES:
        return (_trials(files, output, trust),)
    if not all(map(_holds_scores, files)):
        if len(files) > 1:
            return _side_by_side(files, output, fit_per_bit, trust)
        for name, value in (("--against", against), ("--ranges", ranges)):
            if value is not None:
                raise InputError(f"{name} applies to scores only, and {str(first)!r} is a run file")
        results = Results.open(first, foreign=trust)
        return write(results, output, store=first, fit_per_bit=fit_per_bit)
    # Here, as the page of a run needs neither analyses nor hardenings.
    from radhard.report import write_scores
    from radhard.scores import Scores
    from radhard.vulnerability_ranges import Ranges

    if fit_per_bit is not None:
        raise InputError(
            f"--fit-per-bit applies to run files only, and {str(first)!r} contains scores"
        )
    return write_scores(
        [Scores.load(file) for file in files],
        output,
        against=None if against is None else Results.open(against, foreign=trust),
        store=against,
        ranges=None if ranges is None else Ranges.load(ranges),
    )


def _trials(files: Sequence[Path], output: Path, trust: bool) -> Path:
    """Write the trials of a run as a table."""
    if len(files) > 1 or _holds_scores(files[0]):
        raise InputError(
            f"-o {str(output)!r}: a table has the trials of one run; for a page, name an .html file"
        )
    return Results.open(files[0], foreign=trust).export(output)


def _side_by_side(
    files: Sequence[Path], output: Path, fit_per_bit: float | None, trust: bool
) -> tuple[Path, Path]:
    """Several runs on a page: an unprotected model, and hardened ones with what they cost."""
    from radhard.report import write_comparison, write_hardenings

    if any(map(_holds_scores, files)):
        raise InputError(
            f"{', '.join(str(file) for file in files)}: a report covers one run, several runs, or "
            "scores, but not runs and scores; to compare scores with a run use --against"
        )
    if fit_per_bit is not None:
        raise InputError(
            "--fit-per-bit applies to the report of one run only; for a hardened model give it to "
            "radhard verify"
        )
    runs = [Results.open(file, foreign=trust) for file in files]
    if not any(run.manifest.get("hardening") for run in runs[1:]):
        if len(runs) == 2:
            first, second = runs
            return write_comparison(first, second, output, names=(str(files[0]), str(files[1])))
        raise InputError(
            f"{', '.join(str(file) for file in files)}: a report of several runs compares a model "
            "with its hardened versions, whose runs radhard verify --store writes; give two files "
            "to compare other runs"
        )
    return write_hardenings(runs[0], runs[1:], output, stores=files)


def _holds_scores(file: Path) -> bool:
    """Whether a file is JSON, by its first byte, or by its name where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(64).lstrip()[:1] == b"{" or file.suffix == ".json"
    except OSError:
        return file.suffix == ".json"
