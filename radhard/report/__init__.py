"""How does a run become a page to read, to print, and to hand on?"""

from radhard.report.pages import html, markdown, write

__all__ = ["html", "markdown", "write"]
