"""How are names shortened where they have no room?"""

import re
from collections.abc import Sequence

__all__ = ["drawable", "short_names"]


def short_names(names: Sequence[str], length: int) -> list[str]:
    """Names of at most ``length`` characters, of which no two are equal unless the names are.

    A last word that all names have, such as "weight", is left out if one of them has no room with
    it; then words are cut to their first letters, from the left as many as necessary, that of the
    layer last. Numbers of layers stay.

    >>> short_names(["encoder.layers.0.self_attn.in_proj_weight", "encoder.layers.1.norm.bias"], 32)
    ['e.l.0.self_attn.in_proj_weight', 'encoder.layers.1.norm.bias']
    >>> short_names(["encoder.layers.0.norm.weight", "embedding.weight"], 16)
    ['e.layers.0.norm', 'embedding']
    >>> short_names(["block_left", "block_low", "bias"], 5)
    ['b_l', 'b_l~2', 'bias']
    """
    texts = {name: drawable(name) for name in names}
    ends = {text.rpartition(".")[2] for text in texts.values()}
    if len(texts) > 1 and len(ends) == 1 and max(map(len, texts.values())) > length:
        texts = {name: text.rpartition(".")[0] or text for name, text in texts.items()}
    short: dict[str, str] = {}
    for name, text in texts.items():
        short[name] = _unlike(_short(text, length), set(short.values()), length)
    return [short[name] for name in names]


def drawable(text: str) -> str:
    """A text with a placeholder for characters that cannot be drawn."""
    # Names come from files of others; XML forbids these characters, and fonts lack them.
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "�", text)


def _short(name: str, length: int) -> str:
    words = name.split(".")
    last = len(words) - 1
    # The layer tells more than what is before it, and than "weight" behind it.
    for at in (*range(last - 1), last, last - 1):
        if len(".".join(words)) <= length or at < 0:
            break
        word = words[at]
        words[at] = word if word.isdigit() else word[:1] if at < last - 1 else _initials(word)
    text = ".".join(words)
    if len(text) <= length:
        return text
    # The end of a name tells as much as its beginning.
    half = (length - 1) // 2
    return f"{text[:half]}…{text[-(length - 1 - half) :]}"


def _initials(word: str) -> str:
    """The first letters of a word and of its parts, with the number at its end.

    >>> _initials("in_proj_weight"), _initials("linear2"), _initials("weight[3, 0]")
    ('i_p_w', 'l2', 'w[3, 0]')
    """
    parts = re.match(r"(.*?)(\d*(?:\[.*\])?)$", word, re.DOTALL)
    assert parts is not None
    return "_".join(part[:1] for part in parts[1].split("_")) + parts[2]


def _unlike(text: str, others: set[str], length: int) -> str:
    number, unlike = 1, text
    while unlike in others:
        number += 1
        mark = f"~{number}"
        unlike = text[: length - len(mark)] + mark
    return unlike
