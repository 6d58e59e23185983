"""How is a page printed to a PDF file?"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from radhard.errors import InputError
from radhard.files.atomic import replaced

__all__ = ["check_browser", "print_pdf"]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

_SECONDS = 120
"""A page is printed in two seconds on an idle machine."""


def _browser() -> str | None:
    """The browser of this machine that can print without a window; None if there is none."""
    found = (shutil.which(name) for name in _BROWSERS)
    return next((path for path in found if path is not None), None)


def check_browser(path: Path) -> str:
    """The browser that prints ``path``, before the work whose result it is to hold.

    Raises:
        InputError: there is none.
    """
    program = _browser()
    if program is None:
        raise InputError(
            f"{str(path)!r}: a PDF is printed by Chromium, and none of {', '.join(_BROWSERS)} is "
            "there; install it, or write an .html page and print that from a browser"
        )
    return program


def print_pdf(text: str, path: Path) -> None:
    """Write an HTML page as a PDF file, by the browser of this machine.

    Raises:
        InputError: there is no browser, or it does not print.
        OSError: the file cannot be written.
    """
    program = check_browser(path)
    with tempfile.TemporaryDirectory() as folder:
        page, printed = Path(folder, "page.html"), Path(folder, "page.pdf")
        page.write_text(text, encoding="utf-8")
        command = [
            program,
            "--headless",
            "--no-sandbox",  # root cannot set one up; the page and its script are ours
            "--disable-gpu",
            f"--user-data-dir={folder}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ]
        try:
            done = subprocess.run(  # noqa: S603  # a browser of this machine, and our own page
                command, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(f"{program} did not print a page within {_SECONDS} s") from error
        if not printed.exists():
            lines = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
            raise InputError(f"{program} did not print the page: {lines[-1]}")
        with replaced(path) as file:
            file.write_bytes(printed.read_bytes())
