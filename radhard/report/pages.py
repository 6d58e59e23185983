"""How does a report become a file to read?"""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from radhard.errors import InputError
from radhard.escaping import visible
from radhard.files import demand_writable, make_folder, write_texts
from radhard.report.blocks import Code, Document, Picture, Table, Text
from radhard.report.document import document
from radhard.report.figures import svg
from radhard.report.markdown_escaping import fenced, plain
from radhard.results import Results

__all__ = ["demand_page", "html", "kept", "markdown", "rendered", "write"]


def html(
    results: Results, *, store: str | Path | None = None, fit_per_bit: float | None = None
) -> str:
    """The report of a run as one HTML page that asks for nothing else: no network, no script.

    Arguments as for `write`.
    """
    shown = document(results, store=store, fit_per_bit=fit_per_bit)
    return rendered("page.html.j2", shown)


def markdown(
    results: Results, *, store: str | Path | None = None, fit_per_bit: float | None = None
) -> str:
    """The report of a run as Markdown: the same numbers, a sentence for each figure.

    Arguments as for `write`.
    """
    shown = document(results, store=store, fit_per_bit=fit_per_bit)
    return rendered("page.md.j2", shown)


def write(
    results: Results,
    path: str | Path,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
) -> tuple[Path, Path]:
    """Write the report of a run to ``path`` (HTML), and its Markdown twin beside it.

    Args:
        results: of a run, finished or not.
        path: of the page, such as ``base.html``; the twin is then ``base.md``.
        store: the run file, so that the lines to copy can name it.
        fit_per_bit: raw failure rate of one bit in FIT, for failures in time.

    Returns:
        The paths of the page and of its twin.

    Raises:
        InputError: the path does not end in ``.html``, or cannot be written; the raw rate is
            negative.
    """
    return kept(document(results, store=store, fit_per_bit=fit_per_bit), path)


def kept(shown: Document, path: str | Path) -> tuple[Path, Path]:
    """Write a document to ``path`` (HTML), and its Markdown twin beside it.

    Raises:
        InputError: the path does not end in ``.html``, or cannot be written.
    """
    page = Path(path)
    demand_page(page)
    twin = page.with_suffix(".md")
    texts = {page: rendered("page.html.j2", shown), twin: rendered("page.md.j2", shown)}
    try:
        make_folder(page.parent)
        write_texts(texts)
    except OSError as error:
        raise InputError(f"the report {str(page)!r} cannot be written: {_why(error)}") from error
    return page, twin


def demand_page(path: str | Path) -> None:
    """Check that a report can be written to ``path``, before the work that it reports.

    Raises:
        InputError: the name does not end in ``.html`` or ``.htm``, or cannot be written.
    """
    page = Path(path)
    if page.suffix.lower() not in (".html", ".htm") or not page.stem:
        raise InputError(
            f"{str(path)!r}: name the page .html, such as base.html; its twin in Markdown is "
            "base.md, and a browser prints it as PDF"
        )
    try:
        for place in (page, page.with_suffix(".md")):
            demand_writable(place)
    except OSError as error:
        raise InputError(f"the report {str(page)!r} cannot be written: {_why(error)}") from error


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def rendered(template: str, shown: Document) -> str:
    """A document as ``page.html.j2`` or ``page.md.j2`` has it."""
    environment = Environment(
        loader=PackageLoader("radhard.report", "templates"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        finalize=lambda x: visible(x) if type(x) is str else x,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    environment.filters["fenced"] = fenced
    environment.globals["drawn"] = _drawn
    environment.globals["style"] = _style(environment)
    # By type, since a template cannot ask for one.
    environment.tests["picture"] = lambda block: isinstance(block, Picture)
    environment.tests["table"] = lambda block: isinstance(block, Table)
    environment.tests["code"] = lambda block: isinstance(block, Code)
    environment.tests["text"] = lambda block: isinstance(block, Text)
    return environment.get_template(template).render(document=shown)


def _drawn(picture: Picture, narrow: bool) -> Markup:
    name = f"{picture.name}-{'narrow' if narrow else 'wide'}"
    # Trusted: made by us, its text escaped on the way.
    return Markup(visible(svg(lambda: picture.draw(narrow), name, picture.title, picture.finding)))  # noqa: S704


def _style(environment: Environment) -> Markup:
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, "style.css")
    return Markup(source)  # noqa: S704  # a file of this package
