import asyncio
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path

import pytest

from agents.documenter import ReportTask, report
from agents.reviewer import ReviewTask, review
from bot.demo.recording import Recording
from bot.demo.story import RECORDING, issue_text, person_review
from shared.domain import Difficulty, IssueType
from tests.house.played_story import Played, RecordedChat, play, sample_issue

NEW = "tests.test_month_end"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play the whole story once."""
    return asyncio.run(play(tmp_path_factory.mktemp("story") / "work"))


def failed(played: Played, stage: str) -> list[str]:
    """List the tests that fail at a stage."""
    return sorted(name for name, passed in played.outcomes[stage].items() if not passed)


def unified(before: Mapping[str, str], after: Mapping[str, str], name: str) -> Iterator[str]:
    """Write the change of one file as git does."""
    old, new = before.get(name, ""), after[name]
    return unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )


def test_the_router_finds_the_issue_hard_enough_for_a_plan(played: Played) -> None:
    """The demo's issue is a bug of medium difficulty, so the planner's approval is seen."""
    assert (played.triage.type, played.triage.difficulty) == (IssueType.BUG, Difficulty.MEDIUM)
    assert played.triage.needs_planner


def test_the_sample_passes_its_own_tests(played: Played) -> None:
    """The sample repository is sound before the work: every one of its tests passes."""
    assert failed(played, "base") == []
    assert len(played.outcomes["base"]) > 40


def test_the_new_tests_fail_and_nothing_else(played: Played) -> None:
    """The Tester's tests are one for each scenario, all red on the base; the old ones pass."""
    new = sorted(set(played.outcomes["red"]) - set(played.outcomes["base"]))
    assert failed(played, "red") == new
    assert [name.partition("::")[0] for name in new] == [NEW] * len(played.blueprint.scenarios)
    (shown,) = played.files["red"].outputs
    assert f"{len(new)} failed" in shown
    assert "E       AssertionError" in shown


def test_the_first_attempt_breaks_what_worked(played: Played) -> None:
    """The coder's first attempt passes every new test and breaks three old ones."""
    assert failed(played, "first") == [
        "tests.test_dates::test_months_are_added_within_the_length_of_the_month[start3-1-expected3]",
        "tests.test_series::test_a_rule_from_the_28th_of_february_stays_on_the_28th",
        "tests.test_series::test_rent_due_on_the_30th_of_april_stays_on_the_30th",
    ]


@pytest.mark.parametrize("stage", ["second", "reviewed", "followed_up"])
def test_later_stages_pass_every_test(played: Played, stage: str) -> None:
    """The second attempt, the answer to the review and the follow-up pass all tests."""
    assert failed(played, stage) == []
    assert set(played.outcomes["red"]) <= set(played.outcomes[stage])


@pytest.mark.parametrize("stage", ["red", "first", "second", "reviewed", "followed_up"])
def test_every_stage_is_submitted_without_a_refusal(played: Played, stage: str) -> None:
    """Each recorded edit is allowed and fits the files, and each stage ends with a submission."""
    assert played.files[stage].refused == []
    assert played.attempts[stage].submitted


def test_the_coder_says_what_it_saw(played: Played) -> None:
    """The words of the recording agree with the commands: red fails, the others pass."""
    codes = {stage: files.exit_codes for stage, files in played.files.items()}
    assert codes == {
        "red": [1],
        "first": [0],
        "second": [0],
        "reviewed": [0, 0],
        "followed_up": [0],
    }
    assert played.files["reviewed"].outputs[0] == "2026-03-28\n"


def test_the_review_names_the_faulty_line(played: Played) -> None:
    """The reviewer's remark points at the line at fault, and the next round has none."""
    (remark,) = played.reviews[0].blocking
    line = played.texts["second"][remark.file].splitlines()[remark.line - 1]
    assert "_step(rule, candidate)" in line
    assert played.reviews[1].findings == ()


def test_the_person_comments_on_a_line_of_the_diff(played: Played) -> None:
    """Alice's comment sits on a line which the pull request adds."""
    for comment in person_review().comments:
        head = played.texts["reviewed"][comment.path].splitlines()
        assert head[comment.line - 1].strip() == comment.on
        assert comment.on not in played.texts["base"][comment.path]


def test_the_follow_up_does_what_the_person_asked(played: Played) -> None:
    """The follow-up changes the descriptions and the README, and no date."""
    before, after = played.texts["reviewed"], played.texts["followed_up"]
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"README.md", "src/fortnight/describe.py", "tests/test_describe.py"}


async def test_a_review_of_the_follow_up_alone_is_clean(played: Played) -> None:
    """A reviewer who is shown nothing but the follow-up's diff has nothing to object."""
    before, after = played.texts["reviewed"], played.texts["followed_up"]
    diff = "".join("".join(unified(before, after, name)) for name in after)
    asked = ReviewTask(issue=sample_issue(), diff=diff, evidence="all pass")
    assert (await review(RecordedChat(Recording.load(RECORDING)), asked)).findings == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("src/fortnight/series.py | 30 +-", "drifting"),
        ("src/fortnight/describe.py", "Descriptions"),
    ],
)
async def test_the_report_speaks_of_what_changed(changes: str, expected: str) -> None:
    """The Documenter's line tells of the fix first, and of the follow-up after it."""
    asked = ReportTask(issue=sample_issue(), changes=changes, evidence="all pass")
    written = await report(RecordedChat(Recording.load(RECORDING)), asked)
    assert expected in written.changelog


def test_the_issue_shows_what_the_program_prints(played: Played) -> None:
    """The dates in the issue are those that the fixed program prints."""
    wanted = "2026-01-31\n2026-02-28\n2026-03-31\n2026-04-30\n"
    assert wanted in issue_text().body
    assert wanted in Path(played.root / "README.md").read_text("utf-8")
