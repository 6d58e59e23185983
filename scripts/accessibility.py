"""Can everyone read the pages? Checks of axe-core, on a desk and a phone, light and dark.

    python scripts/accessibility.py build/pages/*.html

Prints every finding with the element that it is about, and ends with status 1 if one is serious or
critical, or if a page asks for anything but itself. The source of axe-core comes from npm, and is
kept in build/.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

_VERSION = "4.14.1"
_AXE = Path(__file__).parent.parent / "build" / f"axe-core-{_VERSION}.min.js"

_WIDTHS = (1280, 390)
_GRAVE = ("serious", "critical")


def axe_source() -> str:
    """The program that checks a page, taken from npm once."""
    if not _AXE.exists():
        _AXE.parent.mkdir(exist_ok=True)
        command = ["npm", "pack", f"axe-core@{_VERSION}", "--silent"]
        subprocess.run(command, cwd=_AXE.parent, check=True, stdout=subprocess.DEVNULL)
        packed = _AXE.parent / f"axe-core-{_VERSION}.tgz"
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            _AXE.write_bytes(member.read())
        packed.unlink()
    return _AXE.read_text("utf-8")


def findings(browser: Browser, file: Path, axe: str) -> Iterator[tuple[str, str, str]]:
    """How grave it is, which rule, and where, of everything that axe-core finds on a page."""
    for width in _WIDTHS:
        for scheme in ("light", "dark"):
            # The page allows no script but its own, and this one is not.
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if scheme == "dark" else "light",
                bypass_csp=True,
            )
            page, asked = context.new_page(), []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.goto(file.resolve().as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            page.add_script_tag(content=axe)
            result: dict[str, Any] = page.evaluate("axe.run(document)")
            where = f"{width} px, {scheme}"
            for rule in result["violations"]:
                for node in rule["nodes"]:
                    text = f"{rule['help']} ({where}): {node['html'][:160]}"
                    yield rule["impact"], rule["id"], text
            for url in asked:
                if not url.startswith("data:") and url != file.resolve().as_uri():
                    yield "critical", "request", f"asks for {url} ({where})"
            context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path)
    pages, axe = parser.parse_args().pages, axe_source()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        sys.exit("there is no chromium; install it, or name it in CHROMIUM")
    grave = 0
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for file in pages:
            found = dict.fromkeys(findings(browser, file, axe))
            counts = [sum(impact == kind for impact, _, _ in found) for kind in _GRAVE]
            grave += sum(counts)
            print(f"{file.name}: {len(found)} findings, {sum(counts)} serious or critical")
            for impact, rule, text in found:
                print(f"  {impact}: {rule}: {text}")
        browser.close()
    return 1 if grave else 0


if __name__ == "__main__":
    sys.exit(main())
