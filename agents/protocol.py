"""The plain-text action protocol: one fenced block per reply, forgiving to read, strict in meaning.

Native tool calls of local models break on long texts, and one broken call loses the whole reply.
So a reply is prose with one fenced block whose first line names the action::

    ```edit src/app.py
    <<<<<<< SEARCH
    return a - b
    =======
    return a + b
    >>>>>>> REPLACE
    ```

Where a reply could mean two things, it is refused with a sentence that says how to write it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents import markers
from shared.errors import MalformedAction
from shared.workspace.actions import (
    Action,
    CreateFile,
    EditFile,
    RunCommand,
    Search,
    Submit,
    ViewFile,
)

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_RANGE = re.compile(
    r"(?P<path>.+?)(?:[\s:,]+(?:lines?\s+)?L?(?P<start>\d+)(?:\s*(?:-|–|:|,|to|\s)\s*L?(?P<end>\d+))?)?"
)
_HEADER = re.compile(r"\s*(?P<word>[A-Za-z]+)(?:\s*:\s*|\s+|(?=`)|$)(?P<rest>.*)")
_THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_THINK, _THOUGHT = "<think>", "</think>"
_LONGER = "If those lines belong to the content, open and close the action with four backticks."
_LONGEST_HEADER = 1000
FORMS = "run, view, search, edit, create or submit"


@dataclass(frozen=True)
class _Block:
    """A fenced action: its word, what follows on the same line, and its lines."""

    word: str
    header: str
    lines: Sequence[str]
    after: Sequence[str]
    closed: bool


def parse(reply: str) -> Action:
    """Read the one action of a reply.

    Raises MalformedAction, whose message is a correction to send to the model.
    """
    if reply.count("\n") == reply.count("\r\n"):
        reply = reply.replace("\r\n", "\n")
    block = _first_block(_without_thoughts(reply).split("\n"))
    action = _READERS[block.word](block)
    _refuse_more(block)
    return action


def render(action: Action) -> str:
    """Write an action as a model would, with fences that its content cannot close."""
    match action:
        case RunCommand(command=command):
            return _fenced("run", command.split("\n"))
        case ViewFile(path=path, start=start, end=end):
            lines = "" if start == 1 and end is None else f" {start}-{end or ''}".rstrip("-")
            return _fenced(f"view {path}{lines}", [])
        case Search(pattern=pattern, path=path):
            return _fenced(f"search {path}", pattern.split("\n"))
        case EditFile(path=path, search=search, replace=replace):
            return _fenced(f"edit {path}", markers.write(_lines(search), _lines(replace)))
        case CreateFile(path=path, content=content):
            return _fenced(f"create {path}", _lines(content))
        case Submit(message=message):
            return _fenced("submit", message.split("\n"))


def _without_thoughts(reply: str) -> str:
    """Return what follows a model's thoughts: a draft in there is not what it decided on."""
    if thoughts := _THOUGHTS.match(reply):
        return reply[thoughts.end() :]
    if reply.lstrip().startswith(_THINK):
        raise MalformedAction(f'The thinking has no end. Close it with "{_THOUGHT}", then act.')
    # Some templates begin the thinking themselves, so that only its end is in the reply.
    lines = reply.split("\n")
    for number, line in enumerate(lines):
        if line.strip() == _THOUGHT and any(_opens_action(rest) for rest in lines[number + 1 :]):
            return "\n".join(lines[number + 1 :])
    return reply


def _opens_action(line: str) -> bool:
    opened = _FENCE.fullmatch(line.rstrip())
    return opened is not None and _header(opened["info"])[0] in _READERS


def _first_block(lines: Sequence[str]) -> _Block:
    strangers: list[str] = []
    for number, line in enumerate(lines):
        opened = _FENCE.fullmatch(line.rstrip())
        if opened is None:
            continue
        word, header = _header(opened["info"])
        if word in _READERS:
            return _body(opened, word, header, lines[number + 1 :])
        strangers += [word] if word else []
    if strangers:
        raise MalformedAction(
            f'"{strangers[0]}" is not an action. End the reply with one block that is {FORMS}.'
        )
    raise MalformedAction(f"The reply has no action. End it with one block that is {FORMS}.")


