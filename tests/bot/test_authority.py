"""Who may make Baton do what, where and when: every row is handled by the real thing.

A row is delivered as GitHub would have it delivered, and held to its exact outcome: the reactions
to the comment, the answers below it, what became of the request, and where the run stands.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

import pytest
import pytest_asyncio

from bot.demo.forge.config import Level
from bot.services import install, services
from shared.domain import Stage
from shared.store import ApprovalState
from tests.bot.authority import Court, Scene
from tests.road.world import REF

pytestmark = pytest.mark.asyncio(loop_scope="module")
PENDING, APPROVED, DENIED, VOID = (
    ApprovalState.PENDING,
    ApprovalState.APPROVED,
    ApprovalState.DENIED,
    ApprovalState.VOID,
)
DONE, PUZZLED, UNHEARD = {"eyes", "+1"}, {"eyes", "confused"}, set[str]()


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def begin(court: Court) -> AsyncIterator[None]:
    """Count every row's comments anew, and leave nothing in flight."""
    await court.forget_hearings()
    yield
    await court.clear()


class Verdict(NamedTuple):
    """What becomes of a command that its author may give, in the scene of its row."""

    reactions: set[str]
    notice: str | None
    state: ApprovalState | None
    stage: Stage


# On a run that asks for the planner: what each command does when a writer gives it.
ASKED = Stage.AWAITING_PLANNER
VERDICTS = {
    "/approve": Verdict(DONE, None, APPROVED, ASKED),
    "/deny too dear": Verdict(DONE, None, DENIED, ASKED),
    "/route dev1": Verdict(PUZZLED, "not_in_doubt", PENDING, ASKED),
    "/plan": Verdict(PUZZLED, "running", PENDING, ASKED),
    "/run": Verdict(DONE, None, DENIED, ASKED),
    "/frontier why?": Verdict(PUZZLED, "no_frontier", PENDING, ASKED),
    "/retry": Verdict(PUZZLED, "running", PENDING, ASKED),
    "/cancel": Verdict(DONE, "cancelled", VOID, Stage.CANCELLED),
    "/pause": Verdict(DONE, "paused", PENDING, ASKED),
    "/resume": Verdict(PUZZLED, "not_paused", PENDING, ASKED),
    "/rollback": Verdict(PUZZLED, "no_snapshot", PENDING, ASKED),
    "/status": Verdict(DONE, None, PENDING, ASKED),
    "/help": Verdict(DONE, "help", PENDING, ASKED),
}
# Whether somebody of a role is heard (+), refused (r), or not even refused (.).
#                  none   read   triage write  maintain admin  author bot
HEARD = {
    "/approve":       "r      r      r      +      +      +      r      .",
    "/deny too dear": "r      r      r      +      +      +      r      .",
    "/route dev1":    "r      r      r      +      +      +      r      .",
    "/plan":          "r      r      r      +      +      +      r      .",
    "/run":           "r      r      r      +      +      +      r      .",
    "/frontier why?": "r      r      r      +      +      +      r      .",
    "/retry":         "r      r      r      +      +      +      r      .",
    "/cancel":        "r      r      r      +      +      +      r      .",
    "/pause":         "r      r      r      +      +      +      r      .",
    "/resume":        "r      r      r      +      +      +      r      .",
    "/rollback":      "r      r      r      +      +      +      r      .",
    "/status":        "r      r      +      +      +      +      r      .",
    "/help":          "r      r      +      +      +      +      r      .",
}  # fmt: skip
ROLES = ("none", "read", "triage", "write", "maintain", "admin", "author", "bot")


ROWS = [
    (body, role, cell)
    for body, cells in HEARD.items()
    for role, cell in zip(ROLES, cells.split(), strict=True)
]


