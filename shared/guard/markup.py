"""What GitHub's page does not show of Markdown: comments, definitions, titles, alternative texts.

Code is shown as it stands, so fenced blocks and code spans are left alone. Where it is unclear
whether something is code, it is taken for none: too much is removed rather than too little.
"""

import bisect
import re
from collections.abc import Iterator

from shared.guard.hidden import Findings, Hidden

# Private-use characters hold the places of code; none is left in a text that comes here.
_HOLD = re.compile("\ue000(\\d+)\ue001")
_NEXT = re.compile(
    r"^(?P<fence> {0,3}(?:`{3,}|~{3,}))[^\n]*$"
    r"|^(?P<raw> {0,3}<(?:pre|script|style|textarea)\b)"
    r"|^(?P<html> {0,3}</?[A-Za-z])"
    r"|(?P<escape>\\[^\n])"
    r"|(?P<ticks>`+)"
    r"|(?P<comment><!--)|(?P<cdata><!\[CDATA\[)|(?P<pi><\?)|(?P<bogus><![A-Za-z]|</[^A-Za-z>\n])",
    re.MULTILINE | re.IGNORECASE,
)
_ENDS = {"comment": "-->", "cdata": "]]>", "pi": "?>", "bogus": ">"}
_COMMENT_MARKS = re.compile(r"<!--|-->|<!\[CDATA\[|\]\]>|<\?|\?>")
_RAW_END = re.compile(r"</(?:pre|script|style|textarea)>", re.IGNORECASE)
_BLANK = re.compile(r"\n[ \t]*(?=\n)")
_ONLY_MARKERS = re.compile(r"[ \t>*+\-\d.)]*")

