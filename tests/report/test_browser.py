"""Does the page read well in a browser, on a desk, on a phone, and on paper?"""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from radhard.errors import InputError
from radhard.formats import Int
from radhard.report import write, write_verification
from radhard.report.estimate_cells import read
from radhard.results import Results
from radhard.verification import Verification

from .made import high_bits, made, none, rendered
from .scored import rendered as rendered_scores

WIDTHS = (390, 1280)

LEVELS = ("tensor", "channel", "bit")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.fail("there is no browser to look at the report with: apt-get install chromium")
    quiet = ("background-networking", "component-update", "gpu")
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
        )
        yield browser
        browser.close()


class Opened:
    """A page with everything that it asked for and complained of."""

    def __init__(self, browser: Browser, file: Path, width: int, scheme: str = "light") -> None:
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    def cut_off(self) -> list[str]:
        """Captions of the tables that are wider than the page leaves room for."""
        return list(
            self.page.evaluate(
                "[...document.querySelectorAll('.scroll')]"
                ".filter(e => e.scrollWidth > e.clientWidth)"
                ".map(e => e.getAttribute('aria-label'))"
            )
        )

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("width", WIDTHS)
def test_page_opens_quietly_and_fits(browser: Browser, page: Path, width: int) -> None:
    opened = Opened(browser, page, width)
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [page.as_uri()]
    assert opened.overflow() <= 0
    assert opened.cut_off() == []
    shot = opened.page.screenshot(full_page=True)
    blank = browser.new_page(viewport={"width": width, "height": 900}).screenshot()
    assert len(shot) > 10 * len(blank)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_seen_once_and_has_a_text(browser: Browser, page: Path, width: int) -> None:
    opened = Opened(browser, page, width)
    figures = opened.page.get_by_role("img")
    count = opened.page.locator("figure").count()
    assert figures.count() == count >= 4
    for at in range(count):
        snapshot = figures.nth(at).aria_snapshot()
        assert len(snapshot) > 40
        box = figures.nth(at).bounding_box()
        assert box is not None
        assert box["width"] > 300
        # Drawn at about its own size, so that 11 pixels of type are 11 pixels.
        scale = box["width"] / float((figures.nth(at).get_attribute("viewBox") or "").split()[2])
        assert 0.9 < scale < 1.2


def test_a_phone_has_smaller_text_and_the_same_paragraphs(browser: Browser, page: Path) -> None:
    styles = """name => { const style = getComputedStyle(document.querySelector(name));
        return [style.display, parseFloat(style.fontSize), style.color, style.marginTop]; }"""
    phone, desk = (Opened(browser, page, width).page for width in WIDTHS)
    names = (".mark", "h1", ".summary", "nav", "nav a", ".meaning", ".main .value", "section > p")
    for name in names:
        small, large = phone.evaluate(styles, name), desk.evaluate(styles, name)
        assert (small[0], *small[2:]) == (large[0], *large[2:]), name
        assert small[1] <= large[1], name
    assert phone.evaluate(styles, ".summary")[:2] == ["block", 16]
    assert phone.evaluate(styles, "nav")[0] == "flex"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Browser, page: Path, scheme: str) -> None:
    opened = Opened(browser, page, 1280, scheme)
    luminance = """name => {
        const probe = document.createElement('i'); document.body.append(probe);
        probe.style.color = `var(--${name})`;
        const parts = getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
            .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]; }"""
    ground = opened.page.evaluate(luminance, "card")
    for name in ("ink", "muted", "accent"):
        text = opened.page.evaluate(luminance, name)
        ratio = (max(text, ground) + 0.05) / (min(text, ground) + 0.05)
        assert ratio >= 4.5, name


def test_paper_holds_the_folded_rows_too(browser: Browser, page: Path) -> None:
    opened = browser.new_page(viewport={"width": 794, "height": 1100})
    opened.goto(page.as_uri())
    assert not opened.locator("details table").first.is_visible()
    opened.emulate_media(media="print")
    assert opened.locator("details table").first.is_visible()
    assert opened.pdf(format="A4").startswith(b"%PDF")


def test_a_pdf_is_printed_where_there_is_a_browser(tmp_path: Path, monkeypatch) -> None:
    paper, twin = write(made(format=Int(8)), tmp_path / "base.pdf")
    assert paper.read_bytes().startswith(b"%PDF")
    assert twin.read_text("utf-8").startswith("# ")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="printed by Chromium"):
        write(made(format=Int(8)), tmp_path / "other.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.md", "base.pdf"]


