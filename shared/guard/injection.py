"""How much a text sounds as if it spoke to a language model: a number that only raises caution.

Words are easily changed, so a low score proves nothing and a high one is no proof either. What
keeps an injected instruction from doing harm is that no model has anything to do harm with.
"""

import base64
import binascii
import codecs
import html
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from shared.domain import Value
from shared.guard.lookalikes import latin
from shared.guard.text import Cleaned

SUSPICIOUS = 0.75
"""The score from which a person is asked; see ``benchmarks/guards.py`` for what it costs."""

_WINDOW = 2_000  # characters; signs far apart do not add up
_OVERLAP = 300
_MOST = 200_000  # characters looked at
_DECODED = 0.95  # of a decoded sign's weight, and it was hidden besides
_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,8000}={0,2}")
_HEX = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{2}[ :,]?){16,4000}", re.IGNORECASE)
_SPELLED = re.compile(r"(?:\b\w[ ._*-]){4,400}\w\b")
_QUOTES = str.maketrans("’‘“”´`", "''\"\"''")
_LEET = str.maketrans("013457@$|", "oieastasi")
_LEETED = re.compile(r"[a-z][013457@$|][a-z]")
_PIECES = re.compile(r"[ ._*-]")


class Sign(Value):
    """Something that is said to models; see the head of the rules' file."""

    id: str
    weight: float
    pattern: re.Pattern[str]
    disguised: bool = False


class Caution(Value):
    """How much a text sounds like an instruction to a model, 0 to 1, and by which signs."""

    score: float
    signs: tuple[str, ...] = ()

    @property
    def is_due(self) -> bool:
        """Tell whether a person should look before anything is done."""
        return self.score >= SUSPICIOUS


@cache
def signs() -> tuple[Sign, ...]:
    """Return the packaged signs."""
    text = files("shared.guard").joinpath("rules/injection.toml").read_text("utf-8")
    return tuple(Sign.model_validate(sign) for sign in tomllib.loads(text)["sign"])


def caution_about(cleaned: Cleaned) -> Caution:
    """Return the higher of two scores: of what people see, and of what was hidden from them."""
    seen, hidden = caution(cleaned.text), caution(cleaned.hidden)
    if hidden.score <= seen.score:
        return seen
    return Caution(score=hidden.score, signs=tuple(f"hidden {sign}" for sign in hidden.signs))


def caution(text: str) -> Caution:
    """Return how much a text sounds like an instruction to a model.

    The first 200,000 characters count.
    """
    text = text[:_MOST]
    plain = _normal(text)
    found = [_weighed(window, signs()) for window in _windows(plain)]
    disguised = tuple(sign for sign in signs() if sign.disguised)
    for form in _disguises(text, plain):
        for window in _windows(form):
            seen = _weighed(window, disguised)
            names = tuple(f"disguised {name}" for name in seen.signs)
            found.append(Caution(score=seen.score * _DECODED, signs=names))
    return max(found, key=lambda one: one.score, default=Caution(score=0.0))


def _normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return _SPACE.sub(" ", folded.translate(_QUOTES))


def _windows(text: str) -> Iterator[str]:
    for start in range(0, max(len(text) - _OVERLAP, 1), _WINDOW - _OVERLAP):
        yield text[start : start + _WINDOW]


def _weighed(text: str, known: tuple[Sign, ...]) -> Caution:
    seen = [sign for sign in known if sign.pattern.search(text)]
    doubt = 1.0
    for sign in seen:
        doubt *= 1 - sign.weight
    return Caution(score=round(1 - doubt, 4), signs=tuple(sign.id for sign in seen))


def _disguises(text: str, plain: str) -> Iterator[str]:
    """Yield what the text says once it is decoded, turned round or spelled properly."""
    for blob in _BASE64.findall(text):
        yield _normal(_from_base64(blob))
    for blob in _HEX.findall(text):
        yield _normal(_readable(bytes.fromhex("".join(re.findall(r"[0-9a-fA-F]{2}", blob)))))
    for spelled in _SPELLED.findall(plain):
        yield from _respelled(spelled)
    if _LEETED.search(plain):
        yield plain.translate(_LEET)
    if (spoken := latin(plain)) != plain:
        yield spoken
    if (unescaped := html.unescape(unquote(text))) != text:
        yield _normal(unescaped)
    yield codecs.encode(plain, "rot13")
    yield plain[::-1]


def _respelled(spelled: str) -> Iterator[str]:
    """Join letters that stand alone; words are then told apart by wider gaps, or not at all."""
    joined = _PIECES.sub("", spelled)
    yield joined
    for word in ("ignore", "previous", "all", "instructions", "system", "prompt", "reveal", "your"):
        joined = joined.replace(word, f" {word} ")
    yield _SPACE.sub(" ", joined)


def _from_base64(blob: str) -> str:
    standard = blob.rstrip("=").replace("-", "+").replace("_", "/")
    usable = standard[: len(standard) // 4 * 4]
    try:
        return _readable(base64.b64decode(usable, validate=True))
    except binascii.Error:
        return ""


def _readable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text if text.count("\ufffd") * 10 <= len(text) else ""
