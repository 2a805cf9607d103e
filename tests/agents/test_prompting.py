import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import BaseModel

from agents import prompting, protocol
from agents.dialect import TOOLS
from agents.frontier import Advice
from agents.router import Sorting
from agents.summary import Notes
from shared.chat import JsonSchema, Speaker, likely_tokens
from shared.domain import Blueprint, Finding, Report, Review, Role, Severity
from shared.errors import ConfigurationError

VALUES: dict[Role, tuple[str, ...]] = {
    Role.ROUTER: ("issue",),
    Role.PLANNER: ("issue", "context", "language"),
    Role.TESTER: (
        *("attempt", "issue", "scenarios", "test_files"),
        *("example", "test_command", "verdicts", "steps"),
    ),
    Role.CODER: (
        *("attempt", "issue", "plan", "action_items", "red_tests", "test_command"),
        *("verdicts", "findings", "context", "steps"),
    ),
    Role.REVIEWER: ("round", "issue", "language", "plan", "earlier", "refuted", "evidence", "diff"),
    Role.DOCUMENTER: ("issue", "language", "message", "changes", "evidence"),
}


@pytest.mark.parametrize("role", Role)
def test_each_role_has_a_prompt_that_small_contexts_hold(role: Role) -> None:
    """The stable part names the role first, leaves no placeholder, and takes under 2k tokens."""
    system, task = prompting.messages(role, **{name: f"<{name}>" for name in VALUES[role]})
    assert system.role is Speaker.SYSTEM
    assert system.content.split("\n")[0] == f"# {role.agent}"
    assert "${" not in system.content + task.content
    assert all(f"<{name}>" in task.content for name in VALUES[role])
    assert likely_tokens([system]) < 2000


@pytest.mark.parametrize("role", Role)
def test_the_stable_part_is_stable(role: Role) -> None:
    """Different tasks share their system message to the letter, so that a node's cache serves."""
    one = prompting.messages(role, **dict.fromkeys(VALUES[role], "one"))
    two = prompting.messages(role, **dict.fromkeys(VALUES[role], "two"))
    assert one[0] == two[0]
    assert one[1] != two[1]


@pytest.mark.parametrize("role", [Role.CODER, Role.TESTER])
def test_the_examples_in_the_prompt_are_good_actions(role: Role) -> None:
    """Every action that the prompt shows is one that the parser reads."""
    system, _ = prompting.messages(role, **dict.fromkeys(VALUES[role], ""))
    blocks = re.findall(r"^```\w+.*?^```$", system.content, re.DOTALL | re.MULTILINE)
    kinds = [protocol.parse(block).kind for block in blocks]
    assert kinds == ["run", "view", "search", "edit", "create", "submit"]


@pytest.mark.parametrize("role", Role)
def test_a_missing_value_is_an_error(role: Role) -> None:
    """A prompt never goes out with a hole in it."""
    values = dict.fromkeys(VALUES[role], "x")
    values.pop("issue")
    with pytest.raises(ConfigurationError, match="asks for issue"):
        prompting.messages(role, **values)


@pytest.mark.parametrize("role", Role)
def test_a_value_without_a_place_is_an_error(role: Role) -> None:
    """Nothing that a role was given is lost without a word."""
    values = dict.fromkeys((*VALUES[role], "weather"), "x")
    with pytest.raises(ConfigurationError, match="no place for weather"):
        prompting.messages(role, **values)


def test_a_part_without_anything_in_it_is_left_out() -> None:
    """Its heading goes with it; a text that only says so stays, and so does all else."""
    values = dict.fromkeys(VALUES[Role.CODER], "x")
    _, task = prompting.messages(
        Role.CODER, **{**values, "issue": "About:\n\n(none)", "plan": prompting.NONE}
    )
    assert "The plan:" not in task.content
    assert "About:\n\n(none)\n\nAction items:\n\nx" in task.content


def test_a_stray_dollar_is_an_error() -> None:
    """A broken template is told, not sent."""
    with pytest.raises(ConfigurationError, match="stray"):
        prompting.substitute("x.md", "costs $5", {})


def test_values_are_not_looked_into() -> None:
    """An issue that holds a placeholder cannot pull in another value."""
    text = prompting.substitute("x.md", "${a} ${b}", {"a": "${b} $$ $5", "b": "secret"})
    assert text == "${b} $$ $5 secret"


