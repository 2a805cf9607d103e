import pytest

from shared.target.config import read_pyproject
from shared.target.requirements import Needs, read_needs
from shared.target.requirements import test_requirements as chosen
from shared.target.tree import Tree


def needs(**files: str) -> Needs:
    """Read the needs of a repository with these files; ``__`` stands for a dot."""
    tree = Tree.of({name.replace("__", "."): text for name, text in files.items()})
    return read_needs(tree, read_pyproject(tree))


PYPROJECT = """
[project]
name = "Sample.Project"
version = "1"
dependencies = ["a>=1", "b; python_version < '3'"]
[project.optional-dependencies]
test = ["c", "sample-project[extra]"]
extra = ["d", "sample_project[extra]"]
docs = ["e"]
Dev = ["f"]
[dependency-groups]
testing = ["g", {include-group = "base"}]
base = ["h", {include-group = "testing"}]
lint = ["i"]
"""


def test_pyproject() -> None:
    """Dependencies, test extras and groups are followed through names of their own and circles."""
    found = needs(pyproject__toml=PYPROJECT)
    assert found.project == ("a>=1", "b; python_version < '3'")
    assert found.tests == ("c", "d", "g", "h")
    assert found.development == ("f",)
    assert found.is_complete


def test_files() -> None:
    """Requirement files are read with what they include, without options, hashes and comments."""
    tree = Tree.of(
        {
            "requirements-test.txt": "-r base.in\n--index-url https://a:b@x/\na==1 --hash=b # c\n",
            "base.in": "b\n-r ../outside.txt\n-r requirements-test.txt\n-e .\n",
            "requirements.txt": "c\n",
            "requirements/dev.txt": "d\n",
            "docs/requirements.txt": "e\n",
            "tests/requirements.txt": "f\n",
        }
    )
    found = read_needs(tree, read_pyproject(tree))
    assert found.tests == ("b", "a==1", "f")
    assert found.development == ("c", "d")


def test_tox() -> None:
    """The plain test requirements of tox are read, those of single environments are not."""
    found = needs(tox__ini="[testenv]\ndeps =\n  a\n  py311: b\n  {[base]deps}\n  -r c.txt\n")
    assert found.development == ("a",)


@pytest.mark.parametrize(
    "line",
    ["a @ git+https://host/a", "a @ file:///etc/a.whl", "./local", "a @ https://u:p@h/a.whl"],
)
def test_what_no_index_has_is_left_out(line: str) -> None:
    """Paths, files, version control and URLs with credentials never reach the installer."""
    found = needs(requirements__txt=f"{line}\nb\n")
    assert found.development == ("b",)
    assert len(found.left_out) == 1


def test_lock_gives_constraints() -> None:
    """A lock file fixes the versions that hold on every platform."""
    lock = """
        [[package]]
        name = "a"
        version = "1"
        [[package]]
        name = "b"
        version = "1"
        [[package]]
        name = "b"
        version = "2"
        [[package]]
        name = "c"
    """
    assert needs(uv__lock=lock).constraints == ("a==1",)


def test_only_the_backend_knows() -> None:
    """Requirements that are not written down statically are known to be incomplete."""
    dynamic = '[project]\nname = "a"\ndynamic = ["dependencies"]\n'
    assert not needs(pyproject__toml=dynamic).is_complete
    assert not needs(setup__py="").is_complete
    assert needs(setup__py="").build == ("setuptools", "wheel")
    assert needs(a__py="").is_complete


def test_built_metadata() -> None:
    """Of built metadata, what holds for the project and its tests is chosen."""
    lines = ("a", "b; extra == 'test'", "c; extra == 'docs'", "d; python_version < '3'")
    assert chosen(lines, ("test", "docs")) == lines[:2]
