"""Is the documentation site built without a warning, complete, and sufficient to itself?"""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import radhard as rh

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [*command, str(folder)], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_every_public_name_is_in_the_reference(site):
    page = (site / "reference" / "radhard.html").read_text("utf-8")
    rooms = [name for name in rh.__all__ if type(getattr(rh, name)).__name__ == "module"]
    assert len(rooms) > 15
    for name in set(rh.__all__) - set(rooms):
        assert f'id="radhard.{name}"' in page, name
    for room in rooms:
        page = (site / "reference" / f"{room}.html").read_text("utf-8")
        for name in importlib.import_module(f"radhard.{room}").__all__:
            assert f'id="radhard.{room}.{name}"' in page, name


def test_fields_of_components_are_their_signature_and_doctests_are_code(site):
    page = (site / "reference" / "faults.html").read_text("utf-8")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "BitFlip( bits: int" in text or "BitFlip(bits: int" in text
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    assert not re.search(r"<blockquote>\s*<blockquote>", page)


@pytest.mark.parametrize("question", ["How many faults do I need", "Which hardening", "FIT"])
def test_search_finds_the_questions_of_newcomers(site, question):
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    titles = [entry["title"] for entry in index["docs"]]
    assert any(question in title for title in titles) or any(
        question in entry["text"] for entry in index["docs"]
    )


def test_no_page_asks_for_anything_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="([^"]+)"', text)
        loaded += re.findall(
            r'<link[^>]*rel="(?:stylesheet|icon|preconnect)"[^>]*href="([^"]+)"', text
        )
        assert [url for url in loaded if url.startswith(("http:", "https:", "//"))] == [], page