_TITLE = r"""(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"""
_ADDRESS = r"(?:<[^<>\n]*+>|[^\s()<]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
_DEFINITION = re.compile(
    r"^[ >]{0,3}\[(?P<label>(?:[^\[\]\\\n]|\\.)++)\]:[ \t]*+\n?[ \t]*+(?P<address>"
    r"<[^<>\n]*+>|[^\s<]\S*+)"
    rf"(?P<title>[ \t]*+\n?[ \t]*+(?<=\s){_TITLE})?[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)
_LABEL = re.compile(r"\[([^\[\]\n]{1,999})\](?!:)")
_IMAGE = re.compile(
    r"!\[(?P<alt>(?:[^\[\]\\]|\\.|\[[^\[\]]*+\])*+)\]"
    rf"(?:\(\s*+{_ADDRESS}(?P<title>\s++{_TITLE})?\s*+\)|\[[^\[\]\n]*+\])?",
    re.DOTALL,
)
_LINK_TITLE = re.compile(rf"(\]\(\s*+{_ADDRESS})(\s++{_TITLE})(\s*+\))", re.DOTALL)
_ATTRIBUTE = re.compile(
    r"""\s++([A-Za-z_:][\w.:-]*+)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'=<>`]++))?""", re.DOTALL
)
_TAG = re.compile(rf"<([A-Za-z][A-Za-z0-9-]*+)((?:{_ATTRIBUTE.pattern})++)(\s*+/?>)", re.DOTALL)
_SHOWN = {"href", "align", "width", "height", "open", "start", "colspan", "rowspan", "checked"}


def strip_markup(text: str, findings: Findings) -> str:
    """Return Markdown without what its page hides; what that said goes to findings."""
    held, kept = _without_comments(text, findings)
    held = _without_definitions(held, findings)

    def image(match: re.Match[str]) -> str:
        findings.note(Hidden.IMAGE, _filled(match[0], kept))
        return "[image]"

    def link(match: re.Match[str]) -> str:
        findings.note(Hidden.TITLE, _filled(match[2], kept))
        return f"{match[1]}{match[3]}"

    held = _IMAGE.sub(image, held)
    held = _LINK_TITLE.sub(link, held)
    return _filled(_without_attributes(held, findings), kept)


def _filled(held: str, kept: list[str]) -> str:
    return _HOLD.sub(lambda match: kept[int(match[1])], held)


def code_and_comments(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the spans that are code (True) or HTML comments (False), in order."""
    blanks = [match.start() for match in _BLANK.finditer(text)]
    ticks = _runs(text)
    at = html_until = 0
    while found := _NEXT.search(text, at):
        kind, start, end = str(found.lastgroup), found.start(), found.end()
        if kind in _ENDS:
            end = _closing(text, found, kind)
            if end > found.end():
                yield start, end, False
        elif kind == "escape" or start < html_until:
            pass
        elif kind == "fence":
            end = _fence_end(text, found)
            yield start, end, True
        elif kind == "raw":
            closed = _RAW_END.search(text, end)
            html_until = closed.end() if closed else len(text)
        elif kind == "html":
            html_until = _paragraph_end(blanks, start, len(text))
        elif over := _span_end(found, ticks, _paragraph_end(blanks, start, len(text))):
            end = over
            yield start, end, True
        at = max(end, start + 1)


def _without_comments(text: str, findings: Findings) -> tuple[str, list[str]]:
    """Take comments out, and put marks in the place of code, which is returned apart."""
    out: list[str] = []
    kept: list[str] = []
    place = 0
    for start, end, is_code in code_and_comments(text):
        out.append(text[place:start])
        if is_code:
            out.append(f"\ue000{len(kept)}\ue001")
            kept.append(text[start:end])
        else:
            findings.note(Hidden.COMMENT, _COMMENT_MARKS.sub(" ", text[start:end]))
        place = end
    return "".join([*out, text[place:]]), kept


def _runs(text: str) -> dict[int, list[int]]:
    """Return where runs of back-ticks start, by their length."""
    runs: dict[int, list[int]] = {}
    for run in re.finditer(r"`+", text):
        runs.setdefault(len(run[0]), []).append(run.start())
    return runs


def _paragraph_end(blanks: list[int], start: int, length: int) -> int:
    index = bisect.bisect_left(blanks, start)
    return blanks[index] if index < len(blanks) else length


def _span_end(opened: re.Match[str], ticks: dict[int, list[int]], limit: int) -> int:
    """Return where a code span ends, or 0 when no run of as many back-ticks closes it."""
    places = ticks.get(len(opened[0]), [])
    index = bisect.bisect_left(places, opened.end())
    if index < len(places) and places[index] < limit:
        return places[index] + len(opened[0])
    return 0


def _fence_end(text: str, opened: re.Match[str]) -> int:
    mark = opened["fence"].strip()
    close = re.compile(rf"^ {{0,3}}{re.escape(mark)}{re.escape(mark[0])}*[ \t]*$", re.MULTILINE)
    closed = close.search(text, opened.end())
    return closed.end() if closed else len(text)


def _closing(text: str, opened: re.Match[str], kind: str) -> int:
    """Return where a comment ends; an open one hides all the rest when it starts a block."""
    end = _ENDS[kind]
    # `<!-->` is a comment already.
    found = text.find(end, opened.start() + 2 if kind == "comment" else opened.end())
    if found >= 0:
        return found + len(end)
    line_start = text.rfind("\n", 0, opened.start()) + 1
    starts_block = _ONLY_MARKERS.fullmatch(text, line_start, opened.start()) is not None
    return len(text) if starts_block and kind != "bogus" else opened.end()


def _without_definitions(held: str, findings: Findings) -> str:
    used = {_folded(label) for label in _LABEL.findall(held)}

    def definition(match: re.Match[str]) -> str:
        if _folded(match["label"]) not in used:
            findings.note(Hidden.DEFINITION, match[0])
            return ""
        if match["title"]:
            findings.note(Hidden.TITLE, match["title"])
        return f"[{match['label']}]: {match['address']}\n"

    return _DEFINITION.sub(definition, held)


def _folded(label: str) -> str:
    return " ".join(label.casefold().split())


def _without_attributes(held: str, findings: Findings) -> str:
    def tag(match: re.Match[str]) -> str:
        if match[1].casefold() == "img":
            findings.note(Hidden.IMAGE, match[2])
            return "[image]"
        shown = []
        for attribute in _ATTRIBUTE.finditer(match[2]):
            if attribute[1].casefold() in _SHOWN:
                shown.append(attribute[0])
            elif attribute[2]:
                findings.note(Hidden.ATTRIBUTE, attribute[2])
        return f"<{match[1]}{''.join(shown)}{match[match.lastindex or 0]}"

    return _TAG.sub(tag, held)