@pytest.mark.parametrize("text", ["plain", "```\nrun\n```", "a `````` b", "``` end", ""])
def test_nothing_in_a_text_closes_its_fence(text: str) -> None:
    """The fence around data is longer than any run of backticks within."""
    first, *within, last = prompting.as_data("issue", text).split("\n")
    assert first == f"{last}data issue"
    assert "\n".join(within) == text
    assert last not in text


def test_attempts_can_be_told_apart() -> None:
    """The line names the attempt, and what the files hold."""
    assert prompting.attempt_line(1, 3, kept=True) == "Attempt 1 of 3"
    assert prompting.attempt_line(2, 3, kept=True).startswith(
        "Attempt 2 of 3\nThe files still hold"
    )
    assert "back" in prompting.attempt_line(3, 3, kept=False)


def test_a_remark_is_one_line() -> None:
    """Findings are told with their weight, place, reason and suggestion."""
    finding = Finding(severity=Severity.BLOCKING, file="a.py", line=3, why="w", suggestion="s")
    assert prompting.remark(finding) == "[blocking] a.py:3: w Suggestion: s"
    assert prompting.bullets(["two\nlines"]) == "- two lines"


def test_the_hash_tells_prompts_apart() -> None:
    """Each role's fixed text has its own hash, the same at each call."""
    hashes = {role: prompting.prompt_hash(role) for role in Role}
    assert len(set(hashes.values())) == len(Role)
    assert hashes == {role: prompting.prompt_hash(role) for role in Role}


def test_the_hash_of_a_call_covers_its_schemas() -> None:
    """A call in text has its prompt's hash; other tools, or otherwise told, have their own."""
    prompt, tool = prompting.prompt_hash(Role.CODER), dict(TOOLS[0])
    renamed = {**tool, "function": {"name": "other"}}
    offers: list[list[JsonSchema]] = [list(TOOLS), list(TOOLS[:-1]), [tool], [renamed]]
    hashes = [prompting.call_hash(prompt, offer) for offer in offers]
    assert prompting.call_hash(prompt, ()) == prompt
    assert len({prompt, *hashes}) == len(offers) + 1
    assert prompting.call_hash(prompt, [dict(reversed(tool.items()))]) == hashes[2]
    assert prompting.call_hash(prompting.prompt_hash(Role.TESTER), TOOLS) != hashes[0]


_CHOICES = {"high", "medium", "low"}
FORMS: Mapping[str, type[BaseModel]] = {
    "router": Sorting,
    "planner": Blueprint,
    "reviewer": Review,
    "documenter": Report,
    "summary": Notes,
    "frontier": Advice,
}


@pytest.mark.parametrize("name", FORMS)
def test_page_prompt_and_code_ask_for_the_same_fields(name: str) -> None:
    """The page's row and the prompt name each field of the form, at every depth, and no other."""
    schema = FORMS[name].model_json_schema()
    kinds = [schema, *schema.get("$defs", {}).values()]
    fields = {field for kind in kinds for field in kind.get("properties", {})}
    row = next(line for line in _page().split("\n") if line.startswith(f"| `{name}.md` |"))
    assert set(re.findall(r"`(\w+)`", row.rpartition(" | ")[2])) - _CHOICES == fields
    prompt = (files("agents") / "prompts" / f"{name}.md").read_text("utf-8")
    assert set(re.findall(r'"(\w+)"', prompt)) >= fields


def test_the_page_about_prompts_names_what_each_agent_acts_with() -> None:
    """Every action of the protocol has its row on the page and its place in the prompt."""
    actions = (files("agents") / "prompts" / "actions.md").read_text("utf-8")
    for kind in ("run", "view", "search", "edit", "create", "submit"):
        assert re.search(rf"^\| `{kind}\b", _page(), re.MULTILINE)
        assert f"\n```{kind}" in actions


def test_the_page_about_prompts_names_every_file() -> None:
    """The documentation and the folder do not drift apart."""
    page = _page()
    for prompt in (files("agents") / "prompts").iterdir():
        assert f"`{prompt.name}`" in page


def _page() -> str:
    return (Path(__file__).parents[2] / "docs" / "prompts.md").read_text("utf-8")
