"""The account of what people do not see in the texts that a run is told, for its status comment.

The texts themselves are cleaned where prompts are made (``agents/prompting.py``); here it is
counted, by the place where it stood: the issue, a review, a file, the output of a command.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from bot.services import services
from shared.domain import Value
from shared.guard.hidden import Found, Hidden
from shared.guard.text import clean
from shared.store import Run
from shared.target import TestRun
from shared.workspace import Action
from shared.workspace.actions import CreateFile, EditFile, ViewFile

ISSUE, CODE, CHANGE, COMMANDS, TESTS = "issue", "code", "change", "commands", "tests"
REVIEW, COMMENT, CHECKS, FILE = "review", "comment", "checks", "file"
"""The places; of the last four there are several, told apart by what follows a blank."""

_COLOUR = re.compile(r"\x1b\[[0-9;]{0,40}m")
_MOST_PLACES = 5
_LONGEST_PATH = 80
_LONGEST_KEY = 400


class Unseen(Value):
    """What was hidden in all that a run was told: how many of each kind, and where.

    ``places`` are the words above, ``files`` are paths; ``more`` counts those that are not named.
    """

    kinds: Mapping[str, int]
    places: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more: int = 0


def of_action(action: Action) -> str:
    """Name the place whose text an agent sees by an action."""
    if isinstance(action, ViewFile | EditFile | CreateFile):
        return f"{FILE} {action.path[:_LONGEST_KEY]}"  # a model may write what it likes
    return COMMANDS


async def note_page(run_id: str, place: str, found: Iterable[Found]) -> None:
    """Keep what is hidden in a page as it reads now, in place of what was before."""
    await _note(run_id, place, _counted(found), replace=True)


async def note_text(run_id: str, place: str, *texts: str) -> None:
    """Keep what is hidden in texts of a file or an output; of what comes again the most counts."""
    # Colours on a terminal hide nothing.
    bare = (_COLOUR.sub("", text) for text in texts)
    found = (one for text in bare for one in clean(text, markdown=False, limit=len(text)).found)
    await _note(run_id, place, _counted(found), replace=False)


async def note_tests(run_id: str, tests: TestRun) -> None:
    """Keep what is hidden in what a run of the tests says."""
    failures = (text for one in tests.failures.values() for text in (one.message, one.text))
    await note_text(run_id, TESTS, tests.log, *failures)


def unseen_in(run: Run) -> Unseen | None:
    """Return what was hidden from people, kinds in their order; None when nothing was."""
    counts: Counter[str] = Counter()
    places: dict[str, None] = {}
    for place, each in (run.hidden or {}).items():
        if each:
            counts.update(each)
            places[place if place.startswith(f"{FILE} ") else place.partition(" ")[0]] = None
    if not counts:
        return None
    files = [place for place in places if place.startswith(f"{FILE} ")]
    return Unseen(
        kinds={kind.value: counts[kind.value] for kind in Hidden if counts[kind.value]},
        places=tuple(place for place in places if place not in files),
        files=tuple(_path(place) for place in files[:_MOST_PLACES]),
        more=max(0, len(files) - _MOST_PLACES),
    )


def _path(place: str) -> str:
    """Return the path of a file so that it may stand in a code span."""
    path = clean(place.removeprefix(f"{FILE} "), markdown=False).text.replace("`", "'")
    return " ".join(path.split())[-_LONGEST_PATH:]


def _counted(found: Iterable[Found]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.kind.value] += one.count
    return counts


async def _note(run_id: str, place: str, counts: Counter[str], *, replace: bool) -> None:
    store = services().store
    run = await store.run(run_id)
    assert run is not None, "a run is stored before it is started"
    known = run.hidden or {}
    earlier = Counter(known.get(place, {}))
    wanted = counts if replace else earlier | counts
    if wanted != earlier:
        await store.update_run(run_id, hidden={**known, place: dict(wanted)})
