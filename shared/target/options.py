"""Sort out which of a project's own pytest options a run for evidence may keep."""

from collections import deque
from collections.abc import Iterable

# Reporting, coverage, parallel and partial runs: they change what is said about the tests or
# which of them run, never what a test means. The number tells how many values follow.
_DROPPED = {
    **dict.fromkeys(("-q", "--quiet", "-v", "--verbose", "-x", "--exitfirst", "-s"), 0),
    **dict.fromkeys(("--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--sw"), 0),
    **dict.fromkeys(("--new-first", "--stepwise", "--no-cov", "--no-cov-on-fail"), 0),
    **dict.fromkeys(("--cov-branch", "--cov-append", "--cache-clear", "--no-header"), 0),
    **dict.fromkeys(("--no-summary", "--showlocals", "-l", "--full-trace", "--pdb", "--cov"), 0),
    **dict.fromkeys(("--cov-report", "--cov-config", "--cov-fail-under", "--cov-context"), 1),
    **dict.fromkeys(("--maxfail", "--durations", "--durations-min", "--tb", "--color", "-r"), 1),
    **dict.fromkeys(("-n", "--numprocesses", "--maxprocesses", "--dist", "--junitxml"), 1),
    **dict.fromkeys(("--junit-xml", "--html", "--verbosity", "--show-capture", "--basetemp"), 1),
    **dict.fromkeys(("--report-log", "--log-file", "--rootdir", "-c", "--config-file"), 1),
}
_DROPPED_SHORT = ("-q", "-v", "-r", "-n", "-x", "-s", "-l")
# Options of pytest itself that take their value as a word of its own.
_WITH_VALUE = frozenset(
    {
        *(
            "-p",
            "-k",
            "-m",
            "-o",
            "-W",
            "--override-ini",
            "--import-mode",
            "--ignore",
            "--deselect",
        ),
        *("--ignore-glob", "--confcutdir", "--doctest-glob", "--assert", "--capture", "--timeout"),
        *("--doctest-report", "--pythonwarnings", "--log-level", "--asyncio-mode"),
    }
)


def kept_options(words: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split pytest arguments into the options to keep and the paths."""
    left = deque(words)
    options: list[str] = []
    paths: list[str] = []
    while left:
        word = left.popleft()
        name, has_value, _ = word.partition("=")
        if name in _DROPPED:
            if not has_value and left and (_DROPPED[name] or _is_coverage_source(name, left[0])):
                left.popleft()
        elif word in _WITH_VALUE and left:
            options += (word, left.popleft())
        elif not _is_short_cluster(word):
            (options if word.startswith("-") else paths).append(word)
    return tuple(options), tuple(paths)


def _is_coverage_source(name: str, following: str) -> bool:
    return name == "--cov" and not following.startswith("-")


def _is_short_cluster(word: str) -> bool:
    """Recognise ``-rfE``, ``-vv``, ``-n4`` and the like."""
    return not word.startswith("--") and word.startswith(_DROPPED_SHORT)