@pytest.mark.parametrize(("body", "role", "cell"), ROWS)
async def test_a_command_takes_its_role(court: Court, body: str, role: str, cell: str) -> None:
    """Each command is done for whom it is meant for; others are told why not, and move nothing."""
    await court.allow("mallory", Level.READ)
    scene = await court.scene("planner", by=court.house.mallory if role == "author" else None)
    if role == "bot":
        repo = await services().repo(REF)
        comment = (await repo.post_once(scene.number, "by a bot", body)).id
    else:
        comment = await court.house.mallory.comment(scene.number, body)
    if role not in {"author", "bot"}:
        await court.allow("mallory", Level[role.upper()])
    await court.deliver(f"role-{comment}", await court.sent(comment=comment))
    untouched = Verdict(UNHEARD, None, PENDING, ASKED)
    expected = {
        "+": VERDICTS[body],
        "r": untouched._replace(reactions=PUZZLED, notice="refused"),
        ".": untouched,
    }[cell]
    assert await found(court, scene, comment) == expected


async def found(court: Court, scene: Scene, comment: int, number: int = 0) -> Verdict:
    """Collect what has become of a comment."""
    told = await court.notices(number or scene.number, comment)
    states = await scene.asked()
    return Verdict(
        await court.reactions(court.house.alice, comment),
        told[0] if told else None,
        states[-1] if states else None,
        await scene.stage(),
    )


