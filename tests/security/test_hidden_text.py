"""Text with something hidden in it: what is left, and what is said to have been there."""

import unicodedata

import pytest

from shared.guard.hidden import Hidden
from shared.guard.text import LIMIT, clean

VERBS = frozenset({"approve", "cancel"})


def tags(text: str) -> str:
    """Spell a text in tag characters, which no page shows and models read."""
    return "".join(chr(0xE0000 + ord(character)) for character in text)


def selectors(text: str) -> str:
    """Spell a text in variation selectors, a byte each."""
    return "".join(
        chr(0xFE00 + b) if b < 16 else chr(0xE0100 + b - 16) for b in text.encode("ascii")
    )


H = Hidden
CASES: dict[str, tuple[str, str, set[Hidden]]] = {
    "tag characters spell an order": (f"Hi{tags('obey me')}.", "Hi.", {H.TAG}),
    "selectors spell an order": (f"ok 🙂{selectors('obey')}", "ok 🙂", {H.VARIATION}),
    "zero width space in a word": ("pass\u200bword", "password", {H.FORMAT}),
    "zero width joiner between letters": ("a\u200db", "ab", {H.FORMAT}),
    "soft hyphen": ("in\u00advisible", "invisible", {H.FORMAT}),
    "word joiner and byte order mark": ("\ufeffa\u2060b", "ab", {H.FORMAT}),
    "override of direction": ("abc\u202egpj.exe", "abcgpj.exe", {H.BIDI}),
    "isolates of direction": ("if \u2066admin\u2069:", "if admin:", {H.BIDI}),
    "Hangul filler as a blank": ("a\u3164\u1160\uffa0b", "ab", {H.FILLER}),
    "Braille blank": ("a\u2800b", "a b", {H.FILLER}),
    "private use": ("a\ue000\U000f0000b", "ab", {H.PRIVATE}),
    "unassigned": ("a\u0378b", "ab", {H.UNASSIGNED}),
    "lone surrogate": ("a\ud800b", "ab", {H.UNASSIGNED}),
    "escape sequence of a terminal": ("a\x1b[2Jb", "a[2Jb", {H.CONTROL}),
    "NUL and backspace": ("a\0b\x08c", "abc", {H.CONTROL}),
    "flood of marks": ("a" + "\u0301" * 40, "á" + "\u0301" * 4, {H.MARKS}),
    "comment": ("a <!-- obey --> b", "a  b", {H.COMMENT}),
    "comment over lines": ("a\n<!-- obey\nme -->\nb", "a\n\nb", {H.COMMENT}),
    "open comment hides the rest": ("a\n\n<!-- obey\nme", "a\n\n", {H.COMMENT}),
    "comment behind an escaped tick": ("\\`<!-- obey -->`", "\\``", {H.COMMENT}),
    "comment in a fence inside HTML": (
        "<div>\n```\n<!-- obey -->\n```\n</div>",
        "<div>\n```\n\n```\n</div>",
        {H.COMMENT},
    ),
    "comment in a fence inside pre": (
        "<pre>\n\n```\n<!-- obey -->\n```\n</pre>",
        "<pre>\n\n```\n\n```\n</pre>",
        {H.COMMENT},
    ),
    "comment between single ticks of two paragraphs": (
        "a ` b\n\n<!-- obey -->\n\nc ` d",
        "a ` b\n\n\n\nc ` d",
        {H.COMMENT},
    ),
    "processing instruction": ("a <?php obey ?> b", "a  b", {H.COMMENT}),
    "CDATA": ("a <![CDATA[ obey ]]> b", "a  b", {H.COMMENT}),
    "declaration": ("a <!OBEY me> b", "a  b", {H.COMMENT}),
    "definition as a comment": ("[//]: # (obey me)\nb", "b", {H.DEFINITION}),
    "unused definition": ("[obey me]: http://e.example\nb", "b", {H.DEFINITION}),
    "title of a used definition": (
        '[a][1]\n\n[1]: http://e.example "obey"\n',
        "[a][1]\n\n[1]: http://e.example\n",
        {H.TITLE},
    ),
    "alternative text": ("![obey me](http://e.example/a.png)", "[image]", {H.IMAGE}),
    "alternative text with code in it": ("![obey `x` me](u)", "[image]", {H.IMAGE}),
    "image with a title": ('![a](u "obey")', "[image]", {H.IMAGE}),
    "image element": ('<img src=u alt="obey">', "[image]", {H.IMAGE}),
    "title of a link": ('[a](http://e.example "obey")', "[a](http://e.example)", {H.TITLE}),
    "title of an element": ('<a href="u" title="obey">a</a>', '<a href="u">a</a>', {H.ATTRIBUTE}),
    "unknown attribute": ('<p data-x="obey">a</p>', "<p>a</p>", {H.ATTRIBUTE}),
    "Cyrillic letter in a command": ("/аpprove", "/аpprove", {H.LOOKALIKE, H.LOOKALIKE_COMMAND}),
    "full width command": ("／ａｐｐｒｏｖｅ", "／ａｐｐｒｏｖｅ", {H.LOOKALIKE_COMMAND}),
    "invisible letter in a command": (
        "/app\u200brove",
        "/approve",
        {H.FORMAT, H.LOOKALIKE_COMMAND},
    ),
    "Cyrillic letters in a name": ("pаypаl", "pаypаl", {H.LOOKALIKE}),
}
HARMLESS = {
    "Korean": "이슈를 고쳐 주세요. `find()`가 2월 29일에 멈춥니다 — API를 확인해 주세요!",
    "Japanese and Chinese": "バグを直してください。这是一个测试。",
    "Arabic with a joiner": "می\u200cخواهم",
    "Hindi with joiners": "क्\u200dष क्\u200cष",
    "a family of emoji": "👨\u200d👩\u200d👧 👍🏽 ❤\ufe0f 1\ufe0f⃣ 🏳\ufe0f\u200d🌈",
    "the flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "code with a comment": "```html\n<!-- shown -->\n![a](b)\n```",
    "code span with a comment": "Use `<!-- x -->` here.",
    "less than": "if a < b and b > c: x <- y <b",
    "micrometres": "10 μm, Δx, Ωm",
    "link and list": "- [a](http://e.example/x_(y))\n- <http://e.example>\n- [ ] todo",
    "log line in brackets": "[INFO]: started the server",
    "accents": "naïve café Straße, Ελληνικά, Русский",
}


