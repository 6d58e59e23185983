"""How is a verification, or a comparison of several hardenings, presented as a page?"""

from radhard.report.verification.verification_pages import (
    verification_html,
    verification_markdown,
    write_comparison,
    write_hardenings,
    write_verification,
)

__all__ = [
    "verification_html",
    "verification_markdown",
    "write_comparison",
    "write_hardenings",
    "write_verification",
]