# What a maintainer writes on an issue whose run asks for the planner, and what comes of it.
SAID: dict[str, tuple[str, set[str], str | None, ApprovalState]] = {
    "plain": ("/approve", DONE, None, APPROVED),
    "with what it approves": ("/approve planner", DONE, None, APPROVED),
    "by name": ("@baton approve", DONE, None, APPROVED),
    "by its bot's name": ("@baton[bot] /approve planner", DONE, None, APPROVED),
    "below a quoted reply": ("> Shall I?\n> Say so.\n\n/approve", DONE, None, APPROVED),
    "above a signature": ("/approve\n-- \nM.", DONE, None, APPROVED),
    "with line ends of Windows": ("/approve\r\nthanks\r\n", DONE, None, APPROVED),
    "below a hidden comment": ("<!-- template -->\n/approve", DONE, None, APPROVED),
    "two commands": ("/status\n/approve", DONE, None, APPROVED),
    "a no with its reason": ("/deny not *now*", DONE, None, DENIED),
    "yes and no": ("/approve\n/deny", PUZZLED, "nothing_waits", APPROVED),
    "for a plan": ("/approve plan", PUZZLED, "wrong_kind", PENDING),
    "for the cloud": ("/approve frontier", PUZZLED, "wrong_kind", PENDING),
    "for a look-alike": ("/approve pl\u0430nner", PUZZLED, "wrong_kind", PENDING),
    "for something padded": ("/approve planner\u200b", PUZZLED, "wrong_kind", PENDING),
    "misspelt": ("/aprove", PUZZLED, "unknown", PENDING),
    "misspelt by name": ("@baton aprove", PUZZLED, "unknown", PENDING),
    "by name, words": ("@baton well done", PUZZLED, "running", PENDING),
    "by name, a slip with words": ("@baton aprove it", PUZZLED, "unknown", PENDING),
    "by name, one word": ("@baton thanks", PUZZLED, "unknown", PENDING),
    "spoken of": ("I think @baton should wait.", UNHEARD, None, PENDING),
    "by name alone": ("@baton", DONE, "help", PENDING),
    "below a sentence": ("I read it.\n/approve", PUZZLED, "misplaced", PENDING),
    "below a heading": ("# Yes\n\n/approve", PUZZLED, "misplaced", PENDING),
    "below a list": ("- read\n\n/approve", PUZZLED, "misplaced", PENDING),
    "in folded details": ("<details>\n\n/approve\n\n</details>", PUZZLED, "misplaced", PENDING),
    "Cyrillic a": ("/\u0430pprove", UNHEARD, None, PENDING),
    "Cyrillic e": ("/approv\u0435", UNHEARD, None, PENDING),
    "Greek o": ("/appr\u03bfve", UNHEARD, None, PENDING),
    "full-width slash": ("\uff0fapprove", UNHEARD, None, PENDING),
    "division slash": ("\u2215approve", UNHEARD, None, PENDING),
    "zero-width space inside": ("/app\u200brove", UNHEARD, None, PENDING),
    "zero-width space behind": ("/approve\u200b", UNHEARD, None, PENDING),
    "zero-width joiner": ("/approve\u200d", UNHEARD, None, PENDING),
    "byte order mark in front": ("\ufeff/approve", UNHEARD, None, PENDING),
    "soft hyphen": ("/ap\u00adprove", UNHEARD, None, PENDING),
    "combining mark": ("/approve\u0301", UNHEARD, None, PENDING),
    "no-break space behind": ("/approve\u00a0planner", UNHEARD, None, PENDING),
    "turned round": ("\u202e/approve", UNHEARD, None, PENDING),
    "tag letters": ("/approve\U000e0061", UNHEARD, None, PENDING),
    "look-alike name": ("@b\u0430ton approve", UNHEARD, None, PENDING),
    "name with an invisible letter": ("@bat\u200bon approve", UNHEARD, None, PENDING),
    "a longer name": ("@baton-helper approve", UNHEARD, None, PENDING),
    "capitals": ("/APPROVE", UNHEARD, None, PENDING),
    "two slashes": ("//approve", UNHEARD, None, PENDING),
    "as an address": ("/approve/now", UNHEARD, None, PENDING),
    "in a sentence": ("please /approve", UNHEARD, None, PENDING),
    "fenced": ("```\n/approve\n```", UNHEARD, None, PENDING),
    "fenced by tildes": ("~~~\n/approve\n~~~", UNHEARD, None, PENDING),
    "in an open fence": ("```\n/approve", UNHEARD, None, PENDING),
    "in a longer fence": ("````\n```\n/approve\n````", UNHEARD, None, PENDING),
    "in a code span": ("`/approve`", UNHEARD, None, PENDING),
    "in a span of lines": ("`\n/approve\n`", UNHEARD, None, PENDING),
    "indented": ("    /approve", UNHEARD, None, PENDING),
    "behind a tab": ("\t/approve", UNHEARD, None, PENDING),
    "quoted": ("> /approve", UNHEARD, None, PENDING),
    "quoted twice": (">> /approve", UNHEARD, None, PENDING),
    "going on from a quote": ("> yes\n/approve", UNHEARD, None, PENDING),
    "in a quote, behind a line separator": ("> yes\u2028/approve", UNHEARD, None, PENDING),
    "in a list": ("- /approve", UNHEARD, None, PENDING),
    "hidden": ("<!-- /approve -->", UNHEARD, None, PENDING),
    "hidden, over lines": ("<!--\n/approve\n-->", UNHEARD, None, PENDING),
    "hidden to the end": ("<!--\n/approve", UNHEARD, None, PENDING),
    "hidden in a line": ("x <!--\n/approve\n-->", UNHEARD, None, PENDING),
    "in a block of HTML": ("<div>\n/approve\n</div>", UNHEARD, None, PENDING),
    "in a link's title": ('[a]: https://example.com "\n/approve\n"', UNHEARD, None, PENDING),
    "in a link's words": ("[a\n/approve\n](https://example.com)", UNHEARD, None, PENDING),
    "escaped": ("\\/approve", UNHEARD, None, PENDING),
    "as an entity": ("&#47;approve", UNHEARD, None, PENDING),
    "for another bot": ("/lgtm", UNHEARD, None, PENDING),
    "as Baton's own words": ("<!-- baton:x -->\n\n/approve", UNHEARD, None, PENDING),
}


@pytest.mark.parametrize("name", SAID)
async def test_only_what_is_said_counts(court: Court, name: str) -> None:
    """What is quoted, hidden or disguised decides nothing; a slip is answered."""
    body, reactions, notice, state = SAID[name]
    await court.allow("mallory", Level.MAINTAIN)
    scene = await court.scene("planner")
    comment = await court.house.mallory.comment(scene.number, body)
    await court.deliver(f"said-{comment}", await court.sent(comment=comment))
    assert await found(court, scene, comment) == Verdict(reactions, notice, state, ASKED)


