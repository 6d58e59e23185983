"""How does a verification, or several hardenings side by side, become a page?"""

from radhard.report.verification.verification_pages import (
    verification_html,
    verification_markdown,
    write_hardenings,
    write_verification,
)

__all__ = [
    "verification_html",
    "verification_markdown",
    "write_hardenings",
    "write_verification",
]
