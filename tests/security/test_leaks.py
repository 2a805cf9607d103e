"""Texts on their way out: what is sent in their place, and why."""

import base64
import codecs
import logging
import random
import string

import pytest

from shared.errors import Refused
from shared.github.outgoing import examined
from shared.guard.egress import Channel, Decision, Kind, Rules, release
from shared.guard.logs import Redaction
from shared.guard.own import OwnSecrets

_RANDOM = random.Random(7)
B62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def some(count: int, alphabet: str = B62) -> str:
    """Return random characters, the same in every run."""
    return "".join(_RANDOM.choices(alphabet, k=count))


HEX = "0123456789abcdef"
PEM_BODY = "\n".join(some(64, B62 + "+/") for _ in range(20))
JWT = f"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiIxMjMifQ{some(20)}.{some(300)}"
SECRETS = {
    "github-token": f"ghp_{some(36)}",
    "github-token of an installation": f"ghs_{some(36)}",
    "github-token in the new form": f"ghs_1234567_{JWT}",
    "github-fine-grained-token": f"github_pat_{some(22)}_{some(59)}",
    "gitlab-token": f"glpat-{some(20)}",
    "aws-access-key-id": f"AKIA{some(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}",
    "google-api-key": f"AIza{some(35)}",
    "openai-key": f"sk-proj-{some(74)}T3BlbkFJ{some(74)}",
    "anthropic-key": f"sk-ant-api03-{some(93)}AA",
    "slack-token": f"xoxb-{some(11, '123456789')}-{some(12, '123456789')}-{some(24)}",
    "stripe-key": f"sk_live_{some(24)}",
    "pypi-token": f"pypi-AgEIcHlwaS5vcmc{some(150)}",
    "npm-token": f"npm_{some(36)}",
    "private-key": f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----",
    "private-key without an end": f"-----BEGIN PRIVATE KEY-----\n{PEM_BODY}",
    "json-web-token": JWT,
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "place", ["{}", "I ran it with {} today", "```\nX={}\n```", '{{"k": "{}"}}']
)
def test_a_secret_is_taken_out(name: str, place: str) -> None:
    """A secret of a known form does not leave, wherever it stands, and its rule is named."""
    secret = SECRETS[name]
    sent = release(place.format(secret), Channel.COMMENT, Rules(own=OwnSecrets()))
    assert sent.decision is Decision.REDACT
    assert secret[-12:] not in sent.text
    assert name.split(maxsplit=1)[0] in {finding.rule for finding in sent.findings}


def test_a_secret_is_found_behind_what_nobody_sees() -> None:
    """Zero-width characters within a token do not save it, and it is told once."""
    token = SECRETS["github-token"]
    text = f"a \u200b {token[:9]}\u200b{token[9:]}\ufe0f b {token}"
    sent = release(text, Channel.CLOUD_PAYLOAD, Rules(own=OwnSecrets()))
    mark = "‹redacted: github-token›"
    assert sent.text == f"a \u200b {mark}\ufe0f b {mark}"
    assert len(sent.findings) == 2


