"""The secrets of this process, found again in whatever form they would leave it.

Known by value: the webhook secret, the App's key, tokens. Found are the value itself and its
reversed, hexadecimal, decimal, rot13, base32, base64 and base85 forms (at every alignment), in
capitals or small letters, in Unicode's bold, wide and round ones, taken apart by anything but
letters and digits, percent-encoded or escaped, and any part of at least 19 letters and digits.
Not found: encryption, compression, one encoding within another, letters strewn between the
secret's own.
"""

import base64
import codecs
import re
import threading
import unicodedata
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator

_GRAM = 16  # letters and digits compared at once
_STRIDE = 4  # between the grams that are kept of a secret: a part of 19 holds a whole one
_LEAST = 8  # shorter values would be found in ordinary words
_MOST_PASSING = 64  # tokens that live for an hour
_RUN = re.compile(r"[A-Za-z0-9]+")
_ESCAPE = re.compile(
    r"%([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\u(?:00)?([0-9A-Fa-f]{2})(?![0-9A-Fa-f])"
    r"|U\+(?:00)?([0-9A-Fa-f]{2})(?![0-9A-Fa-f])|&#x([0-9A-Fa-f]{2});|&#(\d{2,3});"
    r"|\\([01][0-7]{2})|\\[nrt]"
)
_PIECE = re.compile(f"{_ESCAPE.pattern}|([A-Za-z0-9])")
_DRESSED = re.compile(
    "[\u00b2\u00b3\u00b9\u2070-\u209c\u2100-\u2149\u2460-\u24ff\uff10-\uff5a"
    "\U0001d400-\U0001d7ff\U0001f110-\U0001f18f]"
)
_BY_FOURS: tuple[Callable[[bytes], bytes], ...] = (base64.b85encode, base64.a85encode)
_PEM = re.compile(r"-----[^-]{1,60}-----")
_PEM_COMMON = 26  # base64 of the DER head that all RSA keys of a size share
_JWT_HEAD = re.compile(r"eyJ[A-Za-z0-9_-]{4,}\.")


class OwnSecrets:
    """A registry of values that must not leave; it never shows them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lasting: dict[str, tuple[str, ...]] = {}
        self._passing: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._grams: dict[str, tuple[str, int]] = {}
        self._shorts: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OwnSecrets({len(self)} values)"

    def __len__(self) -> int:
        return len(self._lasting) + len(self._passing)

    def learn(self, value: str, *, lasting: bool = True) -> bool:
        """Keep a value from leaving; tell whether it is long enough to be told from words.

        A value that is not ``lasting`` is forgotten once 64 newer ones of its kind are known.
        """
        value = value.strip()
        if len(_squeezed(value)) < _LEAST:
            return False
        with self._lock:
            if value in self._lasting or value in self._passing:
                return True
            if lasting:
                self._lasting[value] = _forms(value)
            else:
                self._passing[value] = _forms(value)
                while len(self._passing) > _MOST_PASSING:
                    self._passing.popitem(last=False)
            self._index()
        return True

    def find(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return where a text holds one of the values, as (start, end) pairs in order."""
        if not self:
            return ()
        if not any(self._holds(view) for view in _plain_views(text)):
            return ()
        found = [span for view in _views(text) for span in self._found(*view)]
        return tuple(_merged(sorted(found)))

    def _index(self) -> None:
        grams: dict[str, tuple[str, int]] = {}
        shorts: set[str] = set()
        for forms in (*self._lasting.values(), *self._passing.values()):
            for form in forms:
                if len(form) < _GRAM + _STRIDE:
                    shorts.add(form)
                else:
                    last = len(form) - _GRAM
                    for at in {*range(0, last, _STRIDE), last}:
                        grams[form[at : at + _GRAM]] = (form, at)
        self._grams, self._shorts = grams, frozenset(shorts)

    def _holds(self, view: str) -> bool:
        """Tell whether a view holds one of the values; where, `_found` says at much higher cost."""
        grams = self._grams
        if any(view[at : at + _GRAM] in grams for at in range(len(view) - _GRAM + 1)):
            return True
        return any(short in view for short in self._shorts)

    def _found(self, view: str, places: "array[int]") -> Iterator[tuple[int, int]]:
        grams, at, last = self._grams, 0, len(view) - _GRAM
        while at <= last:
            known = grams.get(view[at : at + _GRAM])
            if known is None:
                at += 1
                continue
            start, end = _stretched(view, at, *known)
            yield places[2 * start], places[2 * end - 1]
            at = max(end - _GRAM, at) + 1
        for short in self._shorts:
            start = view.find(short)
            while start >= 0:
                yield places[2 * start], places[2 * (start + len(short)) - 1]
                start = view.find(short, start + len(short))


