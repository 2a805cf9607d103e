"""When a model goes round in circles. The rules and their numbers are those of OpenHands."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from shared.workspace.actions import Action, Observation, RunCommand

SAME_PAIRS = 4
SAME_ERRORS = 3
ALTERNATION = 6
# Bounded, because a wall of digits would keep an unbounded one busy for a minute.
_DURATION = re.compile(r"(?<!\d)\d{1,9}(?:\.\d{1,9})?\s{0,3}(?:ms|s|seconds?)\b")


class Step(NamedTuple):
    """An action and what came of it."""

    action: Action
    seen: Observation


def reason(steps: Sequence[Step]) -> str:
    """Say how the last steps go in circles, or return an empty string."""
    if _same([_pair(step) for step in steps[-SAME_PAIRS:]], SAME_PAIRS):
        return f"The same action had the same result {SAME_PAIRS} times."
    last = steps[-SAME_ERRORS:]
    if not any(step.seen.ok for step in last) and _same([_error(s) for s in last], SAME_ERRORS):
        return f"The same error came {SAME_ERRORS} times: {_first_line(last[-1].seen.text)}"
    pairs = [_pair(step) for step in steps[-ALTERNATION:]]
    half = ALTERNATION // 2
    if _same(pairs[0::2], half) and _same(pairs[1::2], half):
        return f"Two actions took turns with the same results for {ALTERNATION} steps."
    return ""


def _same(keys: Sequence[object], number: int) -> bool:
    return len(keys) == number and all(key == keys[0] for key in keys)


def _pair(step: Step) -> object:
    return step.action, step.seen.ok, _timeless(step.seen.text)


def _error(step: Step) -> object:
    # Different commands may well fail with the same few words: "exit code 1".
    command = step.action.command if isinstance(step.action, RunCommand) else ""
    return step.action.kind, command, _timeless(step.seen.text)


def _timeless(text: str) -> str:
    return _DURATION.sub("#", text)


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:200]
