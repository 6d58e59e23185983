"""How is a command written so that a shell reads it as it is?"""

import re
import shlex

__all__ = ["shell_line"]


def shell_line(*words: str) -> str:
    """The words as one line of a shell; words with spaces or brackets are quoted.

    >>> shell_line("radhard", "run", "--target", "Weights('*')")
    'radhard run --target "Weights(\\'*\\')"'
    """
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    quoted = shlex.quote(word)
    # Components have single quotes in them, for which shlex needs five characters each.
    return f'"{word}"' if "'" in word and not re.search(r'["$`\\!]', word) else quoted
