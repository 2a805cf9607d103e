"""Letters that pass for others: words and commands that are not what they look like.

Source of the pairs: https://www.unicode.org/Public/security/latest/confusables.txt, the letters
of Cyrillic and Greek that common fonts draw like Latin ones.
"""

import re
import unicodedata

_CYRILLIC = dict(
    zip("аеорсухіјѕԁһԛԝкмтвАВЕКМНОРСТХІЈЅ", "aeopcyxijsdhqwkmtbABEKMHOPCTXIJS", strict=True)
)
_GREEK = dict(zip("οναιρυκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ovaipukABEZHIKMNOPTYX", strict=True))
_PLAIN = str.maketrans(
    {**_CYRILLIC, **_GREEK, "ı": "i", "ɡ": "g", "ɑ": "a", "ℓ": "l", "∕": "/", "⁄": "/", "／": "/"}
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_OTHERS = re.compile(f"[{''.join([*_CYRILLIC, *_GREEK])}]")
_LATIN = re.compile("[A-Za-z]")
_GREEK_WORD = re.compile(r"[\u0370-\u03ff]")
_COMMAND = re.compile(r"^[ \t]*([/∕⁄／]\S{1,24})", re.MULTILINE)


def mixed_words(text: str) -> int:
    """Count words that mix Latin letters with look-alikes from Cyrillic or Greek.

    Korean beside Latin is ordinary; so is one Greek letter in front, as in micrometres.
    """
    if text.isascii():
        return 0
    return sum(_is_mixed(word) for word in _WORD.findall(text) if not word.isascii())


def disguised_commands(text: str, verbs: frozenset[str]) -> int:
    """Count lines that look like one of the slash commands and are none."""
    if text.isascii():
        return 0
    words = (match[1] for match in _COMMAND.finditer(text))
    return sum(not word.isascii() and skeleton(word)[1:] in verbs for word in words)


def skeleton(word: str) -> str:
    """Return how a word looks in plain small letters, invisible characters left out."""
    plain = unicodedata.normalize("NFKC", word).translate(_PLAIN)
    seen = "".join(c for c in plain if unicodedata.category(c) not in {"Cf", "Cc", "Mn", "Cn"})
    return seen.casefold()


def latin(text: str) -> str:
    """Return the text with Latin letters in place of those that pass for them."""
    return text if text.isascii() else text.translate(_PLAIN)


def _is_mixed(word: str) -> bool:
    if not _LATIN.search(word) or not _OTHERS.search(word):
        return False
    return _GREEK_WORD.search(word[1:]) is not None or _GREEK_WORD.match(word) is None
