"""Random and broken input for everything that reads what strangers write: no crash, ever.

Time is not asserted. That it stays linear is a matter of how the patterns are built, which
``test_no_pattern_can_go_back_and_forth`` reads off them; ``benchmarks/guards.py`` measures it.
"""

import contextlib
import json
from collections.abc import Iterator
from re import _constants as code  # type: ignore[attr-defined]  # private, and the only parser there is
from re import _parser as parser  # type: ignore[attr-defined]  # as above

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import protocol
from bot import commands
from shared.errors import DeliveryError, MalformedAction
from shared.guard import dependencies, injection, secret_rules
from shared.guard.change import Blob, Entry
from shared.guard.egress import Channel, Decision, Rules, release
from shared.guard.own import OwnSecrets
from shared.guard.patch import judge
from shared.guard.text import clean
from webhooks.body import parse_object
from webhooks.delivery import Delivery, to_delivery
from webhooks.events import MODELS

# Pieces that mean something to one of the readers, between any characters at all.
PIECES = st.sampled_from(
    [
        *("`", "```", "~~~", "<!--", "-->", "<div>", "</pre>", "<pre>", "![", "](", "[a]: ", "\\"),
        *('"', "'", "(", ")", "<a b=", "<img ", ">", "> ", "    ", "\n", "\r", "\n\n", "\u2028"),
        *("/approve", "/", "@", "#7", "fixes ", "https://", "?", "&", "=", "token", "secret: "),
        *(
            "ghp_",
            "eyJ",
            "-----BEGIN PRIVATE KEY-----",
            "AKIA",
            "\x1b[",
            "\x1b]",
            "\u200d",
            "\ufe0f",
        ),
        *(
            "\U000e0041",
            "\u202e",
            "\ud800",
            "\u3164",
            "👨",
            "가",
            "\u1100\u1161",
            "ignore previous",
        ),
        *("%41", "&#65;", "\\x41", "```edit a.py\n", "<<<<<<< SEARCH\n", "=======\n", "run\n"),
        *(
            ">>>>>>> REPLACE\n",
            "<think>",
            "</think>",
            "{",
            "}",
            "[",
            "]",
            "require (",
            "[project]\n",
        ),
    ]
)
TEXT = st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join)
OWN = OwnSecrets()
OWN.learn("0123456789abcdefghijABCDEFGHIJ-own-secret")
HARD = settings(max_examples=150, deadline=None)


@HARD
@given(TEXT)
def test_cleaning_ends(text: str) -> None:
    """What is cleaned can be encoded, and is shorter or told to be changed."""
    cleaned = clean(text, verbs=frozenset({"approve"}))
    cleaned.text.encode()
    assert len(cleaned.text) <= len(text) + 8 * sum(one.count for one in cleaned.found)


@HARD
@given(TEXT)
def test_nothing_hidden_is_left(text: str) -> None:
    """A cleaned text has no invisible characters, and no comments of a page outside of code."""
    left = clean(clean(text).text, markdown=False)
    assert {
        one.kind for one in left.found if one.kind.is_deliberate and one.kind.is_removed
    } == set()


@HARD
@given(TEXT, st.sampled_from(Channel))
def test_release_is_final(text: str, channel: Channel) -> None:
    """What has been let out passes a second time as it is: no cure makes a new illness."""
    sent = release(text, channel, Rules(own=OWN))
    again = release(sent.text, channel, Rules(own=OWN))
    assert again.text == sent.text
    assert (sent.decision is Decision.PASS) == (sent.text == text)


@HARD
@given(TEXT, st.integers(0, 12), TEXT)
def test_our_own_secret_never_leaves(before: str, cut: int, after: str) -> None:
    """Whatever stands around it, and wherever it is cut, no telling part is sent."""
    secret = "0123456789abcdefghijABCDEFGHIJ-own-secret"
    sent = release(f"{before}{secret[cut:]}{after}", Channel.COMMENT, Rules(own=OWN))
    assert secret[cut + 2 : -2].casefold() not in sent.text.casefold()


@HARD
@given(TEXT)
def test_caution_is_a_number(text: str) -> None:
    """Every text has a score between 0 and 1."""
    assert 0 <= injection.caution(text).score <= 1


@HARD
@given(TEXT)
def test_comments_are_read(text: str) -> None:
    """Every comment has commands or none, and each stands by itself on a line of the comment."""
    lines = {line.strip(" \t\r") for line in text.split("\n")}
    for command in commands.parse(text):
        assert not isinstance(command, commands.Words), "nobody has a name here"
        word = command.verb if isinstance(command, commands.Command) else command.word
        assert any(f"/{word}" in line for line in lines)


