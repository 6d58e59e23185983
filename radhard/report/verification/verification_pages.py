"""How is the report of a verification written?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.report.pages import check_page, render, write_document
from radhard.report.verification.comparison_document import comparison_document
from radhard.report.verification.several_hardenings import several
from radhard.report.verification.verification_document import verification_document
from radhard.results import Results
from radhard.stats import LimitCheck
from radhard.verification import Verification

__all__ = [
    "verification_html",
    "verification_markdown",
    "write_comparison",
    "write_hardenings",
    "write_verification",
]


def verification_html(
    verification: Verification,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> str:
    """The page of a verification as one self-contained HTML page.

    Arguments as for `write_verification`.
    """
    return render(
        "page.html.j2",
        verification_document(verification, store=store, fit_per_bit=fit_per_bit, checks=checks),
    )


def verification_markdown(
    verification: Verification,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> str:
    """The page of a verification as Markdown, with a sentence in place of each figure.

    Arguments as for `write_verification`.
    """
    return render(
        "page.md.j2",
        verification_document(verification, store=store, fit_per_bit=fit_per_bit, checks=checks),
    )


def write_verification(
    verification: Verification,
    path: str | Path,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> tuple[Path, Path]:
    """Write the report of a verification as HTML to ``path``, and as Markdown next to it.

    Args:
        verification: the result of `radhard.verification.verify`.
        path: of the HTML file, such as ``hard.html``; the Markdown file is then ``hard.md``.
        store: run file of the hardened model, for the commands in the report.
        fit_per_bit: raw failure rate of one bit in FIT, for failures in time.
        checks: limits that were asked for, as `Verification.checks` returns them.

    Raises:
        InputError: a path that cannot be written.
    """
    check_page(path)
    return write_document(
        verification_document(verification, store=store, fit_per_bit=fit_per_bit, checks=checks),
        path,
    )


def write_comparison(
    first: Results,
    second: Results,
    path: str | Path,
    *,
    names: tuple[str, str] = ("first", "second"),
) -> tuple[Path, Path]:
    """Write the report of two runs side by side as HTML to ``path``, and as Markdown next to it.

    Runs of the same faults are compared trial by trial, others as independent campaigns.

    Args:
        first, second: the runs, such as those of two number formats.
        path: of the page.
        names: of the two run files, for the title and the SHA-256 of the evidence.

    Raises:
        InputError: a path that cannot be written, no common figure, or a figure without bounds.
    """
    check_page(path)
    return write_document(comparison_document(first, second, names), path)


def write_hardenings(
    before: Results, after: Sequence[Results], path: str | Path, *, stores: Sequence[Path] = ()
) -> tuple[Path, Path]:
    """Write the report of several hardenings of one model, with their costs and benefits.

    Args:
        before: the campaign on the unprotected model.
        after: campaigns by `radhard.verification.verify` on the hardened models.
        path: of the page.
        stores: the run files, for their SHA-256 in the evidence, in the same order.

    Raises:
        InputError: a campaign at error rates, or one without measured costs.
    """
    check_page(path)
    return write_document(several(before, after, stores), path)
