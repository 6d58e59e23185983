"""Under which name can a command write without touching what is there already?"""

import re
from itertools import count
from pathlib import Path

__all__ = ["campaign_name", "free_place"]


def campaign_name(model: str) -> str:
    """A name for the files of a campaign, after its model.

    >>> campaign_name("lenet5"), campaign_name("nets/my net.py:build(width=8)")
    ('lenet5', 'my-net')
    >>> campaign_name("hard/"), campaign_name("net.pt2")
    ('hard', 'net')
    """
    place = model.partition("(")[0].rstrip("/").partition(".py:")[0].rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "-", place.removesuffix(".pt2")).strip("-.") or "campaign"


def free_place(path: Path) -> Path:
    """The path, or the first one with a number behind its name where nothing is yet.

    An empty folder counts as nothing.

    >>> free_place(Path("there", "is", "no.db")).name
    'no.db'
    """
    if not _is_taken(path):
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(place for place in numbered if not _is_taken(place))


def _is_taken(path: Path) -> bool:
    try:
        return any(path.iterdir()) if path.is_dir() else path.exists()
    except OSError:  # one that cannot be read, or a name that the file system does not take
        return path.is_dir()
