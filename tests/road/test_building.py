"""Building: part by part, with help after failed attempts, and told what may not stay."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents import router
from agents.prompting import call_hash, prompt_hash
from agents.protocol import render
from agents.structured import schema_of
from bot.services import services
from bot.snapshots import read_folder
from shared.domain import Difficulty, Role, Stage
from shared.profiles import Profile
from shared.workspace import Action, CreateFile, EditFile, RunCommand, Submit
from tests.road.test_people_kit import Household, open_household, recording_with
from tests.road.world import REF, plan_for

SHOP = "def discount(price, percent):\n    return price * percent / 100\n"
OLD = "import shop\n\n\ndef test_nothing_off():\n    assert shop.discount(0, 10) == 0\n"
TITLE = "discount() in shop.py gives the discount, not the price"
TAKEN = EditFile(
    path="shop.py",
    search="    return price * percent / 100\n",
    replace="    return price - price * percent / 100\n",
)
ROUNDED = EditFile(
    path="shop.py",
    search="    return price - price * percent / 100\n",
    replace="    return round(price - price * percent / 100, 2)\n",
)
DONE = Submit(message="Done.")


def one_test(name: str, line: str) -> CreateFile:
    """Write a file with one test of the shop."""
    text = f"import shop\n\n\ndef test_{name}():\n    assert {line}\n"
    return CreateFile(path=f"tests/test_{name}.py", content=text)


def said(
    role: Role, actions: Sequence[Action], *when: str, first: int = 0
) -> list[tuple[str, str]]:
    """Return an agent's turns as heads and replies, from its ``first`` turn on."""
    return [
        (f'role = "{role}"\nturn = {turn}\nwhen = {json.dumps(when)}', f"Next.\n\n{render(action)}")
        for turn, action in enumerate(actions, first)
    ]


def as_text(role: Role, actions: Sequence[Action], *when: str) -> list[tuple[str, str]]:
    """Return an agent's turns after a call that could not be read."""
    return said(role, actions, "Write actions as text from now on", *when, first=1)


def with_tools(profile: Profile) -> Profile:
    """Let all models of a profile be known to call tools."""
    models = tuple(model.model_copy(update={"tools": True}) for model in profile.models)
    return profile.model_copy(update={"models": models})


def told(role: Role, answer: Mapping[str, object], *when: str) -> tuple[str, str]:
    """Return an agent's answer as head and reply."""
    return f'role = "{role}"\nwhen = {json.dumps(when)}', json.dumps(answer)


def triage(difficulty: Difficulty) -> tuple[str, str]:
    """Return the router's guess."""
    guess = {"type": "bug", "confidence": 0.9, "self_reflection": False}
    return told(Role.ROUTER, {**guess, "difficulty": difficulty})


def scenario(name: str) -> Mapping[str, str]:
    """Return a scenario that is found again by its name."""
    return {"name": name, "given": "a price", "when": "a discount is taken", "then": "it is right"}


REPORT = told(Role.DOCUMENTER, {"summary": "Mended.", "changelog": "Mended."})
FINE = {"summary": "Fine.", "findings": []}


