"""How are the figures of the study data-encoding drawn again, without running it again?

    python scripts/redraw_encodings.py

From the numbers beside its page, after a change of what draws figures. The campaigns take hours.
"""

import json
from pathlib import Path
from typing import Any

from radhard.stats import Estimate
from radhard.studies.data_encoding import DATA_ENCODING
from radhard.studies.encodings.encoding_section import encoding_figure

FOLDER = Path(__file__).parents[1] / "docs" / "studies"


def main() -> None:
    """Draw the figure of every network."""
    numbers = json.loads((FOLDER / f"{DATA_ENCODING.name}.json").read_text("utf-8"))
    for network in numbers["networks"]:
        name = f"{DATA_ENCODING.name}-{network['name']}"
        accuracy = {each["name"]: _points(each["accuracy"]) for each in network["encodings"]}
        tolerable = {each["name"]: each["tolerable"]["text"] for each in network["encodings"]}
        text = encoding_figure(name, DATA_ENCODING.design, network["name"], accuracy, tolerable)
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")
        print(FOLDER / f"{name}.svg")


def _points(rows: list[dict[str, Any]]) -> list[tuple[float, Estimate]]:
    """The accuracy at every rate."""
    return [(row.pop("rate"), Estimate(**row)) for row in rows]


if __name__ == "__main__":
    main()
