r"""The recording: what the scripted model says, by role, turn and what the conversation holds.

A recording is a folder of Markdown files, read in the order of their names. Each is one reply,
raw, below a head in TOML::

    +++
    role = "coder"
    turn = 2
    when = ["Attempt 2 of 3", "parse_duration"]
    +++
    The regular expression misses the minutes, so I mend it.

    ```edit src/pocket/duration.py
    <<<<<<< SEARCH
    _FORM = re.compile(r"(\d+)h")
    =======
    _FORM = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?")
    >>>>>>> REPLACE
    ```

- ``role`` is one of the agents: router, planner, tester, coder, reviewer, documenter.
- ``turn`` is the number of assistant messages that the conversation already has; 0 is the default.
- ``when`` lists texts that must all occur in the conversation after the system message; the first
  file that fits wins, so more particular ones get earlier names.

The first user message has lines to tell the rounds apart: ``Attempt 2 of 3`` (tester, coder),
``Review round 1`` (reviewer), ``Follow-up 1`` (coder, when people asked for changes).

Router, planner, reviewer and documenter answer with one JSON object and nothing else::

    {"type": "bug", "difficulty": "medium", "confidence": "high", "self_reflection": true,
     "case": "none"}

    {"summary": "...", "action_items": ["..."], "files": ["src/a.py"], "design": "...",
     "scenarios": [{"name": "...", "given": "...", "when": "...", "then": "..."}]}

    {"summary": "...", "findings": [{"severity": "blocking", "file": "src/a.py", "line": 12,
     "why": "...", "suggestion": "..."}]}

    {"summary": "...", "changelog": "..."}

Tester and coder answer with prose and one action block a turn (see ``agents/protocol.py``)::

    ```run                      ```view src/a.py 1-40       ```search src
    python -m pytest -q         ```                         def parse
    ```                                                     ```

    ```create tests/test_a.py   ```submit
    import pytest               What was done.
    ```                         ```

Nothing is counted on the server: the same request always gets the same reply, also when a killed
gateway asks a second time.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError

from shared.chat import Message, Speaker
from shared.domain import Role, Value
from shared.errors import ConfigurationError

_FORM = re.compile(r"\+{3}\n(?P<head>.*?)^\+{3}\n(?P<reply>.*)", re.DOTALL | re.MULTILINE)
_SHOWN = 300
_ROLES = {f"# {role.agent}": role for role in Role}


class Entry(Value):
    """One recorded reply and when it is due."""

    role: Role
    turn: Annotated[int, Field(ge=0)] = 0
    when: tuple[str, ...] = ()
    reply: Annotated[str, Field(min_length=1)]

    def fits(self, role: Role, turn: int, text: str) -> bool:
        """Tell whether this entry answers a conversation."""
        return self.role is role and self.turn == turn and all(part in text for part in self.when)


class NotRecorded(Exception):
    """The recording has no reply; the message tells its author what is asked for."""


class Recording(Value):
    """All replies of a scripted model, in the order in which they are tried."""

    entries: tuple[Entry, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the Markdown files of a folder by name.

        Raises ConfigurationError with the file and its fault.
        """
        entries = tuple(_entry(path) for path in sorted(folder.glob("*.md")))
        if not entries:
            raise ConfigurationError(f"{folder} holds no recorded replies (*.md).")
        return cls(entries=entries)

    def reply(self, messages: Sequence[Message]) -> str:
        """Return the reply to a conversation, from its content alone.

        Raises NotRecorded when no entry fits.
        """
        role = _role(messages)
        turn = sum(message.role is Speaker.ASSISTANT for message in messages)
        text = "\n".join(m.content for m in messages if m.role is not Speaker.SYSTEM)
        for entry in self.entries:
            if entry.fits(role, turn, text):
                return entry.reply
        raise NotRecorded(
            f"The recording has no reply for role {role}, turn {turn}. "
            f"The last message begins: {messages[-1].content[:_SHOWN]}"
        )


def _role(messages: Sequence[Message]) -> Role:
    first = messages[0].content.split("\n", 1)[0].strip()
    if messages[0].role is not Speaker.SYSTEM or first not in _ROLES:
        raise NotRecorded(
            "The recording knows roles by the first line of the system message, as in "
            f'"# Router"; this one is "{first[:_SHOWN]}".'
        )
    return _ROLES[first]


def _entry(path: Path) -> Entry:
    text = path.read_text("utf-8").replace("\r\n", "\n")
    found = _FORM.match(text)
    if found is None:
        raise ConfigurationError(
            f'{path} is not a recorded reply: put TOML between two lines "+++", the reply below.'
        )
    try:
        head = tomllib.loads(found["head"])
        return Entry.model_validate({**head, "reply": found["reply"].strip("\n")})
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigurationError(f"{path} is not a recorded reply: {error}") from error