OWN = f"whsec-{some(40)}"
DISGUISES = {
    "as it is": OWN,
    "reversed": OWN[::-1],
    "in capitals": OWN.upper(),
    "base64": base64.b64encode(OWN.encode()).decode(),
    "base64, one byte in": base64.b64encode(b"x" + OWN.encode()).decode(),
    "base64, two bytes in": base64.b64encode(b"xy" + OWN.encode() + b"z").decode(),
    "base64 over lines": base64.encodebytes(OWN.encode() * 3).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(OWN.encode()).decode().rstrip("="),
    "base32": base64.b32encode(OWN.encode()).decode(),
    "hexadecimal": OWN.encode().hex(),
    "hexadecimal with blanks": OWN.encode().hex(" "),
    "escaped bytes": "".join(f"\\x{b:02x}" for b in OWN.encode()),
    "escaped characters": "".join(f"\\u{b:04x}" for b in OWN.encode()),
    "percent": "".join(f"%{b:02X}" for b in OWN.encode()),
    "entities": "".join(f"&#{b};" for b in OWN.encode()),
    "entities in hexadecimal": "".join(f"&#x{b:x};" for b in OWN.encode()),
    "a list of numbers": str(list(OWN.encode())),
    "letter by letter": " ".join(OWN),
    "with zero width spaces": "\u200b".join(OWN),
    "in two strings": f'"{OWN[:20]}" + "{OWN[20:]}"',
    "over quoted lines": "\n> ".join(OWN[i : i + 7] for i in range(0, len(OWN), 7)),
    "its second half": OWN[len(OWN) // 2 :],
    "rot13": codecs.encode(OWN, "rot13"),
    "base85": base64.b85encode(OWN.encode()).decode(),
    "base85, one byte in": base64.b85encode(b"x" + OWN.encode()).decode(),
    "base85 of Adobe": base64.a85encode(OWN.encode()).decode(),
    "octal": "".join(f"\\{b:03o}" for b in OWN.encode()),
    "code points": " ".join(f"U+{b:04X}" for b in OWN.encode()),
    "wide letters": "".join(chr(ord(c) + 0xFEE0) for c in OWN),
    "bold letters": OWN.translate(
        {ord(c): 0x1D400 + n for n, c in enumerate(string.ascii_uppercase + string.ascii_lowercase)}
    ),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_our_own_secret_is_known_in_every_form(name: str) -> None:
    """A secret of this process is found however it is written, and no part of it is sent."""
    own = OwnSecrets()
    own.learn(OWN)
    sent = release(f"See: {DISGUISES[name]} .", Channel.COMMENT, Rules(own=own))
    assert Kind.OWN_SECRET in {finding.kind for finding in sent.findings}
    assert DISGUISES[name][-10:] not in sent.text


@pytest.mark.parametrize(
    "channel", [Channel.CLOUD_PAYLOAD, Channel.BRANCH_NAME, Channel.COMMIT_MESSAGE]
)
def test_our_own_secret_stops_what_cannot_be_taken_back(channel: Channel) -> None:
    """To a cloud, and into git, a text with our secret does not go at all."""
    own = OwnSecrets()
    own.learn(OWN)
    sent = release(f"a {OWN} b", channel, Rules(own=own))
    assert (sent.decision, sent.text) == (Decision.BLOCK, "")


DATA = "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ1"
MARKDOWN = {
    "image": ("![a](https://e.example/x.png)", "!\u200b[a](https://e.example/x.png)"),
    "image by reference": ("![a][b]", "!\u200b[a][b]"),
    "image of GitHub's own": ("![a](https://github.com/o/r/x.png)",) * 2,
    "image in code": ("`![a](https://e.example/x.png)`",) * 2,
    "image element": ("<IMG src=https://e.example>", "&lt;IMG src=https://e.example>"),
    "picture element": ("<picture><source srcset=x>", "&lt;picture>&lt;source srcset=x>"),
    "fold": ("<details><summary>a</summary></details>",) * 2,
    "mention": ("thanks @alice", "thanks @\u200balice"),
    "mention of a team": ("cc @org/team", "cc @\u200borg/team"),
    "mention in code": ("`@alice`",) * 2,
    "mention in a comment": ("<!-- baton:a@b -->\nx",) * 2,
    "address of mail": ("write to a@b.example",) * 2,
    "closing keyword": ("This fixes #7", "This fixes\u200b #7"),
    "closing keyword elsewhere": ("closes: o/r#7", "closes\u200b: o/r#7"),
    "closing keyword allowed": ("Closes #4",) * 2,
    "data in a query": (
        "https://e.example/?d=aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ1",
        "https://e.example/?‹data removed›",
    ),
    "data in a fragment": (
        "https://e.example/#aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ1",
        "https://e.example/#‹data removed›",
    ),
    "long text in a query": (
        "https://e.example/?q=" + "word+" * 20,
        "https://e.example/?‹data removed›",
    ),
    "data in a host name": (
        "https://abcdef0123456789abcdef0123456789.e.example/",
        "‹link removed›",
    ),
    "plain link": ("https://e.example/docs/page.html?page=2&sort=up#part-3",) * 2,
    "commit on GitHub": ("https://github.com/o/r/commit/" + "0123456789abcdef" * 2 + "01234567",)
    * 2,
    "escape sequence": ("a\x1b[31mred\x1b[0m", "ared"),
    "title of a terminal": ("a\x1b]0;owned\x07b", "ab"),
    "carriage return": ("all good\rfailed", "all goodfailed"),
    "line ends of Windows": ("a\r\nb",) * 2,
    "direction": ("a\u202eb", "ab"),
    "mention, put together": ("@\x03alice", "@\u200balice"),
    "image, put together": ("!\x07[a](https://e.example)", "!\u200b[a](https://e.example)"),
    "keyword, put together": ("fi\x00xes #7", "fixes\u200b #7"),
    "image, made by a cure": (
        f"!ghp_{'Ab3dE6gH9' * 4}(https://e.example/x.png)",
        "!‹redacted: github-token›(https://e.example/x.png)",
    ),
    "backspaces": ("a\x08b", "ab"),
    "mention, emphasised": ("_@alice_", "_@\u200balice_"),
    "mention behind an open tick": ("a `@alice", "a `@\u200balice"),
    "mention behind a slash": ("/@alice", "/@\u200balice"),
    "mention of no mail": ("x://@alice", "x://@\u200balice"),
    "mention, escaped": ("&#64;alice &commat;bob", "&amp;#64;alice &amp;commat;bob"),
    "package of npm": ("https://www.npmjs.com/package/@types/node",) * 2,
    "arrow and quote": ("a &lt; b &amp; c &#124; d",) * 2,
    "closing keyword over lines": ("fixes\n#7", "fixes\u200b\n#7"),
    "data behind no scheme": (
        f"[a](//e.example/?d={DATA}) www.e.example/?d={DATA}",
        "[a](//e.example/?‹data removed›) www.e.example/?‹data removed›",
    ),
    "data behind backslashes": (f"[a](https:\\/\\/e\\.example/?d={DATA})", "[a](‹link removed›)"),
    "data behind an escape": (
        f"[a](https&colon;//e.example/?d={DATA})",
        f"[a](https&amp;colon;//e.example/?d={DATA})",
    ),
    "data in a mail": (
        f"[a](mailto:a@e.example?body={DATA})",
        "[a](mailto:a@e.example?‹data removed›)",
    ),
    "data in many steps": (
        f"https://E.example/{DATA[:26]}/{DATA[:26]}",
        "https://E.example/‹data removed›",
    ),
    "drawing": ("```mermaid\nclick A\n```", "```text\nclick A\n```"),
    "drawing quoted in code": ("````text\n```mermaid\n```\n````",) * 2,
    "no checks": ("[skip ci] and [CI-Skip]", "[\u200bskip ci] and [\u200bCI-Skip]"),
    "no checks by a trailer": ("a\n\nskip-checks: true", "a\n\ns\u200bkip-checks: true"),
    "bytes that nobody sees": ("a" + "".join(chr(0xE0100 + n) for n in range(9)), "a"),
    "a heart on fire": ("\u2764\ufe0f\u200d\U0001f525",) * 2,
}


@pytest.mark.parametrize("name", MARKDOWN)
def test_markdown_asks_calls_and_closes_nothing(name: str) -> None:
    """Exactly this is sent in a pull request that may close issue 4."""
    text, expected = MARKDOWN[name]
    rules = Rules(own=OwnSecrets(), closes=frozenset({4}))
    assert release(text, Channel.PULL_BODY, rules).text == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "AKIAIOSFODNN7EXAMPLE",
            "password = os.environ['DB_PASSWORD']",
            "token: ${{ secrets.X }}",
        ),
        *("api_key = your_api_key_goes_here1", "sha256:" + "0123456789abcdef" * 4, "token = None"),
        *("postgres://user:${PASSWORD}@db/x", "tokenizers==0.15.2", "secret_key_base: <generated>"),
        "integrity sha512-" + "Ab3" * 28 + "==",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    ],
)
def test_what_only_resembles_a_secret_is_sent(text: str) -> None:
    """Examples, names of variables and hashes of lock files are no secrets."""
    assert release(text, Channel.LOG, Rules(own=OwnSecrets())).decision is Decision.PASS