OURS = OwnSecrets()
"""What this process must not let out. One for all, since every way out has to know it."""


def _stretched(view: str, at: int, form: str, offset: int) -> tuple[int, int]:
    """Return the whole agreement of a view with a form, around one gram."""
    start, end = at, at + _GRAM
    back, on = offset, offset + _GRAM
    while start and back and view[start - 1] == form[back - 1]:
        start, back = start - 1, back - 1
    while end < len(view) and on < len(form) and view[end] == form[on]:
        end, on = end + 1, on + 1
    return start, end


def _views(text: str) -> Iterator[tuple[str, "array[int]"]]:
    """Return the text's letters and digits, as they stand and with escapes undone."""
    yield _view(_RUN.finditer(text))
    if _ESCAPE.search(text):
        yield _view(_PIECE.finditer(text))
    if _DRESSED.search(text):
        yield _undressed(text)


def _plain_views(text: str) -> Iterator[str]:
    """Return the same letters and digits without their places."""
    yield _squeezed(text)
    if _ESCAPE.search(text):
        yield _squeezed(_ESCAPE.sub(lambda match: _undone(*match.groups()), text))
    if _DRESSED.search(text):
        yield _undressed(text)[0]


def _undressed(text: str) -> tuple[str, "array[int]"]:
    """Return the letters and digits with those that only look otherwise, as in bold script."""
    joined: list[str] = []
    places: array[int] = array("q")
    for place, character in enumerate(text):
        for meant in unicodedata.normalize("NFKC", character):
            if meant.isascii() and meant.isalnum():
                joined.append(meant)
                places.extend((place, place + 1))
    return "".join(joined).lower(), places


def _view(matches: Iterator[re.Match[str]]) -> tuple[str, "array[int]"]:
    """Join the pieces; the array holds start and end of each character in the text."""
    joined: list[str] = []
    places: array[int] = array("q")
    for match in matches:
        piece = _decoded(match)
        if match.re is _RUN:
            for place in range(match.start(), match.end()):
                places.append(place)
                places.append(place + 1)
        elif piece:
            places.extend(match.span())
        joined.append(piece)
    return "".join(joined).lower(), places


def _decoded(match: re.Match[str]) -> str:
    if match.re is _RUN:
        return match[0]
    *escape, plain = match.groups()
    return _undone(*escape) if plain is None else plain


def _undone(*escape: str | None) -> str:
    """Return the letter or digit that an escape stands for; of anything else nothing is left."""
    *digits, decimal, octal = escape
    hexadecimal = next((one for one in digits if one), "")
    if not hexadecimal and decimal is None and octal is None:
        return ""  # an escaped end of line
    code = int(decimal) if decimal else int(octal, 8) if octal else int(hexadecimal, 16)
    character = chr(code)
    return character if character.isascii() and character.isalnum() else ""


def _squeezed(text: str) -> str:
    return "".join(_RUN.findall(text)).lower()


def _forms(value: str) -> tuple[str, ...]:
    """Return what to look for: every form of the telling parts, squeezed."""
    found: dict[str, None] = {}
    for part in (_telling(value), value if len(value) < _PEM_COMMON * 2 else ""):
        data = part.encode()
        encoded = (
            part,
            part[::-1],
            codecs.encode(part, "rot13"),
            data.hex(),
            " ".join(map(str, data)),
            *(_shifted(data, base64.b64encode, (3, 4), shift) for shift in range(3)),
            *(_shifted(data, base64.b32encode, (5, 8), shift) for shift in range(5)),
            *(encode(data[at:]).decode() for encode in _BY_FOURS for at in range(4)),
        )
        found |= dict.fromkeys(form for one in encoded if len(form := _squeezed(one)) >= _LEAST)
    return tuple(found)


def _telling(value: str) -> str:
    """Leave out what other people's keys and tokens have in common with ours."""
    if value.startswith("-----BEGIN"):
        return "".join(_PEM.sub("", value).split())[_PEM_COMMON:]
    head = _JWT_HEAD.search(value)
    return value[head.end() :] if head else value


def _shifted(
    data: bytes, encode: Callable[[bytes], bytes], sizes: tuple[int, int], shift: int
) -> str:
    """Return the characters of an encoding that the data alone decides, ``shift`` bytes in.

    ``sizes``: so many bytes become so many characters.
    """
    size, width = sizes
    bits = 8 * size // width
    text = encode(b"\0" * shift + data).decode().rstrip("=")
    first = -(-8 * shift // bits)
    return text[first : 8 * (shift + len(data)) // bits]


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, end = -1, -1
    for first, last in spans:
        if first > end:
            if end >= 0:
                yield start, end
            start, end = first, last
        else:
            end = max(end, last)
    if end >= 0:
        yield start, end