def test_numbers_of_a_table_are_downloaded_as_csv(browser: Browser, page: Path) -> None:
    opened = Opened(browser, page, 1280)
    with opened.page.expect_download() as download:
        opened.page.get_by_role("link", name="Critical SDC rate by tensor, as CSV").click()
    assert opened.said == []
    rows = list(csv.reader(download.value.path().read_text("utf-8").splitlines()))
    table = opened.page.get_by_role("region", name="Critical SDC rate by tensor", exact=True)
    assert rows[0] == table.locator("thead th").all_inner_texts()
    shown = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
    assert rows[1:] == shown


@pytest.mark.parametrize("width", WIDTHS)
def test_a_tensor_is_unfolded_to_its_channels_and_their_bits(
    browser: Browser, campaign: tuple[Results, Path], page: Path, width: int
) -> None:
    results, _ = campaign
    opened = browser.new_page(viewport={"width": width, "height": 900})
    opened.goto(page.as_uri())
    at: Any = opened.get_by_role("group", name="Critical SDC rate of parts of the model")
    way = []
    for level in LEVELS:
        part = at.locator(f":scope > .{level}, :scope > ul > li > .{level}").first
        assert part.is_visible()
        name = part.locator(".name").first.inner_text().removeprefix(f"{level} ")
        way.append(name)
        rate = read(results.rate(by=", ".join(LEVELS[: len(way)]))[", ".join(way)])
        line = " ".join(part.locator("summary, :scope").first.inner_text().split())
        assert f"{rate.value} {rate.interval} {rate.basis}" in line
        if level != "bit":
            part.locator("summary").first.click()
        at = part
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    opened.get_by_role("button", name="Unfold all").click()
    assert opened.locator(".tree details:not([open])").count() == 0
    assert not opened.get_by_role("button", name="Unfold all").count()


def test_numbers_are_copied(browser: Browser, campaign: tuple[Results, Path], page: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.goto(page.as_uri())
    opened.get_by_role("button", name="Copy these numbers").click()
    opened.get_by_role("button", name="Copied").wait_for()
    text = opened.evaluate("navigator.clipboard.readText()")
    rate = read(campaign[0].rate())
    assert f"Critical SDC rate: {rate.value} {rate.interval}, {rate.basis}\n" in text
    opened.get_by_role("button", name="Critical SDC rate by tensor, copy").click()
    opened.get_by_role("button", name="Critical SDC rate by tensor, copy").filter(
        has_text="Copied"
    ).wait_for()
    lines = opened.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0] == "tensor,layer,words,rate,95 % interval,based on"
    assert len(lines) == 1 + len(campaign[0].space.sites)
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_page_of_a_verification_fits_and_names_its_sections(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    before, after = (made(critical=rule, format=Int(8)) for rule in (high_bits, none))
    file = tmp_path / "hard.html"
    write_verification(Verification(before, after, None, None, ("Ranger()",)), file)
    opened = Opened(browser, file, width)
    assert opened.said == []
    assert opened.overflow() <= 0
    assert opened.cut_off() == []
    links = opened.page.locator("nav a")
    assert links.count() == opened.page.locator("section h2").count()
    for at in range(links.count()):
        address = links.nth(at).get_attribute("href") or ""
        assert opened.page.locator(f"section{address}").count() == 1


@pytest.mark.parametrize("case", ["a hundred tensors", "error rates", "distance only", "bursts"])
def test_other_runs_fit_a_phone(browser: Browser, tmp_path: Path, case: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(rendered(case)[1], encoding="utf-8")
    opened = Opened(browser, file, 390)
    assert opened.said == []
    assert opened.overflow() <= 0


@pytest.mark.parametrize(
    ("case", "width"),
    [*(("several", width) for width in WIDTHS), ("sixty layers", 390), ("bits", 390)],
)
def test_pages_of_scores_fit_and_are_quiet(
    browser: Browser, tmp_path: Path, case: str, width: int
) -> None:
    file = tmp_path / "page.html"
    file.write_text(rendered_scores(case)[1], encoding="utf-8")
    opened = Opened(browser, file, width)
    assert opened.said == []
    assert opened.overflow() <= 0
    figures = opened.page.get_by_role("img")
    assert figures.count() == opened.page.locator("figure").count() >= 2
    for at in range(figures.count()):
        box = figures.nth(at).bounding_box()
        assert box is not None
        scale = box["width"] / float((figures.nth(at).get_attribute("viewBox") or "").split()[2])
        assert 0.9 < scale < 1.2
