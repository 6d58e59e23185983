"""What do the pages look like, for the gallery? `python scripts/picture_pages.py FOLDER`.

Runs the commands of the gallery in a folder (some minutes; what is there is kept), and takes
pictures of parts of their pages with a headless Chromium (``apt-get install chromium``).
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

__all__ = ["COMMANDS"]

IMAGES = Path(__file__).parents[1] / "docs" / "images"

COMMANDS = (
    "run lenet5 --data mnist --n 100 --sampler PerBit(40) --metric Outcome() --metric Accuracy() "
    "--metric SampleHarm(100) --store base.db --report base.html",
    "harden lenet5 --data mnist --n 100 --with Ranger() -o ranger",
    "harden lenet5 --data mnist --n 100 --with WeightRangeCheck() -o checked",
    "verify base.db --model ranger --store ranger.db --report verification.html",
    "verify base.db --model checked --store checked.db",
    "report base.db ranger.db checked.db -o hardenings.html",
)
"""As in the gallery, without the quotes of a shell."""

PICTURES = {
    "samples": ("base", "#samples h2", "#samples figure"),
    "parts": ("base", "#parts h2", "#parts .tree"),
    "verification": ("verification", "header", "#tensors figure"),
    "hardenings": ("hardenings", "header", "#pareto figure"),
}
"""Of each picture the page, and where it begins and ends."""


def main(folder: Path) -> int:
    """Run the commands that are left, and take all pictures."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("there is no browser to take the pictures with: apt-get install chromium")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for command in COMMANDS:
        words = command.split()
        if not (folder / words[-1]).exists():
            print("radhard", command, flush=True)
            subprocess.run([sys.executable, "-m", "radhard", *words], cwd=folder, check=True)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (page, first, last) in PICTURES.items():
            view = chromium.new_page(viewport={"width": 920, "height": 800})
            view.goto((folder / f"{page}.html").resolve().as_uri())
            # The worst tensor with its bits, and the worst of its channels.
            view.evaluate("document.querySelectorAll('.tree').forEach(unfold)" + _UNFOLD)
            _take(view, first, last, IMAGES / f"{name}.png")
        chromium.close()
    return 0


_UNFOLD = """
function unfold(tree) {
  const tensor = tree.querySelector("details");
  tensor.open = true;
  tensor.querySelector("details").open = true;
}
"""


def _take(view: Page, first: str, last: str, picture: Path) -> None:
    begin, end = (view.locator(at).first.bounding_box() for at in (first, last))
    assert begin is not None
    assert end is not None
    top = max(0, begin["y"] - 26)
    height = round(end["y"] + end["height"] + 6 - top)
    view.screenshot(
        path=picture, full_page=True, clip={"x": 0, "y": top, "width": 920, "height": height}
    )
    # A fourth of the size, without a difference that one sees.
    Image.open(picture).quantize(256, Image.Quantize.FASTOCTREE).save(picture, optimize=True)
    print(picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    sys.exit(main(parser.parse_args().folder))
