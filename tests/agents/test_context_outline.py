import subprocess
import sys
from pathlib import Path

import pytest

from agents.context import digest
from agents.context.outline import outline
from agents.context.words import stems

TEXTS = {
    "a.py": (
        "from .shop import (price, tax)\n\nclass Till:\n    def pay(self): ...\n",
        ".shop.tax",
    ),
    "a.js": ('import x from "./shop";\nclass Till { pay() { return 1; } }\n', "./shop"),
    "a.ts": ('import x from "./shop";\nclass Till { pay(n: number): void {} }\n', "./shop"),
    "a.go": ('package a\nimport "x/shop"\ntype Till struct {}\nfunc (t Till) pay() {}\n', "x/shop"),
    "a.rs": ("use crate::shop::Price;\nstruct Till;\nimpl Till { fn pay() {} }\n", "crate::shop"),
    "a.java": ("import x.Shop;\nclass Till { void pay() {} }\n", "x.Shop"),
    "a.rb": ('require_relative "shop"\nclass Till\n  def pay\n  end\nend\n', "shop"),
}


@pytest.mark.parametrize("path", TEXTS)
def test_definitions_and_imports_are_read(path: str) -> None:
    """Each language tells its definitions in order, and what it imports."""
    text, imported = TEXTS[path]
    found = outline(path, text)
    assert [symbol.name for symbol in found.symbols] == ["Till", "pay"]
    assert any(name.startswith(imported) for name in found.imports)


def test_a_symbol_tells_where_it_stands_and_in_what() -> None:
    """Lines count from 1, a method knows its class, and a signature leaves the body out."""
    pay = outline("a.py", "class Till:\n    def pay(\n        self, sum: int,\n    ):\n        x\n")
    method = pay.symbols[1]
    assert (method.line, method.end, method.parent) == (2, 5, 0)
    assert method.signature == "def pay( self, sum: int, )"


def test_imports_come_in_their_order_each_time() -> None:
    """The same text gives the same outline, so that a killed run finds the same places again."""
    modules = tuple(f"m{number}" for number in range(40))
    text = "".join(f"import {module}\n" for module in modules)
    assert {outline("a.py", text).imports for _ in range(5)} == {modules}


_AT_ONCE = """
import sys, threading
from agents.context.outline import outline
sys.setswitchinterval(1e-6)
text = "import a\\n\\ndef f(x):\\n    return [x, {1: (2, 3)}]\\n" * 400
want = outline("a.py", text)
def read():
    for _ in range(12):
        assert outline("a.py", text) == want
threads = [threading.Thread(target=read) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_two_runs_read_texts_at_once() -> None:
    """Threads share nothing that would break, or take the process down with all its runs."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        (sys.executable, "-c", _AT_ONCE), cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_broken_code_still_tells_what_it_can() -> None:
    """An unfinished file keeps the definitions before its fault."""
    broken = "def whole():\n    return 1\n\ndef half(\n"
    assert outline("a.py", broken).symbols[0].name == "whole"


def test_a_text_made_to_keep_the_parser_busy_is_read_by_lines() -> None:
    """A hostile text costs no more than a long one, and still tells its definitions."""
    found = outline("a.py", "def seen():\n    pass\n" + "<!--" * 20_000)
    assert "seen" in [symbol.name for symbol in found.symbols]


def test_a_digest_says_how_often_and_where() -> None:
    """A word's posting counts its uses and names the innermost definitions that hold it."""
    text = "def add_months(day):\n    months = 1\n\ndef other():\n    return months\n"
    found = digest("a.py", text)
    assert found.postings["month"].times == 3
    assert found.postings["month"].defined == 1
    assert found.postings["month"].places == (0, 1)
    assert found.length == len(stems(text))
