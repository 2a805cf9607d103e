"""Text of strangers costs time in proportion to its length, whatever it is made of.

Each text would keep a pattern that goes back and forth busy for hours, and with it the whole
service: so it is read in a process that is ended long before.
"""

import subprocess
import sys

import pytest

READERS = """
from agents import language, protocol, structured
from agents.context import rank
from bot import commands, rendering
from shared.errors import BatonError
from shared.sandbox.values import Ended, Finished
from shared.target import junit, runner

def of_tests(text):
    finished = Finished(exit_code=0, output=text, ended=Ended.EXITED, seconds=1.0)
    runner._from_log(finished)
    runner._contradictions(finished, junit.Results({}, {}))

def ranked(text):
    rank("parse", ["a.py"], lambda _: text)

def action(text):
    try:
        protocol.parse(text)
    except BatonError:
        pass
"""
TEXTS = [
    "'/approve x' + ' ' * n + chr(1)",
    "'/approve' + ' x' * n",
    "', 1 passed' * n",
    "'=' * n",
    "'a.py::' * n",
    "chr(10) * n",
    "' ' * n + 'def'",
    "'fix' + ' ' * n + 'a/' * n",
    "'<!--' * n",
    "'```' * n",
    "'```run' + chr(10) + '`' * n",
    "'```edit a' + chr(10) + '<<<<<<< SEARCH' + chr(10) + '=======' * n",
    "'{\"a\":' * n",
    "'<think>' * n",
]


READ = """
import os, signal, sys

TEXTS = sys.argv[1:]
for place, text in enumerate(TEXTS):
    if not os.fork():
        signal.alarm(120)  # its default ends the process, also in the midst of a pattern
        n = 1_000_000
        flood = eval(text)[:n]
        for read in (
            *(commands.parse, rendering.plain, rendering.line, rendering.fenced, of_tests, action),
            *(structured._json_objects, language.detect, ranked),
        ):
            read(flood)
        os._exit(0)
    _, status = os.wait()
    if not status:
        print(place, flush=True)
"""


@pytest.fixture(scope="module")
def ended() -> set[int]:
    """Return the places of the texts that were read to their end; imports are made once."""
    command = [sys.executable, "-c", f"{READERS}\n{READ}", *TEXTS]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return set(map(int, done.stdout.split()))


@pytest.mark.parametrize("place", range(len(TEXTS)), ids=TEXTS)
def test_reading_is_linear(place: int, ended: set[int]) -> None:
    """A megabyte of any of these is read to its end."""
    assert place in ended