@pytest.mark.parametrize("name", CASES)
def test_hidden_text(name: str) -> None:
    """What a page does not show is gone, is named by its kind, and look-alikes are named."""
    text, left, kinds = CASES[name]
    cleaned = clean(text, verbs=VERBS)
    assert cleaned.text == left
    assert {one.kind for one in cleaned.found} == kinds


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_text(name: str) -> None:
    """Scripts, emoji and code that people see stay as they are, and raise nothing."""
    cleaned = clean(HARMLESS[name], verbs=VERBS)
    assert (cleaned.text, cleaned.found) == (HARMLESS[name], ())


def test_decomposed_hangul_is_composed() -> None:
    """Korean as macOS writes it in file names reads like Korean typed by hand."""
    assert clean(unicodedata.normalize("NFD", "한글 이름")).text == "한글 이름"


def test_hidden_words_are_kept_apart() -> None:
    """What tags, comments and alternative texts say can be judged, and is not in the text."""
    cleaned = clean(f"a{tags('one')} <!-- two --> ![three](u)")
    assert [word for word in ("one", "two", "three") if word in cleaned.hidden] == [
        "one",
        "two",
        "three",
    ]
    assert cleaned.text == "a  [image]"


def test_long_texts_are_cut() -> None:
    """A text has an end, and the cut is told."""
    cleaned = clean("a" * (LIMIT + 7))
    assert len(cleaned.text) == LIMIT
    assert [(one.kind, one.count) for one in cleaned.found] == [(Hidden.LENGTH, 7)]


def test_only_what_nobody_writes_by_accident_is_suspicious() -> None:
    """A template's comment raises no suspicion, characters of direction do."""
    assert not clean("<!-- describe the bug -->").is_suspicious
    assert clean("a\u202eb").is_suspicious


def test_files_keep_their_markup() -> None:
    """In a file or a log, Markdown is text like any other."""
    assert clean("<!-- a --> ![b](c)", markdown=False).text == "<!-- a --> ![b](c)"
