import re

import pytest

from tests.house.project import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_USES = re.compile(r"^\s*-? *uses: (?P<action>\S+)(?P<comment>.*)$", re.MULTILINE)
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_JOB = re.compile(r"^  (?P<name>[\w-]+):\n(?P<body>(?:(?:    .*)?\n)+)", re.MULTILINE)


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> str:
    """Return the text of each workflow."""
    text: str = request.param.read_text("utf-8")
    return text


def jobs(workflow: str) -> dict[str, str]:
    """Split a workflow into its jobs."""
    return {found["name"]: found["body"] for found in _JOB.finditer(workflow.split("\njobs:\n")[1])}


def test_actions_are_pinned(workflow: str) -> None:
    """Every action is named by a full commit, with the version beside it."""
    used = list(_USES.finditer(workflow))
    assert used
    for use in used:
        assert _PINNED.fullmatch(use["action"]), use["action"]
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", use["comment"]), use[0]


def test_permissions_are_given_one_by_one(workflow: str) -> None:
    """Nothing is permitted at the top; each job asks for what it needs and may only read."""
    assert "\npermissions: {}\n" in workflow
    assert "write" not in workflow
    for name, body in jobs(workflow).items():
        assert "    permissions:\n" in body, name


def test_jobs_end(workflow: str) -> None:
    """Each job has a time limit, and a newer push replaces an older one."""
    assert "\nconcurrency:\n" in workflow
    found = jobs(workflow)
    assert found
    for name, body in found.items():
        assert "    timeout-minutes:" in body, name


def test_credentials_do_not_stay_in_the_checkout(workflow: str) -> None:
    """The token with which the code was fetched is not left for the code to find."""
    assert workflow.count("actions/checkout@") == workflow.count("persist-credentials: false")


def test_every_python_and_system_is_checked() -> None:
    """CI runs on Linux and macOS with Python 3.11 to 3.14."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert 'python: ["3.11", "3.12", "3.13", "3.14"]' in text
    assert re.search(r"os: \[ubuntu-[\d.]+, macos-\d+\]", text)