def test_a_false_alarm_is_allowed_by_its_hash() -> None:
    """A finding on the list of hashes is sent; its neighbour is not."""
    first, second = SECRETS["npm-token"], SECRETS["stripe-key"]
    own = OwnSecrets()
    seen = release(first, Channel.COMMENT, Rules(own=own)).findings[0].digest
    rules = Rules(own=own, allowed=frozenset({seen}))
    assert release(f"{first} {second}", Channel.COMMENT, rules).text == (
        f"{first} ‹redacted: stripe-key›"
    )


def test_our_own_secret_cannot_be_allowed() -> None:
    """No list of hashes lets a secret of this process out."""
    own = OwnSecrets()
    own.learn(OWN)
    seen = release(OWN, Channel.LOG, Rules(own=own)).findings[0].digest
    rules = Rules(own=own, allowed=frozenset({seen}))
    assert release(OWN, Channel.LOG, rules).text == "‹redacted: own-secret›"


def test_one_person_may_be_addressed() -> None:
    """Where one mention is free, the first person is called, whoever comes after is not."""
    rules = Rules(own=OwnSecrets(), free_mentions=1)
    sent = release("@alice, see @bob and @alice", Channel.COMMENT, rules).text
    assert sent == "@alice, see @\u200bbob and @alice"