def laid_out(folder: Path) -> Path:
    """Write the shop's files."""
    for path, text in {"shop.py": SHOP, "tests/test_old.py": OLD, "README.md": "# Shop\n"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


async def issue(house: Household) -> int:
    """Open the shop's issue."""
    return await house.issue(TITLE, "`discount(200, 10)` in `shop.py` has to be 180.")


async def pull_body(house: Household, number: int) -> tuple[str, list[str]]:
    """Wait for the pull request; return its text and the subjects of its commits."""
    run = await house.at(number, Stage.PROPOSED)
    pull = await house.alice.call("GET", f"/pulls/{run.pull_number}")
    assert pull["draft"] is False, pull["body"]
    commits = await house.alice.call("GET", f"/pulls/{run.pull_number}/commits")
    return pull["body"], [c["commit"]["message"].partition("\n")[0] for c in commits]


async def test_large_work_is_built_part_by_part(tmp_path: Path, cache: Path) -> None:
    """Each part has tests, review and commits of its own; a refuted remark is closed by its test.

    The second part is told what is built already, and the pull request tells the parts apart. The
    profile says that the model calls tools; its node refuses, and all is written as text.
    """
    parts = [
        {"title": title, "action_items": [f"Do: {title}"], "scenarios": [scenario(title)]}
        for title in ("Take it off", "Round it")
    ]
    plan = {
        "summary": "Two steps.",
        "action_items": ["Take the discount off, then round."],
        "scenarios": [scenario("all")],
        "files": ["shop.py"],
        "subtasks": parts,
    }
    remark = {
        "summary": "No.",
        "findings": [{"severity": "blocking", "file": "shop.py", "why": "Zero percent is wrong."}],
    }
    refuting: list[Action] = [
        one_test("zero", "shop.discount(5, 0) == 5"),
        Submit(message="refuted 1: tests/test_zero.py::test_zero"),
    ]
    replies = [
        triage(Difficulty.MEDIUM),
        told(Role.PLANNER, plan),
        *as_text(
            Role.TESTER, [one_test("taken", "shop.discount(200, 10) == 180"), DONE], "Take it"
        ),
        *as_text(
            Role.TESTER, [one_test("round", "shop.discount(1, 1.2) == 0.99"), DONE], "Round it"
        ),
        *as_text(Role.CODER, refuting, "Zero percent is wrong"),
        *as_text(
            Role.CODER, [TAKEN, DONE], "Part 1 of 2: Take it off", "Not yet, leave it: Round it"
        ),
        *as_text(
            Role.CODER, [ROUNDED, DONE], "Part 2 of 2: Round it", "Built already: Take it off"
        ),
        told(Role.REVIEWER, remark, "Review round 1", "Part 1 of 2"),
        told(Role.REVIEWER, FINE, "Review round 2", "Refuted by tests/test_zero.py::test_zero"),
        told(Role.REVIEWER, FINE, "Review round 1", "Part 2 of 2"),
        REPORT,
    ]
    recording = recording_with(tmp_path / "recording", replies)
    repository = laid_out(tmp_path / "shop")
    places = plan_for(tmp_path / "home", cache, repository=repository, recording=recording)
    async with open_household(places, with_tools) as house:
        number = await issue(house)
        await house.at(number, Stage.AWAITING_PLANNER)
        await house.tell(house.alice, number, "/approve")
        body, commits = await pull_body(house, number)
        blueprint = (await house.said(number, "Built in 2 parts"))["body"]
        assert blueprint.index("Take it off") < blueprint.index("Round it")
        assert body.index("1. **Take it off**: 1 new tests") < body.index("2. **Round it**")
        assert "tests/test_taken.py::test_taken" in body
        assert "tests/test_round.py::test_round" in body
        assert "left open" not in body
        (run,) = await services().store.runs(str(REF), number)
        hashes = {e.role: e.prompt_hash for e in await services().store.usage(run.id)}
        assert hashes[Role.CODER] == prompt_hash(Role.CODER)
        sorting = [schema_of(router.Sorting)]
        assert hashes[Role.ROUTER] == call_hash(prompt_hash(Role.ROUTER), sorting)
        assert commits == [
            "Add failing tests for #1 (1 of 2: Take it off)",
            f"Solve #1: {TITLE} (1 of 2: Take it off)",
            "Answer the review of #1",
            "Add failing tests for #1 (2 of 2: Round it)",
            f"Solve #1: {TITLE} (2 of 2: Round it)",
        ]
        await house.rest()


async def test_the_planner_is_asked_for_after_two_failed_attempts(
    tmp_path: Path, cache: Path
) -> None:
    """Two attempts that fail raise the difficulty, and a yes to the planner begins the work anew.

    A change of the repository's automation is refused and the next attempt told so; a submission
    without any change is sent back.
    """
    workflow = RunCommand(
        command="mkdir -p .github/workflows && echo on: push > .github/workflows/a.yml"
    )
    told_off = "runs in the repository's own automation"
    plan = {
        "summary": "Take it off the price.",
        "action_items": ["Subtract."],
        "scenarios": [scenario("Subtracted")],
        "files": ["shop.py"],
        "expected_lines": 200,
    }
    look = RunCommand(command="echo nothing >> README.md")
    new = one_test("taken", "shop.discount(200, 10) == 180")
    mended = said(Role.CODER, [DONE], "Take it off the price.")
    mended += said(Role.CODER, [DONE, TAKEN, DONE], "Take it off the price.", "No file differs")[1:]
    replies = [
        triage(Difficulty.LOW),
        told(Role.PLANNER, plan),
        *said(Role.TESTER, [new, DONE]),
        *mended,
        *said(Role.CODER, [look, DONE], "Attempt 2 of 3", told_off),
        *said(Role.CODER, [TAKEN, workflow, DONE], "Attempt 1 of 3"),
        told(Role.REVIEWER, FINE),
        REPORT,
    ]
    recording = recording_with(tmp_path / "recording", replies)
    repository = laid_out(tmp_path / "shop")
    places = plan_for(tmp_path / "home", cache, repository=repository, recording=recording)
    async with open_household(places) as house:
        number = await issue(house)
        run = await house.at(number, Stage.AWAITING_PLANNER)
        assert await house.asked(number, Role.CODER) == 5
        rows = {row.stage: row.note for row in run.rows}
        assert "difficulty medium: 1 attempt has failed." in rows[Stage.CODING]
        await house.tell(house.alice, number, "/approve planner")
        _, commits = await pull_body(house, number)
        assert commits == ["Add failing tests for #1", f"Solve #1: {TITLE}"]
        assert await house.asked(number, Role.PLANNER) == 1
        (stored,) = await services().store.runs(str(REF), number)
        assert stored.difficulty is Difficulty.HIGH
        folder = house.home / "state" / "shared" / REF.owner / REF.name / str(number)
        task = read_folder(folder).task
        assert [str(one.grounds) for one in task.assessments] == [
            *("issue", "location", "attempts", "attempts", "plan")
        ]
        await house.rest()
