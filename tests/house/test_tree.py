import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.house.project import ROOT, python_files, texts, tracked

LONGEST_FILE = 400  # lines; the aim is about 100, seldom over 250
_URL = re.compile(r'(?:url|registry|index|git) = "(?P<url>[^"]+)"')
_PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}
# A person's or a machine's own folders; written so that this file does not hold one itself.
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|work|root)/(?!\s)[\w.-]+/[\w.-]+")
_EXEMPTION = re.compile(
    r"#\s*(?:type:\s*ignore|noqa)(?P<rule>\[[\w,\s-]+\]|:\s*[A-Z]+\d+)?(?P<rest>.*)"
)
_REASON = re.compile(r"\b(?![A-Z]+\d+\b)\w{2,}")


def comments(name: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a Python file with their lines."""
    source = io.StringIO((ROOT / name).read_text("utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_the_lock_names_public_hosts_only() -> None:
    """Everybody can install what uv.lock names: no private index, no local path."""
    urls = _URL.findall((ROOT / "uv.lock").read_text("utf-8"))
    assert {urlsplit(url).hostname for url in urls} == _PUBLIC_HOSTS


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    """No file names a folder of the machine on which it was written."""
    found = [f"{name}: {path}" for name, text in texts() for path in _MACHINE_PATH.findall(text)]
    assert found == []


def test_every_exemption_names_its_rule_and_its_reason() -> None:
    """Each type: ignore and noqa says which rule it silences, and why, on the same line."""
    bare = [
        f"{name}:{line}: {comment}"
        for name in python_files()
        for line, comment in comments(name)
        if (found := _EXEMPTION.search(comment))
        and (not found["rule"] or not _REASON.search(found["rest"]))
    ]
    assert bare == []


def test_no_file_grows_without_bound() -> None:
    """A Python file that tells more than one story is split."""
    lines = {name: len((ROOT / name).read_text("utf-8").splitlines()) for name in python_files()}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE} == {}


def test_every_test_states_its_promise() -> None:
    """Each test function begins with a docstring that says what it promises."""
    silent = [
        f"{name}: {node.name}"
        for name in python_files()
        if Path(name).name.startswith("test_")
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_nothing_is_replaced_behind_the_back_of_the_code() -> None:
    """Tests talk to real things: none of them imports unittest.mock."""
    pattern = re.compile(
        r"^\s*(?:from unittest(?:\.mock)? import .*mock|import unittest\.mock)", re.MULTILINE
    )
    assert [
        name for name in python_files() if pattern.search((ROOT / name).read_text("utf-8"))
    ] == []


@pytest.mark.parametrize("name", ["dev", ".ci/run"])
def test_scripts_can_be_started(name: str) -> None:
    """A clone can start its scripts."""
    assert (ROOT / name).stat().st_mode & 0o111 == 0o111


def test_files_end_with_a_line_break() -> None:
    """Text files of our own end as editors and git expect."""
    ours = ("bot/", "agents/", "webhooks/", "shared/", "tests/house/", "docs/", ".github/")
    kinds = (".py", ".md", ".toml", ".yml", ".html", ".css")
    names = [name for name in tracked() if name.startswith(ours) and name.endswith(kinds)]
    texts_ = {name: (ROOT / name).read_text("utf-8") for name in names}
    assert [name for name, text in texts_.items() if text and not text.endswith("\n")] == []
