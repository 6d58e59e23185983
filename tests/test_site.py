"""Is the documentation site built without a warning, complete, and sufficient to itself?"""

import html
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import radhard as rh

ROOT = Path(__file__).parents[1]


def test_the_site_is_complete_and_sufficient_to_itself(tmp_path: Path) -> None:
    # One test: building takes a third of a minute, and each worker would build its own.
    site = built(tmp_path)
    check_reference(site)
    check_signatures(site)
    check_search(site)
    check_nothing_is_loaded(site)
    check_search_from_a_folder(site)


def built(folder: Path) -> Path:
    """The site, built without a warning."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [*command, str(folder)], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def check_reference(site: Path) -> None:
    page = (site / "reference" / "radhard.html").read_text("utf-8")
    rooms = [name for name in rh.__all__ if type(getattr(rh, name)).__name__ == "module"]
    assert len(rooms) > 15
    for name in set(rh.__all__) - set(rooms):
        assert f'id="radhard.{name}"' in page, name
    for room in rooms:
        page = (site / "reference" / f"{room}.html").read_text("utf-8")
        package = importlib.import_module(f"radhard.{room}")
        for name in package.__all__:
            _, found, entry = page.partition(f'id="radhard.{room}.{name}"')
            assert found, name
            # Of a function whose file has its name, not the file.
            if inspect.isfunction(getattr(package, name)):
                assert f"{name}(" in re.sub(r"<[^>]+>|\s", "", entry[:2000]), name


def check_signatures(site: Path) -> None:
    page = (site / "reference" / "faults.html").read_text("utf-8")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "BitFlip( bits: int" in text or "BitFlip(bits: int" in text
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    assert not re.search(r"<blockquote>\s*<blockquote>", page)


def check_search(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    titles = [entry["title"] for entry in index["docs"]]
    asked = re.findall(r"^### (.+)", (ROOT / "docs" / "questions.md").read_text("utf-8"), re.M)
    assert len(asked) >= 40
    for question in (*asked, "Which hardening", "Four words first"):
        assert any(html.escape(question, quote=False) in title for title in titles), question


ASKED = {
    "How many faults do I need": "#how-many-faults-do-i-need",
    "diagnostic coverage": "#what-is-my-diagnostic-coverage",
    "load my own checkpoint": "#how-do-i-use-my-own-model-data-and-checkpoint",
    "AVF by layer": "#how-do-i-get-the-avf-of-each-layer",
}
"""What people type, and which question answers it: the first that is found."""


def check_search_from_a_folder(site: Path) -> None:
    """That a page that is opened without a server searches, and asks for files of the site only."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.fail("there is no browser to search the site with: apt-get install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "reference" / "faults.html").as_uri())
        for words, anchor in ASKED.items():
            # At once, the first time before the index is read.
            page.fill(".md-search__input", words)
            page.press(".md-search__input", "End")
            answer = f".md-search-result__item:first-child a[href*='{anchor}']"
            page.wait_for_selector(answer, state="attached", timeout=60_000)
        browser.close()
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []


def check_nothing_is_loaded(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="([^"]+)"', text)
        loaded += re.findall(
            r'<link[^>]*rel="(?:stylesheet|icon|preconnect)"[^>]*href="([^"]+)"', text
        )
        assert [url for url in loaded if url.startswith(("http:", "https:", "//"))] == [], page
