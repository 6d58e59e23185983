"""How does text of somebody else become harmless where it is shown?"""

import re

__all__ = ["printable", "visible"]

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_HIDDEN = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}]")
_SPACING = re.compile(r"[\t\n]")


def visible(text: str) -> str:
    """The text with a mark for every character that has no place in a page.

    Control characters, halves of a character, and marks that turn the direction of reading.
    """
    return _HIDDEN.sub("�", text)


def printable(text: str) -> str:
    r"""The text as one line that a terminal shows and does not obey: no escape code, no tab.

    >>> printable("fc\x1b[31m"), printable("a\nb")
    ('fc�[31m', 'a�b')
    """
    return _SPACING.sub("�", visible(text))
