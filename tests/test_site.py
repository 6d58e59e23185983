"""Is the documentation site built without a warning, complete, and sufficient to itself?"""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import radhard as rh

ROOT = Path(__file__).parents[1]


def test_the_site_is_complete_and_sufficient_to_itself(tmp_path: Path) -> None:
    # One test: building takes a third of a minute, and each worker would build its own.
    site = built(tmp_path)
    check_reference(site)
    check_signatures(site)
    check_search(site)
    check_nothing_is_loaded(site)


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
        for name in importlib.import_module(f"radhard.{room}").__all__:
            assert f'id="radhard.{room}.{name}"' in page, name


def check_signatures(site: Path) -> None:
    page = (site / "reference" / "faults.html").read_text("utf-8")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "BitFlip( bits: int" in text or "BitFlip(bits: int" in text
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    assert not re.search(r"<blockquote>\s*<blockquote>", page)


def check_search(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    titles = [entry["title"] for entry in index["docs"]]
    for question in ("How many faults do I need", "Which hardening", "Four words first"):
        assert any(question in title for title in titles), question


def check_nothing_is_loaded(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="([^"]+)"', text)
        loaded += re.findall(
            r'<link[^>]*rel="(?:stylesheet|icon|preconnect)"[^>]*href="([^"]+)"', text
        )
        assert [url for url in loaded if url.startswith(("http:", "https:", "//"))] == [], page
