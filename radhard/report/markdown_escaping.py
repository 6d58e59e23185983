"""How is untrusted text escaped in Markdown?"""

import re

from radhard.escaping import visible

__all__ = ["fenced", "plain"]


def plain(text: str) -> str:
    r"""Escape text for Markdown: no markup, no HTML, no link, no line break.

    >>> plain("Weights('*') | <b>fc1_w</b>")
    "Weights('\\*') \\| &lt;b&gt;fc1_w&lt;/b&gt;"
    """
    text = " ".join(visible(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*|~])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
    # A bracket before ( or [ would be a link, before a colon a definition.
    return re.sub(r"\](?=[(:\[])", r"\\]", text)


def fenced(text: str, language: str) -> str:
    """A fenced code block whose fence is longer than any fence in the text.

    >>> print(fenced("a = 1", "python"))
    ```python
    a = 1
    ```
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"
