"""Characters that nobody sees: taken out of foreign text, without harm to scripts that need some.

Removed are the categories Cc (but line feed and tab), Cf, Co, Cn and Cs, variation selectors,
tag characters, bidirectional controls and Hangul fillers. Kept are

- the zero width joiner between two emoji, and joiners between letters of scripts that are
  written with them (Arabic, Syriac, the Indic scripts, Khmer, Myanmar, Mongolian);
- one presentation selector (U+FE0E, U+FE0F) behind a symbol or digit, as emoji have it;
- the tags of the three flags that Unicode names: England, Scotland, Wales.

Text is normalised to NFC, which composes Hangul that arrives decomposed. NFKC is not used: it
would rewrite what people typed on purpose. An emoji newer than this Python's Unicode counts
as unassigned.
"""

import re
import unicodedata

from shared.guard.hidden import Findings, Hidden

_FLAG_TAGS = "|".join(
    "".join(chr(0xE0000 + ord(c)) for c in region) for region in ("gbeng", "gbsct", "gbwls")
)
# Everything but the bulk of ordinary text; what is left is looked up one by one.
_ODD = re.compile(
    rf"\U0001F3F4(?:{_FLAG_TAGS})\U000E007F"
    r"|[^\n\t -~\u00a0-\u00ac\u00ae-\u02ff\u0391-\u0486\u2010-\u2027\u3040-\u3163\u3165-\u318e"
    r"\u4e00-\u9fff\uac00-\ud7a3]"
)
_FLOOD = re.compile(
    r"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    r"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+)"
)
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029]")
_JOINING = re.compile(
    r"[\u0600-\u06ff\u0700-\u077f\u08a0-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af]"
)
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5"
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_PRESENTATION = "\ufe0e\ufe0f"
_KINDS = {
    "Cc": Hidden.CONTROL,
    "Cf": Hidden.FORMAT,
    "Co": Hidden.PRIVATE,
    "Cn": Hidden.UNASSIGNED,
    "Cs": Hidden.UNASSIGNED,
}


def strip_characters(text: str, findings: Findings) -> str:
    """Return the text in NFC without invisible characters; what they spelled goes to findings."""
    if text.isascii() and text.isprintable():
        return text
    spelled: list[str] = []
    text = _LINE_ENDS.sub("\n", text)

    def visible(match: re.Match[str]) -> str:
        if len(match[0]) > 1:
            return match[0]
        kind = _kind(match)
        if kind is None:
            return match[0]
        findings.note(kind)
        spelled.append(_spelled(match[0]))
        # A blank that takes room is a space to the eye.
        return " " if match[0] == "\u2800" else ""

    seen = _ODD.sub(visible, text)
    findings.keep("".join(spelled))
    seen = unicodedata.normalize("NFC", seen)

    def calmed(match: re.Match[str]) -> str:
        findings.note(Hidden.MARKS, count=len(match[2]))
        return match[1]

    return _FLOOD.sub(calmed, seen)


def _kind(match: re.Match[str]) -> Hidden | None:
    """Return why a character is taken out, or None when it stays."""
    character, code = match[0], ord(match[0])
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0x180B <= code <= 0x180D:  # noqa: PLR2004  Unicode's own numbers
        return None if _presents(match) else Hidden.VARIATION
    if 0xE0000 <= code <= 0xE007F:  # noqa: PLR2004  as above
        return Hidden.TAG
    if character in _FILLERS:
        return Hidden.FILLER
    if character in _BIDI:
        return Hidden.BIDI
    if character in {_ZWJ, _ZWNJ} and _joins(match):
        return None
    return _KINDS.get(unicodedata.category(character))


def _presents(match: re.Match[str]) -> bool:
    before = match.string[match.start() - 1 : match.start()]
    if match[0] not in _PRESENTATION or not before:
        return False
    return before in "\u2139\u24c2" or unicodedata.category(before)[0] in "SPN"


def _joins(match: re.Match[str]) -> bool:
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    if not before or not after:
        return False
    if _JOINING.match(before) and _JOINING.match(after):
        return True
    ends_emoji = before == "\ufe0f" or unicodedata.category(before) in {"So", "Sk"}
    return match[0] == _ZWJ and ends_emoji and unicodedata.category(after) in {"So", "Sm"}


def _spelled(character: str) -> str:
    """Return what a hidden character stands for to a model: tags and selectors carry bytes."""
    code = ord(character)
    if 0xE0000 <= code <= 0xE007F:  # noqa: PLR2004  Unicode's own numbers
        return chr(code - 0xE0000)
    if 0xFE00 <= code <= 0xFE0F:  # noqa: PLR2004  as above
        return chr(code - 0xFE00)
    if 0xE0100 <= code <= 0xE01EF:  # noqa: PLR2004  as above
        return chr(code - 0xE0100 + 16)
    return ""
