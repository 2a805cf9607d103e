import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Command, Unknown, Verb, Words, parse
from bot.mentions import calls

MISPLACED = Unknown(word="approve", nearest=Verb.APPROVE, misplaced=True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/approve", [Command(verb=Verb.APPROVE)]),
        ("/approve planner", [Command(verb=Verb.APPROVE, argument="planner")]),
        ("/deny not now, thanks  ", [Command(verb=Verb.DENY, argument="not now, thanks")]),
        ("> Looks good?\n\n/approve\n", [Command(verb=Verb.APPROVE)]),
        ("/approve\nthank you\n\n/help", [Command(verb=Verb.APPROVE), Command(verb=Verb.HELP)]),
        ("/approve\n-- \nA. Signature", [Command(verb=Verb.APPROVE)]),
        ("/deny *not* `now`", [Command(verb=Verb.DENY, argument="*not* `now`")]),
        ("Looks good.\n\n/approve\n", [MISPLACED]),
        ("# Note\n/approve", [MISPLACED]),
        ("<details>\n\n/approve\n\n</details>", [MISPLACED]),
        ("> a quote that goes on\n/approve", []),
        ("- a list that goes on\n/approve", []),
        ("`a span\n/approve\nof code`", []),
        ("[a link\n/approve\nof lines](https://example.com)", []),
        ('[a]: https://example.com "\n/approve\n"', []),
        ("<div>\n/approve\n</div>", []),
        ("\\/approve", []),
        ("&#47;approve", []),
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


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("@baton approve", [Command(verb=Verb.APPROVE)]),
        ("@baton /approve plan", [Command(verb=Verb.APPROVE, argument="plan")]),
        ("@Baton[bot], deny too dear", [Command(verb=Verb.DENY, argument="too dear")]),
        ("@baton: status", [Command(verb=Verb.STATUS)]),
        ("@baton", [Command(verb=Verb.HELP)]),
        ("@baton aprove", [Unknown(word="aprove", nearest=Verb.APPROVE, addressed=True)]),
        ("@baton 42", [Unknown(word="", addressed=True)]),
        ("@baton thanks", [Unknown(word="thanks", addressed=True)]),
        ("@baton aprove it", [Unknown(word="aprove", nearest=Verb.APPROVE, addressed=True)]),
        ("@baton please fix it", [Words(text="please fix it")]),
        ("@baton, Fix *it*.", [Words(text="Fix *it*.")]),
        ("@baton fix it\n/status", [Words(text="fix it"), Command(verb=Verb.STATUS)]),
        ("It fails.\n@baton fix it", []),
        ("@baton-two approve", []),
        ("@batonapprove", []),
        ("@b\u0430ton approve", []),
        ("@bat\u200bon approve", []),
        ("@bato\u0274 approve", []),
        ("hello @baton approve", []),
        ("> @baton approve", []),
        ("`@baton approve`", []),
    ],
)
def test_batons_name_at_the_start_of_a_line_calls_it(
    body: str, expected: list[Command | Words | Unknown]
) -> None:
    """The App's own name does what a slash does; names that only look like it do nothing."""
    assert list(parse(body, "baton[bot]")) == expected


def test_without_a_name_nobody_is_called() -> None:
    """Where Baton's name is not known, a mention is a mention."""
    assert parse("@baton approve") == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/status", True),
        ("@baton approve", True),
        ("@baton please look", True),
        ("Could you look, @Baton?", True),
        ("/make-coffee", False),
        ("> @baton please look", False),
        ("Ask `@baton`.", False),
        ("```\n@baton\n```", False),
        ("mail@baton.example", False),
        ("@baton-two, look", False),
        ("Nothing.", False),
    ],
)
def test_what_was_not_delivered_is_read_when_it_may_ask_for_something(
    body: str, *, expected: bool
) -> None:
    """Commands, words and mentions are handed in again; slips and talk are not."""
    assert calls(body, "baton[bot]") is expected
