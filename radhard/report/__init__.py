"""How is a run, an analysis or a verification presented as a page?"""

from radhard.report.pages import check_page, html, markdown, write
from radhard.report.verification import (
    verification_html,
    verification_markdown,
    write_comparison,
    write_hardenings,
    write_verification,
)
from radhard.report.vulnerability import scores_html, scores_markdown, write_scores

__all__ = [
    "check_page",
    "html",
    "markdown",
    "scores_html",
    "scores_markdown",
    "verification_html",
    "verification_markdown",
    "write",
    "write_comparison",
    "write_hardenings",
    "write_scores",
    "write_verification",
]
