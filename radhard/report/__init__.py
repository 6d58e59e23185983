"""How is a run, an analysis or a verification presented as a page?"""

import importlib
from typing import TYPE_CHECKING, Any

from radhard.report.pages import check_page, html, markdown, write

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Import the pages of hardenings and analyses on first use; that of a run needs neither."""
    if name not in __all__:
        raise AttributeError(f"module 'radhard.report' has no attribute {name!r}")
    folder = "vulnerability" if "scores" in name else "verification"
    return getattr(importlib.import_module(f"radhard.report.{folder}"), name)