@HARD
@given(TEXT)
def test_replies_are_read(text: str) -> None:
    """Every reply of a model is an action that can be written again, or is refused."""
    with contextlib.suppress(MalformedAction):
        action = protocol.parse(text)
        assert isinstance(protocol.parse(protocol.render(action)), type(action))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
NAMES = ["action", "issue", "comment", "repository", "pull_request", "sender", "installation"]


@HARD
@given(
    st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode("utf-8", "replace"))
)
def test_bodies_are_read(body: bytes) -> None:
    """Every body is an object or refused."""
    with contextlib.suppress(DeliveryError):
        assert isinstance(parse_object(body, "application/json"), dict)


@HARD
@given(
    st.sampled_from([*MODELS, "unknown"]),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5),
    st.sampled_from(["opened", "created", "submitted", "closed", None]),
)
def test_deliveries_are_read(name: str, payload: dict[str, object], action: str | None) -> None:
    """Every payload is a delivery, is of no interest, or is refused; a delivery can be stored."""
    with contextlib.suppress(DeliveryError):
        delivery = to_delivery("guid", name, payload | {"action": action})
        if delivery is not None:
            assert Delivery.model_validate_json(delivery.model_dump_json()) == delivery


MODES = st.sampled_from(["100644", "100755", "120000", "160000", "040000", ""])
BLOBS = st.none() | st.builds(
    Blob,
    mode=MODES,
    size=st.integers(0, 2_000_000),
    data=st.none()
    | st.binary(max_size=80)
    | TEXT.map(lambda text: text.encode("utf-8", "replace")),
)
PATHS = TEXT | st.sampled_from(
    ["pyproject.toml", "package.json", "go.mod", "Cargo.toml", "setup.py", "setup.cfg", "Pipfile"]
)


@HARD
@given(st.lists(st.builds(Entry, path=PATHS, before=BLOBS, after=BLOBS), max_size=4))
def test_changes_are_judged(entries: list[Entry]) -> None:
    """Every change has a verdict, and every reason a sentence."""
    verdict = judge(entries, own=OWN)
    assert all(reason.sentence for reason in verdict.refusals + verdict.questions)


@HARD
@given(
    st.sampled_from(["pyproject.toml", "package.json", "go.mod", "a-requirements.txt"]), TEXT, TEXT
)
def test_manifests_are_read(path: str, before: str, after: str) -> None:
    """Every manifest names dependencies or cannot be read; one that stays the same adds nothing."""
    assert all(dependencies.added(path, before, after))
    assert set(dependencies.added(path, after, after)) <= {dependencies.UNREADABLE}


PATTERNS = [
    *((f"secret {rule.id}", rule.pattern.pattern) for rule in secret_rules.rules()),
    *((f"sign {sign.id}", sign.pattern.pattern) for sign in injection.signs()),
]


@pytest.mark.parametrize("pattern", [p for _, p in PATTERNS], ids=[name for name, _ in PATTERNS])
def test_no_pattern_can_go_back_and_forth(pattern: str) -> None:
    """No packaged rule repeats without bound, nor repeats what is itself repeated at will.

    So the steps for one place of a text are bounded, and with them those for all.
    """
    for minimum, most, inner in _repeats(parser.parse(pattern)):
        assert most != code.MAXREPEAT, f"unbounded from {minimum}"
        # An inner repeat may be tried again for each outer one: their product has to stay small.
        nested = max((many for _, many, _ in _repeats(inner)), default=0)
        assert most <= 1 or nested * most <= 100_000


def _repeats(tree: object) -> Iterator[tuple[int, int, object]]:
    """Yield every repetition that can be taken back, however deep; possessive ones cannot."""
    for op, argument in tree:  # type: ignore[attr-defined]  # the parser has no types
        if op in {code.MAX_REPEAT, code.MIN_REPEAT}:
            yield argument
        for inner in _inner(op, argument):
            yield from _repeats(inner)


def _inner(op: object, argument: object) -> Iterator[object]:
    if op in {code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT}:
        yield argument[2]  # type: ignore[index]  # as above
    elif op is code.SUBPATTERN:
        yield argument[3]  # type: ignore[index]  # as above
    elif op is code.BRANCH:
        yield from argument[1]  # type: ignore[index]  # as above
    elif op in {code.ASSERT, code.ASSERT_NOT}:
        yield argument[1]  # type: ignore[index]  # as above
    elif op is code.ATOMIC_GROUP:
        yield argument


def test_the_reading_of_patterns_is_real() -> None:
    """The look at patterns does see the ones that are known to be bad."""
    assert any(most == code.MAXREPEAT for _, most, _ in _repeats(parser.parse("(?:a+)+b")))
    assert not list(_repeats(parser.parse("a++")))
