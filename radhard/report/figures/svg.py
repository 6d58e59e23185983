"""How is a figure embedded in a page?"""

import io
import re
import warnings
from collections.abc import Callable, Mapping
from html import escape, unescape

import matplotlib as mpl
from matplotlib.figure import Figure

from radhard.report.figures.ink import COLOURS, SETTINGS, Sheet

__all__ = ["svg"]

_NAMES = {stand_in: name for name, stand_in in COLOURS.items()}
_STAND_INS = re.compile("|".join(_NAMES))


def svg(draw: Callable[[], Figure], name: str, title: str, finding: str) -> str:
    """An ``<svg>`` element with a description, the colours of the page, and a flexible size.

    ``name`` is the prefix of all ids, so a page can contain several figures. The same drawing gives
    the same text.
    """
    names: dict[str, str] = {}
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        # Text is measured in a font that may lack a glyph; the browser of the reader has one.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        file = io.StringIO()
        figure = draw()
        if isinstance(figure, Sheet):
            names = figure.full_names
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    box = re.search(r'viewBox="([^"]*)"', text)
    assert box is not None
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # Remove the rule for "*", which would apply to the whole page.
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    # Only elements are changed: untrusted text (a tensor's name) contains no unescaped ``<``.
    body = re.sub(r"<[^>]*>", lambda tag: _in_page(tag.group(), name), body)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"\n\s*", "\n", body).strip()
    body = _with_full_names(body, names)
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box.group(1)}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(finding)}</desc>\n{body}\n</svg>'
    )


def _in_page(tag: str, name: str) -> str:
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", tag)
    # The font is that of the page; only its size is set by the figure.
    tag = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", tag)
    tag = re.sub(r"font-family: [^;\"]*; ?", "", tag)
    return _STAND_INS.sub(lambda found: f"var(--{_NAMES[found.group()]})", tag)


def _with_full_names(body: str, names: Mapping[str, str]) -> str:
    """The whole name of each shortened one, which a browser shows where a pointer rests on it."""

    def named(found: re.Match[str]) -> str:
        start, text, end = found.groups()
        name = names.get(unescape(text).strip())
        return found.group() if name is None else f"{start}<title>{escape(name)}</title>{text}{end}"

    return re.sub(r"(<text [^>]*>)([^<]*)(</text>)", named, body) if names else body