# What each command says where it makes no sense, and what it does where it does.
SENSE: dict[str, tuple[str, str, set[str], str | None, Stage]] = {
    "approve nothing": ("working", "/approve", PUZZLED, "nothing_waits", Stage.CODING),
    "deny nothing": ("working", "/deny", PUZZLED, "nothing_waits", Stage.CODING),
    "route nothing": ("working", "/route dev1", PUZZLED, "nothing_waits", Stage.CODING),
    "run what runs": ("working", "/run", PUZZLED, "running", Stage.CODING),
    "retry what runs": ("working", "/retry", PUZZLED, "running", Stage.CODING),
    "pause what runs": ("working", "/pause", DONE, "paused", Stage.CODING),
    "cancel what runs": ("working", "/cancel", DONE, "cancelled", Stage.CANCELLED),
    "plan what is proposed": ("proposed", "/plan", PUZZLED, "handed_in", Stage.PROPOSED),
    "cancel what is proposed": ("proposed", "/cancel", PUZZLED, "nothing_runs", Stage.PROPOSED),
    "pause what is proposed": ("proposed", "/pause", PUZZLED, "nothing_runs", Stage.PROPOSED),
    "roll a proposal back": ("proposed", "/rollback", PUZZLED, "no_snapshot", Stage.PROPOSED),
    "approve what has stopped": ("stopped", "/approve", PUZZLED, "nothing_waits", Stage.STOPPED),
    "cancel what has stopped": ("stopped", "/cancel", PUZZLED, "nothing_runs", Stage.STOPPED),
    "resume what has stopped": ("stopped", "/resume", PUZZLED, "not_paused", Stage.STOPPED),
    "retry what has stopped": ("stopped", "/retry", DONE, None, Stage.STOPPED),
    "run what has stopped": ("stopped", "/run", DONE, None, Stage.STOPPED),
    "route to nobody": ("triage", "/route", PUZZLED, "no_agent", Stage.NEEDS_HUMAN),
    "route to a stranger": ("triage", "/route gpt", PUZZLED, "no_agent", Stage.NEEDS_HUMAN),
    "route to the planner": ("triage", "/route Planner", DONE, None, Stage.NEEDS_HUMAN),
    "route to a person": ("triage", "/route human", DONE, None, Stage.NEEDS_HUMAN),
    "plan what is in doubt": ("triage", "/plan", DONE, None, Stage.NEEDS_HUMAN),
    "run what is in doubt": ("triage", "/run", DONE, None, Stage.NEEDS_HUMAN),
    "approve a plan": ("plan", "/approve plan", DONE, None, Stage.AWAITING_PLAN),
    "run while a plan is asked": ("plan", "/run", PUZZLED, "running", Stage.AWAITING_PLAN),
    "approve the cloud": ("frontier", "/approve frontier", DONE, None, Stage.AWAITING_FRONTIER),
    "plan for the cloud": ("frontier", "/approve plan", PUZZLED, "wrong_kind",
                           Stage.AWAITING_FRONTIER),
}  # fmt: skip


@pytest.mark.parametrize("name", SENSE)
async def test_a_command_answers_with_what_is_possible(court: Court, name: str) -> None:
    """A command that makes no sense now moves nothing and says what does."""
    kind, body, reactions, notice, stage = SENSE[name]
    await court.allow("mallory", Level.WRITE)
    scene = await court.scene(kind)
    comment = await court.house.mallory.comment(scene.number, body)
    await court.deliver(f"sense-{comment}", await court.sent(comment=comment))
    verdict = await found(court, scene, comment)
    assert (verdict.reactions, verdict.notice, verdict.stage) == (reactions, notice, stage)


@pytest.mark.parametrize(
    "verb", ["approve", "deny", "route", "cancel", "pause", "resume", "status"]
)
async def test_without_a_run_there_is_nothing_to_do(court: Court, verb: str) -> None:
    """Where there is no run, the answer says how to start one, and none is started."""
    await court.allow("mallory", Level.WRITE)
    scene = await court.scene("none")
    comment = await court.house.mallory.comment(scene.number, f"/{verb}")
    await court.deliver(f"none-{comment}", await court.sent(comment=comment))
    assert await court.reactions(court.house.alice, comment) == PUZZLED
    assert await court.notices(scene.number, comment) == ["no_run"]
    assert not await services().store.runs(str(REF), scene.number)


