"""What does a report look like, for the README? `python scripts/picture_report.py`.

Runs the campaign of ``radhard demo`` (about a minute), writes its report, and takes a picture of
the top of it with a headless Chromium (``apt-get install chromium``).
"""

import shutil
import sys
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

from radhard.campaign import run
from radhard.datasets import load as load_data
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.models import load as load_model
from radhard.report import write
from radhard.samplers import PerBit
from radhard.space import FaultSpace
from radhard.targets import Weights

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"


def main() -> int:
    """Run, write, open, and take the picture."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("there is no browser to take the picture with: apt-get install chromium")
        return 2
    torch.set_num_threads(1)
    model, data = load_model("lenet5"), load_data("mnist").first(100)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    names = {"model": "lenet5", "data": "mnist", "first samples": 100}
    results = run(model, data, space, PerBit(40), seed=1, names=names)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page, _ = write(results, Path(folder) / "demo.html", store="runs/demo.db")
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        view = chromium.new_page(viewport={"width": 920, "height": 800}, device_scale_factor=1.5)
        view.goto(page.as_uri())
        # Down to the end of the picture everyone looks for: the bits.
        end = view.locator("#bits figure").bounding_box()
        assert end is not None
        height = round(end["y"] + end["height"]) + 16
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        view.screenshot(
            path=PICTURE,
            full_page=True,
            clip={"x": 0, "y": 0, "width": 920, "height": height},
        )
        chromium.close()
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
