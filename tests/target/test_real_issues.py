import tomllib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.real_issues.edits import applied, edits_between
from benchmarks.real_issues.manifest import FOLDER, Part, load_all

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n"]), min_size=1, max_size=12)


@given(before=LINES, after=LINES)
def test_edits_make_the_new_file(before: list[str], after: list[str]) -> None:
    """Each edit fits one place only, and all of them together make the new file of the old one."""
    assume(before != after)
    text = "".join(before)
    for edit in edits_between(Part(file="a.py"), before, after):
        text = applied(edit, text)
    assert text == "".join(after)


def test_only_what_is_named() -> None:
    """Hunks and lines that the manifest does not name are left out."""
    before, after = ["1\n", "2\n", "3\n"], ["1\n", "new x\n", "new y\n", "2\n", "3\n", "other\n"]
    (edit,) = edits_between(Part(file="a.py", hunks=("x",), lines=("new y",)), before, after)
    assert applied(edit, "".join(before)) == "1\nnew y\n2\n3\n"
    with pytest.raises(ValueError, match="no change fits"):
        edits_between(Part(file="a.py", hunks=("z",)), before, after)


def test_manifests() -> None:
    """Three real issues are described, each with a title and hashes of both releases."""
    issues = load_all()
    assert len(issues) == len(list(FOLDER.glob("*.toml"))) == 3
    for issue in issues:
        assert len(issue.title) < 256
        assert {len(issue.old_sha256), len(issue.new_sha256)} == {64}


def test_sources_are_not_shipped() -> None:
    """The folder holds descriptions and code of ours only."""
    assert {path.suffix for path in FOLDER.iterdir() if path.is_file()} <= {".toml", ".py"}
    assert all(tomllib.loads(path.read_text())["issue"] for path in FOLDER.glob("*.toml"))
