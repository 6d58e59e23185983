"""How is the page of a hardened model written?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.report.pages import kept, rendered
from radhard.report.verification.several_hardenings import several
from radhard.report.verification.verification_document import verified
from radhard.results import Results
from radhard.verification import Verification

__all__ = [
    "verification_html",
    "verification_markdown",
    "write_hardenings",
    "write_verification",
]


def verification_html(
    found: Verification, *, store: str | Path | None = None, fit_per_bit: float | None = None
) -> str:
    """The page of a verification as HTML that asks for nothing else.

    Arguments as for `write_verification`.
    """
    return rendered("page.html.j2", verified(found, store=store, fit_per_bit=fit_per_bit))


def verification_markdown(
    found: Verification, *, store: str | Path | None = None, fit_per_bit: float | None = None
) -> str:
    """The page of a verification as Markdown: a sentence for each figure.

    Arguments as for `write_verification`.
    """
    return rendered("page.md.j2", verified(found, store=store, fit_per_bit=fit_per_bit))


def write_verification(
    found: Verification,
    path: str | Path,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
) -> tuple[Path, Path]:
    """Write the page of a verification to ``path`` (HTML), and its Markdown twin beside it.

    Args:
        found: as `radhard.verification.verify` gave it.
        path: of the page, such as ``hard.html``; the twin is then ``hard.md``.
        store: run file of the hardened model, so that it can be named.
        fit_per_bit: raw failure rate of one bit in FIT, for failures in time.

    Raises:
        InputError: a path that cannot be written.
    """
    return kept(verified(found, store=store, fit_per_bit=fit_per_bit), path)


def write_hardenings(
    before: Results, after: Sequence[Results], path: str | Path
) -> tuple[Path, Path]:
    """Write the page of several hardenings of one model: what each costs, and what it buys.

    Args:
        before: the campaign on the unprotected model.
        after: campaigns that `radhard.verification.verify` made of the hardened ones.
        path: of the page.

    Raises:
        InputError: a campaign at error rates, or one that does not say what it cost.
    """
    return kept(several(before, after), path)