def test_other_peoples_tokens_are_not_taken_for_ours() -> None:
    """What all keys and tokens have in common is not found as our own secret."""
    own = OwnSecrets()
    own.learn(f"ghs_1234567_{JWT}")
    own.learn(SECRETS["private-key"])
    assert not own.find(
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.other -----BEGIN RSA PRIVATE KEY-----"
    )
    assert "1234567" not in repr(own)


def test_short_values_are_not_learnt() -> None:
    """A value of a few letters would be found in ordinary words, and is refused."""
    own = OwnSecrets()
    assert not own.learn("abc-123")
    assert own.find("abc-123") == ()


def test_passing_tokens_are_forgotten_in_turn() -> None:
    """Of tokens that live for an hour the newest 64 are known; what lasts is known for ever."""
    own = OwnSecrets()
    own.learn(OWN)
    tokens = [some(40) for _ in range(65)]
    for token in tokens:
        own.learn(token, lasting=False)
    assert [bool(own.find(text)) for text in (OWN, tokens[0], tokens[1])] == [True, False, True]


def test_the_log_holds_no_secret() -> None:
    """Message, arguments and traceback are examined, and no line can be forged."""
    handler = logging.Handler()
    own = OwnSecrets()
    own.learn(OWN)
    lines: list[str] = []
    handler.emit = lambda record: lines.append(logging.Formatter().format(record))  # type: ignore[method-assign]  # the shortest handler there is
    handler.addFilter(Redaction(Rules(own=own)))
    log = logging.Logger("probe")  # noqa: LOG001  one of its own, that no other test hears
    log.addHandler(handler)
    try:
        int(OWN)
    except ValueError:
        log.exception("with %s\n2026-01-01 INFO forged", OWN)
    assert OWN not in lines[0]
    assert lines[0].startswith("with ‹redacted: own-secret›\n    2026-01-01 INFO forged\n")
    assert (
        "ValueError: invalid literal for int() with base 10: '‹redacted: own-secret›'" in lines[0]
    )


def test_every_text_to_github_is_examined() -> None:
    """Titles, bodies and check runs' outputs lose secrets; names and numbers stay."""
    token = SECRETS["github-token"]
    body = {
        "name": "x",
        "head_sha": "a",
        "output": {"title": token, "annotations": [{"message": token}]},
    }
    sent = examined("/repos/o/r/check-runs", body, "github.com")
    assert sent == {
        "name": "x",
        "head_sha": "a",
        "output": {
            "title": "‹redacted: github-token›",
            "annotations": [{"message": "‹redacted: github-token›"}],
        },
    }


def test_a_branch_with_a_secret_is_not_proposed() -> None:
    """A pull request from a branch whose name holds a secret is refused, without the secret."""
    token = SECRETS["npm-token"]
    with pytest.raises(Refused) as refusal:
        examined("/repos/o/r/pulls", {"head": f"baton/{token}"}, "github.com")
    assert token not in str(refusal.value)
