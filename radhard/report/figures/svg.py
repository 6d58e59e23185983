"""How does a figure become part of a page?"""

import io
import re
import warnings
from collections.abc import Callable
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from radhard.report.figures.ink import COLOURS, SETTINGS

__all__ = ["svg"]


def svg(draw: Callable[[], Figure], name: str, title: str, finding: str) -> str:
    """An ``<svg>`` element that says what it shows, takes the page's colours, and fits its box.

    ``name`` is in front of all its ids, so that several can stand in one page. The same drawing
    gives the same text.
    """
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        # Widths are measured in a font that may lack a letter; the reader's browser will have it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        file = io.StringIO()
        draw().savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    box = re.search(r'viewBox="([^"]*)"', text)
    assert box is not None
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # A rule for "*", which in a page would be one for all of the page.
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    # Drawn elements only: text of other people's (a tensor's name) holds no bare ``<``.
    body = re.sub(r"<[^>]*>", lambda tag: _in_page(tag.group(), name), body)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"\n\s*", "\n", body).strip()
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box.group(1)}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(finding)}</desc>\n{body}\n</svg>'
    )


def _in_page(tag: str, name: str) -> str:
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", tag)
    # The type is the page's; only its size is the figure's.
    tag = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", tag)
    tag = re.sub(r"font-family: [^;\"]*; ?", "", tag)
    for key, stand_in in COLOURS.items():
        tag = tag.replace(stand_in, f"var(--{key})")
    return tag
