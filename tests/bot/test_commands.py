import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Command, Unknown, Verb, parse


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/approve", [Command(verb=Verb.APPROVE)]),
        ("/approve planner", [Command(verb=Verb.APPROVE, argument="planner")]),
        ("/deny not now, thanks  ", [Command(verb=Verb.DENY, argument="not now, thanks")]),
        ("Looks good.\n\n/approve\n", [Command(verb=Verb.APPROVE)]),
        ("/status\r\n/help\r\n", [Command(verb=Verb.STATUS), Command(verb=Verb.HELP)]),
        ("/aprove", [Unknown(word="aprove", nearest=Verb.APPROVE)]),
        ("/make-coffee", [Unknown(word="make-coffee")]),
        ("> /approve", []),
        ("    /approve", []),
        ("\t/approve", []),
        ("please /approve", []),
        ("/ approve", []),
        ("//approve", []),
        ("/APPROVE", []),
        ("```\n/approve\n```", []),
        ("~~~sh\n/approve\n~~~", []),
        ("````\n```\n/approve\n```\n````\n/help", [Command(verb=Verb.HELP)]),
        ("```\n/approve", []),
        ("``` \n/approve\n``` x\n/deny", []),
        ("<!-- /approve -->", []),
        ("<!--\n/approve\n-->\n/deny", [Command(verb=Verb.DENY)]),
        ("<!--\n/approve", []),
        ("/approve\u200b", []),
        ("/\u0430pprove", []),
        ("/usr/bin/python is missing", []),
    ],
)
def test_only_what_the_author_says_himself_is_a_command(
    body: str, expected: list[Command | Unknown]
) -> None:
    """Quotes, code, hidden text and look-alikes give no command; plain lines do, in order."""
    assert list(parse(body)) == expected


@given(st.text())
def test_a_quoted_comment_never_commands(body: str) -> None:
    """Whatever a comment says, quoting every line of it takes its commands away."""
    quoted = "\n".join(f"> {line}" for line in body.splitlines())
    assert parse(quoted) == ()
