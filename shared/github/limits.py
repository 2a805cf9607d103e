"""What GitHub takes at most, and how a text is cut so that it still renders."""

import re

BODY = 65_535  # characters; GitHub refuses 65,536 and more in comments and pull requests
TITLE = 256  # characters of a title
CHECK_OUTPUT = 65_535  # characters of a check run's summary
ANNOTATIONS = 50  # annotations in one request

_FENCE = re.compile(r"^ {0,3}(?:> ?)*(`{3,}|~{3,})(.*)$")
_DETAILS = re.compile(r"<(/?)details\b[^>]*>", re.IGNORECASE)
_NOTICE = "\n\n_Cut here: GitHub takes at most {limit:,} characters, this text has {length:,}._"
_LINE_SEARCH = 2_000  # characters given up at most to end on a whole line


def cut(text: str, limit: int = BODY) -> str:
    """Shorten Markdown to a limit, closing what is open and saying that it was cut.

    Counts UTF-16 units, the most that any of GitHub's services may count.
    Lone surrogates, which cannot be sent, become U+FFFD.
    """
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    length = _units(text)
    if length <= limit:
        return text
    notice = _NOTICE.format(limit=limit, length=length)
    room = limit - len(notice)
    while room > 0:
        kept = _whole(_prefix(text, room))
        closed = kept + _closing(kept)
        excess = _units(closed) + len(notice) - limit
        if excess <= 0:
            return closed + notice
        room -= max(excess, 1)
    return _prefix(text, limit)


def cut_title(text: str, limit: int = TITLE) -> str:
    """Shorten a one-line text; an ellipsis says that it was cut."""
    line = " ".join(text.split())
    return line if _units(line) <= limit else _prefix(line, limit - 1).rstrip() + "…"


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _prefix(text: str, units: int) -> str:
    """Return the longest start of the text within so many UTF-16 units."""
    raw = text.encode("utf-16-le", "surrogatepass")[: 2 * units]
    return raw.decode("utf-16-le", "ignore")


def _whole(kept: str) -> str:
    """Step back out of a half comment, a half tag and, when it is near, a half line."""
    if kept.rfind("<!--") > kept.rfind("-->"):
        kept = kept[: kept.rfind("<!--")]
    end_of_line = kept.rfind("\n")
    if end_of_line > len(kept) - _LINE_SEARCH and end_of_line > len(kept) // 2:
        return kept[:end_of_line]
    start_of_tag = kept.rfind("<")
    return kept[:start_of_tag] if start_of_tag > max(kept.rfind(">"), len(kept) - 200) else kept


def _closing(kept: str) -> str:
    """Return what closes the fence and the folds that are open at the end."""
    fence, folds = "", 0
    for line in kept.split("\n"):
        match = _FENCE.match(line)
        if match and not fence:
            # A backtick behind the opening backticks makes it inline code.
            fence = "" if match[1][0] == "`" and "`" in match[2] else match[1]
        elif match and match[1].startswith(fence) and not match[2].strip():
            fence = ""
        elif not fence:
            for slash in _DETAILS.findall(line):
                folds = max(0, folds - 1) if slash else folds + 1
    return (f"\n{fence}" if fence else "") + "\n\n</details>" * folds
