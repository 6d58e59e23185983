"""How is a figure of a page written to a standalone file?"""

import re
from importlib import resources

__all__ = ["standalone"]


def standalone(text: str) -> str:
    """A picture that was made for a page, with the page's colours, as an SVG file."""
    sheet = resources.files("radhard.report").joinpath("templates/style.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[:2]
    style = (
        f"svg {{{light}font-family: system-ui, sans-serif; background: var(--card)}}\n"
        f"@media (prefers-color-scheme: dark) {{ svg {{{dark}}} }}"
    )
    head, _, rest = text.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>{style}</style>{rest}\n'