def _header(info: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(info.strip())
    if found is None:
        return info.strip(), ""
    word = found["word"].casefold()
    return _ALIASES.get(word, word), found["rest"].strip()


def _body(opened: re.Match[str], word: str, header: str, rest: Sequence[str]) -> _Block:
    fence = opened["fence"]
    if header.endswith(fence):  # the whole block on one line
        return _Block(word, header.removesuffix(fence).rstrip(), [], rest, closed=True)
    start = markers.end(rest) if word == "edit" else 0
    depth = 0
    for number in range(start, len(rest)):
        inner = _FENCE.fullmatch(rest[number].rstrip())
        if inner is None or not _same_kind(opened, inner) or fence in inner["info"]:
            continue
        if inner["info"].strip():
            depth += 1
        elif depth:
            depth -= 1
        else:
            return _Block(word, header, rest[:number], rest[number + 1 :], closed=True)
    return _Block(word, header, rest, [], closed=False)


def _same_kind(opened: re.Match[str], inner: re.Match[str]) -> bool:
    return inner["indent"] == opened["indent"] and inner["fence"].startswith(opened["fence"])


def _refuse_more(block: _Block) -> None:
    for line in block.after:
        fence = _FENCE.fullmatch(line.rstrip())
        if fence is None:
            continue
        word, _ = _header(fence["info"])
        if word in _READERS:
            raise MalformedAction(
                f'The reply has two actions, "{block.word}" and "{word}". Send one, wait for its '
                f"result, then send the next. {_LONGER}"
            )
        raise MalformedAction(
            f'After the "{block.word}" block there are more lines of backticks. '
            f"Nothing may follow the action. {_LONGER}"
        )


def _run(block: _Block) -> Action:
    command = "\n".join(_closed(block)).strip("\n")
    if block.header and command.strip():
        raise MalformedAction('Put the whole command on the lines below "run", not beside it.')
    command = block.header or command
    if not command.strip():
        raise MalformedAction('The "run" block is empty. Put the command on the line below "run".')
    return RunCommand(command=command)


def _view(block: _Block) -> Action:
    text = block.header or "\n".join(block.lines).strip()
    found = _RANGE.fullmatch(text) if len(text) < _LONGEST_HEADER else None
    if found is None:
        raise MalformedAction('Name one file to view, as in "view src/app.py 1-80".')
    start = max(1, int(found["start"][:9])) if found["start"] else 1
    end = int(found["end"][:9]) if found["end"] else None
    if end is not None and end < start:
        raise MalformedAction(f"The lines {start}-{end} run backwards. Give the smaller one first.")
    return ViewFile(path=_path(found["path"], "view"), start=start, end=end)


def _search(block: _Block) -> Action:
    pattern = "\n".join(_closed(block)).strip("\n")
    if not pattern.strip():
        raise MalformedAction('Put the pattern on the line below "search", as one line.')
    if "\n" in pattern:
        raise MalformedAction("A search pattern is one line. Send the most telling line alone.")
    return Search(pattern=pattern, path=_clean(block.header) or ".")


def _edit(block: _Block) -> Action:
    lines = list(block.lines)
    header = block.header
    if not header and lines and not markers.opens(lines[0]):
        header = lines.pop(0)
    path = _path(header, "edit")
    search, replace = markers.read(lines)
    return EditFile(path=path, search=_text(search), replace=_text(replace))


def _create(block: _Block) -> Action:
    path = _path(block.header, "create")
    return CreateFile(path=path, content=_text(_closed(block)))


def _submit(block: _Block) -> Action:
    return Submit(message="\n".join([block.header, *_closed(block)]).strip())


def _closed(block: _Block) -> Sequence[str]:
    if not block.closed:
        raise MalformedAction(
            f'The "{block.word}" block is not closed. End it with a line of the same backticks. '
            f"If its content has lines of backticks too, use four backticks around the action."
        )
    return block.lines


def _path(text: str, word: str) -> str:
    path = _clean(text)
    if not path or "\n" in path:
        raise MalformedAction(f'Name the file beside the action, as in "{word} src/app.py".')
    return path


def _clean(text: str) -> str:
    path = re.sub(r"^(?:path|file)\s*[=:]\s*", "", text.strip())
    return path.strip("`\"' \t\r").removeprefix("./")


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _fenced(header: str, lines: Sequence[str]) -> str:
    runs = (len(run) for line in lines for run in re.findall(r"`+", line))
    fence = "`" * max(3, 1 + max(runs, default=0))
    return "\n".join([f"{fence}{header}", *lines, fence])


_READERS: dict[str, Callable[[_Block], Action]] = {
    "run": _run,
    "view": _view,
    "search": _search,
    "edit": _edit,
    "create": _create,
    "submit": _submit,
}
_ALIASES = dict.fromkeys(("bash", "sh", "shell", "console"), "run")
