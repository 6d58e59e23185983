"""How is a report written to a file?"""

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from radhard.arguments import path_of
from radhard.errors import InputError
from radhard.escaping import visible
from radhard.files import check_writable, make_folder, write_texts
from radhard.report.blocks import Code, Document, Picture, Table, Text
from radhard.report.document import document
from radhard.report.figures import svg
from radhard.report.markdown_escaping import fenced, plain
from radhard.report.part_tree import PartTree
from radhard.report.pdf_printing import check_browser, print_pdf
from radhard.results import Results
from radhard.stats import LimitCheck

__all__ = ["check_page", "html", "markdown", "render", "write", "write_document"]


def html(
    results: Results,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> str:
    """The report of a run as one self-contained HTML page, which reads the same without its script.

    Arguments as for `write`.
    """
    content = document(results, store=store, fit_per_bit=fit_per_bit, checks=checks)
    return render("page.html.j2", content)


def markdown(
    results: Results,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> str:
    """The report of a run as Markdown, with a sentence in place of each figure.

    Arguments as for `write`.
    """
    content = document(results, store=store, fit_per_bit=fit_per_bit, checks=checks)
    return render("page.md.j2", content)


def write(
    results: Results,
    path: str | Path,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> tuple[Path, Path]:
    """Write the report of a run as HTML to ``path``, and as Markdown next to it.

    Args:
        results: of a run, finished or not.
        path: of the page, such as ``base.html``; the Markdown file is then ``base.md``. A path that
            ends in ``.pdf`` is printed by Chromium, if this machine has it.
        store: the run file, for the commands in the report.
        fit_per_bit: raw failure rate of one bit in FIT, for failures in time.
        checks: limits that were asked for, as `Results.checks` returns them.

    Returns:
        The paths of the page and of the Markdown file.

    Raises:
        InputError: the path does not end in ``.html`` or ``.pdf``, or cannot be written; the raw
            rate is negative.
    """
    return write_document(
        document(results, store=store, fit_per_bit=fit_per_bit, checks=checks), path
    )


def write_document(content: Document, path: str | Path) -> tuple[Path, Path]:
    """Write a document as HTML or PDF to ``path``, and as Markdown next to it.

    Raises:
        InputError: the path does not end in ``.html`` or ``.pdf``, or cannot be written.
    """
    page = path_of(path, "path")
    check_page(page)
    twin = page.with_suffix(".md")
    text, words = render("page.html.j2", content), render("page.md.j2", content)
    try:
        make_folder(page.parent)
        if page.suffix.lower() == ".pdf":
            print_pdf(text, page)
            write_texts({twin: words})
        else:
            write_texts({page: text, twin: words})
    except OSError as error:
        raise InputError(f"the report {str(page)!r} cannot be written: {_why(error)}") from error
    return page, twin


def check_page(path: str | Path) -> None:
    """Check that a report can be written to ``path``, before computing its content.

    Raises:
        InputError: the name does not end in ``.html``, ``.htm`` or ``.pdf``, or cannot be written;
            a PDF without a browser that prints it.
    """
    page = path_of(path, "path")
    if page.suffix.lower() not in (".html", ".htm", ".pdf") or not page.stem:
        raise InputError(
            f"{str(path)!r} is not the name of a page; use one such as base.html or base.pdf. The "
            "report is also written as base.md"
        )
    if page.suffix.lower() == ".pdf":
        check_browser(page)
    try:
        for place in (page, page.with_suffix(".md")):
            check_writable(place)
    except OSError as error:
        raise InputError(f"the report {str(page)!r} cannot be written: {_why(error)}") from error


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def render(template: str, content: Document) -> str:
    """The text of a document according to ``page.html.j2`` or ``page.md.j2``."""
    environment = Environment(
        loader=PackageLoader("radhard.report", "templates"),
        autoescape=select_autoescape(("html.j2",)),
        # A misspelled name in a template is an error, and not a gap in a page.
        undefined=StrictUndefined,
        # Every text, wherever it comes from: directional marks in a name could turn round what
        # follows.
        finalize=lambda x: visible(x) if type(x) is str else x,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    environment.filters["fenced"] = fenced
    environment.filters["unbroken"] = _unbroken
    environment.filters["ranged"] = _ranged
    environment.filters["breakable"] = _breakable
    environment.globals["svg"] = _svg
    environment.globals["style"] = _file(environment, "style.css")
    script = _file(environment, "page.js")
    digest = hashlib.sha256(script.encode()).digest()
    environment.globals["script"] = script
    # The page allows this script, by its digest, and no other.
    environment.globals["script_digest"] = base64.b64encode(digest).decode()
    # Tests of type, because a template has no isinstance.
    environment.tests["picture"] = lambda block: isinstance(block, Picture)
    environment.tests["table"] = lambda block: isinstance(block, Table)
    environment.tests["tree"] = lambda block: isinstance(block, PartTree)
    environment.tests["code"] = lambda block: isinstance(block, Code)
    environment.tests["text"] = lambda block: isinstance(block, Text)
    return environment.get_template(template).render(document=content)


def _unbroken(text: str) -> Markup:
    """Prose whose percent signs stay on the line of their numbers."""
    return _breakable(text.replace(" %", "\N{NO-BREAK SPACE}%"))


def _breakable(text: str) -> Markup:
    """A text whose long names may go on in the next line behind a dot, and not within a word.

    >>> print(_breakable("encoder.self_attn.in_proj_weight is the worst"))
    encoder.<wbr>self_<wbr>attn.<wbr>in_<wbr>proj_<wbr>weight is the worst
    """
    # Of escaped text: an entity such as ``&amp;`` has none of these characters.
    return Markup(_LONG.sub(_with_breaks, str(escape(visible(text)))))  # noqa: S704


def _with_breaks(name: re.Match[str]) -> str:
    return re.sub(r"(?<=\w)([._])(?=\w)|(?<=[a-z])(?=[A-Z])", r"\1<wbr>", name.group())


_LONG = re.compile(r"[\w.\[\]]{17,}")
"""What is longer than usual words, as names of tensors are."""


def _ranged(text: str) -> str:
    """A cell with a value and its interval, of which the interval is in small print.

    >>> print(_ranged("25.0 % [20.0 %, 31.0 %]"))
    25.0 % <small>[20.0 %, 31.0 %]</small>
    """
    value, bracket, rest = visible(text).partition(" [")
    if not bracket or not rest.endswith("]"):
        return text
    return Markup("{} <small>[{}</small>").format(value, rest)


def _svg(picture: Picture, narrow: bool) -> Markup:
    name = f"{picture.name}-{'narrow' if narrow else 'wide'}"
    # Generated here, with all text escaped.
    return Markup(visible(svg(lambda: picture.draw(narrow), name, picture.title, picture.finding)))  # noqa: S704


def _file(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, name)
    return Markup(source)  # noqa: S704  # a file of this package