# What calls Baton on an issue without a run, and whether it starts one: by a command, by words
# that begin with its name, or by a mention anywhere of somebody who may write.
CALLS: dict[str, tuple[str, Level, set[str], str | None]] = {
    "words": ("@baton please mend this", Level.WRITE, DONE, None),
    "words on many lines": ("@baton[bot], please mend\nthis\nand that", Level.WRITE, DONE, None),
    "a mention in a sentence": ("Could you do it, @baton?", Level.WRITE, DONE, None),
    "a mention below": ("It crashes.\n\ncc @Baton", Level.WRITE, DONE, None),
    "a command": ("@baton run", Level.WRITE, DONE, None),
    "words by a reader": ("@baton please mend this", Level.READ, PUZZLED, "refused"),
    "words by a triager": ("@baton please mend this", Level.TRIAGE, PUZZLED, "refused"),
    "a mention by a reader": ("Could you do it, @baton?", Level.READ, UNHEARD, None),
    "a mention by a triager": ("Could you do it, @baton?", Level.TRIAGE, UNHEARD, None),
    "a quoted mention": ("> @baton please mend this", Level.WRITE, UNHEARD, None),
    "a mention in code": ("`@baton please mend this`", Level.WRITE, UNHEARD, None),
    "a fenced mention": ("```\n@baton please mend this\n```", Level.WRITE, UNHEARD, None),
    "a hidden mention": ("<!-- @baton please mend this -->", Level.WRITE, UNHEARD, None),
    "a longer name": ("@baton-helper please mend this", Level.WRITE, UNHEARD, None),
    "a look-alike": ("@b\u0430ton please mend this", Level.WRITE, UNHEARD, None),
    "an address": ("mail me@baton.example", Level.WRITE, UNHEARD, None),
}


@pytest.mark.parametrize("name", CALLS)
async def test_calling_baton_starts_a_run(court: Court, name: str) -> None:
    """Plain words or a mention do what /run does, for whom /run is meant; nothing else does."""
    body, level, reactions, notice = CALLS[name]
    await court.allow("mallory", level)
    scene = await court.scene("none")
    comment = await court.house.mallory.comment(scene.number, body)
    await court.deliver(f"call-{comment}", await court.sent(comment=comment))
    assert await court.reactions(court.house.alice, comment) == reactions
    assert await court.notices(scene.number, comment) == ([notice] if notice else [])
    runs = await services().store.runs(str(REF), scene.number)
    assert len(runs) == (reactions == DONE)


@pytest.mark.parametrize("body", ["/run", "@baton please look at this", "What do you say, @baton?"])
async def test_a_pull_request_of_others_starts_nothing(court: Court, body: str) -> None:
    """Baton works on issues; on somebody's pull request it says so where it is spoken to."""
    await court.allow("mallory", Level.WRITE)
    number = await court.pull_of(await court.scene("none"))
    comment = await court.house.mallory.comment(number, body)
    await court.deliver(f"pull-{comment}", await court.sent(comment=comment))
    told = await court.notices(number, comment)
    assert told == ([] if body.startswith("What") else ["no_issue"])
    assert not await services().store.runs(str(REF), number)


@pytest.mark.parametrize(
    ("body", "level", "starts"),
    [
        ("It crashes. @baton, please mend it.", Level.WRITE, 1),
        ("It crashes. @baton, please mend it.", Level.READ, 0),
        ("It crashes. `@baton`", Level.WRITE, 0),
        ("It crashes.", Level.WRITE, 0),
    ],
)
async def test_an_issue_may_call_baton_itself(
    court: Court, body: str, level: Level, starts: int
) -> None:
    """Where opening an issue starts nothing by itself, one that mentions Baton does."""
    await court.allow("mallory", level)
    before = services()
    settings = before.settings.model_copy(update={"start_on_open": False})
    install(replace(before, settings=settings))
    try:
        number = await court.house.mallory.open_issue("A call", body)
        await court.deliver(f"open-{number}", await court.sent("issues", "opened"), "issues")
    finally:
        install(before)
    assert len(await services().store.runs(str(REF), number)) == starts
