"""Secrets in the formats that providers give out today, made at random, in the places they leak.

The formats are written down here a second time, from the same published descriptions as the
rules and apart from them. `borrowed` makes strings from patterns that garak ships (from the
project dora, MIT); some are looser than any real key.
"""

import ast
import base64
import json
import random
import re
import string
from collections.abc import Callable, Iterator
from re import _constants as code  # type: ignore[attr-defined]  # private, and the one parser there is
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import NamedTuple, cast

from benchmarks.guards_corpora import wheel

_B62 = string.ascii_letters + string.digits
_URL = _B62 + "-_"
_STD = _B62 + "+/"
_HEX = "0123456789abcdef"
_UP = string.ascii_uppercase + string.digits

Maker = Callable[[random.Random], str]


class Leak(NamedTuple):
    """A text with a secret in it."""

    format: str
    secret: str
    text: str


def _some(alphabet: str, *counts: int) -> Maker:
    return lambda rng: "".join(rng.choices(alphabet, k=rng.choice(counts)))


def _made(*parts: str | Maker) -> Maker:
    return lambda rng: "".join(part if isinstance(part, str) else part(rng) for part in parts)


def _jwt(rng: random.Random) -> str:
    head = {"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    body = {"sub": str(rng.randrange(10**9)), "iat": rng.randrange(10**9), "name": "someone"}
    coded = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (head, body)
    )
    return ".".join([*coded, _some(_URL, 43, 86, 342)(rng)])


def _pem(kind: str) -> Maker:
    def make(rng: random.Random) -> str:
        body = _some(_STD, 1588 if "RSA" in kind else 160)(rng)
        lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
        return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"

    return make


_SLACK = _made(_some("123456789", 11), "-", _some("123456789", 12), "-", _some(_B62, 24))
FORMATS: dict[str, Maker] = {
    "github classic": _made("ghp_", _some(_B62, 36)),
    "github oauth": _made("gho_", _some(_B62, 36)),
    "github server": _made("ghs_", _some(_B62, 36)),
    "github server, new": _made("ghs_", _some("123456789", 6), "_", _jwt),
    "github fine-grained": _made("github_pat_", _some(_B62, 22), "_", _some(_B62, 59)),
    "gitlab personal": _made("glpat-", _some(_URL, 20)),
    "gitlab routable": _made("glpat-", _some(_URL, 27), ".", _some(_HEX, 2), ".", _some(_B62, 9)),
    "gitlab runner": _made("glrt-", _some(_URL, 20)),
    "aws id": _made("AKIA", _some(string.ascii_uppercase + "234567", 16)),
    "aws session id": _made("ASIA", _some(string.ascii_uppercase + "234567", 16)),
    "google api": _made("AIza", _some(_URL, 35)),
    "google oauth": _made("ya29.", _some(_URL, 180)),
    "google client": _made("GOCSPX-", _some(_URL, 28)),
    "azure client": _made(_some(_B62, 3), _some("78", 1), "Q~", _some(_B62 + "_.~", 34)),
    "openai project": _made("sk-proj-", _some(_URL, 74), "T3BlbkFJ", _some(_URL, 74)),
    "openai legacy": _made("sk-", _some(_B62, 20), "T3BlbkFJ", _some(_B62, 20)),
    "anthropic": _made("sk-ant-api03-", _some(_URL, 93), "AA"),
    "openrouter": _made("sk-or-v1-", _some(_HEX, 64)),
    "hugging face": _made("hf_", _some(string.ascii_letters, 34)),
    "groq": _made("gsk_", _some(_B62, 52)),
    "xai": _made("xai-", _some(_B62, 80)),
    "slack bot": _made("xoxb-", _SLACK),
    "slack app": _made(
        "xapp-1-A", _some(_UP, 10), "-", _some("0123456789", 13), "-", _some(_HEX, 64)
    ),
    "slack hook": _made(
        "https://hooks.slack.com/services/T",
        _some(_UP, 8),
        "/B",
        _some(_UP, 10),
        "/",
        _some(_B62, 24),
    ),
    "discord hook": _made(
        "https://discord.com/api/webhooks/", _some("123456789", 18), "/", _some(_URL, 68)
    ),
    "telegram": _made(_some("123456789", 10), ":AA", _some(_URL, 33)),
    "stripe live": _made("sk_live_", _some(_B62, 24, 99)),
    "stripe restricted": _made("rk_live_", _some(_B62, 99)),
    "stripe hook": _made("whsec_", _some(_B62, 32)),
    "shopify": _made("shpat_", _some(_HEX, 32)),
    "twilio": _made("SK", _some(_HEX, 32)),
    "sendgrid": _made("SG.", _some(_URL, 22), ".", _some(_URL, 43)),
    "mailgun": _made("key-", _some(_HEX, 32)),
    "mailchimp": _made(_some(_HEX, 32), "-us", _some("12345678", 2)),
    "pypi": _made("pypi-AgEIcHlwaS5vcmc", _some(_URL, 150)),
    "npm": _made("npm_", _some(_B62, 36)),
    "rubygems": _made("rubygems_", _some(_HEX, 48)),
    "docker hub": _made("dckr_pat_", _some(_URL, 27)),
    "crates.io": _made("cio", _some(_B62, 32)),
    "nuget": _made("oy2", _some(string.ascii_lowercase + string.digits, 43)),
    "digitalocean": _made("dop_v1_", _some(_HEX, 64)),
    "supabase": _made("sbp_", _some(_HEX, 40)),
    "planetscale": _made("pscale_tkn_", _some(_URL, 43)),
    "vault": _made("hvs.", _some(_URL, 90)),
    "terraform": _made(_some(_B62, 14), ".atlasv1.", _some(_URL, 67)),
    "databricks": _made("dapi", _some(_HEX, 32)),
    "pulumi": _made("pul-", _some(_HEX, 40)),
    "doppler": _made("dp.pt.", _some(_B62, 43)),
    "grafana": _made("glsa_", _some(_B62, 32), "_", _some(_HEX, 8)),
    "new relic": _made("NRAK-", _some(_UP, 27)),
    "sentry": _made("sntryu_", _some(_HEX, 64)),
    "postman": _made("PMAK-", _some(_HEX, 24), "-", _some(_HEX, 34)),
    "linear": _made("lin_api_", _some(_B62, 40)),
    "notion": _made("ntn_", _some("0123456789", 11), _some(_B62, 35)),
    "figma": _made("figd_", _some(_URL, 40)),
    "tailscale": _made("tskey-auth-", _some(_B62, 11), "CNTRL-", _some(_B62, 32)),
    "atlassian": _made("ATATT3xFfGF0", _some(_URL, 172), "=", _some(_UP, 8)),
    "age": _made("AGE-SECRET-KEY-1", _some("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    "json web token": _jwt,
    "rsa key": _pem("RSA PRIVATE KEY"),
    "ec key": _pem("EC PRIVATE KEY"),
    "pkcs8 key": _pem("PRIVATE KEY"),
    "openssh key": _pem("OPENSSH PRIVATE KEY"),
}
# Forms without a shape of their own: only their name and their randomness tell them.
NAMED: dict[str, Maker] = {
    "aws secret": _some(_STD, 40),
    "hexadecimal 32": _some(_HEX, 32),
    "hexadecimal 64": _some(_HEX, 64),
    "url-safe 43": _some(_URL, 43),
    "password 16": _made(_some(_B62, 8), _some(string.digits, 2), _some(_B62 + "!#%*^", 6)),
}
_PLACES = (
    "{secret}",
    "I ran it with {secret} and it failed.",
    "```\nTOKEN={secret}\n```",
    'curl -H "Authorization: Bearer {secret}" https://api.example.org/v1/items',
    '{{"token": "{secret}", "user": 7}}',
    "  token: {secret}\n  region: eu\n",
    "2026-11-03 10:22:01 ERROR request failed key={secret} status=401",
    "client = Client(api_key='{secret}')",
    "diff --git a/.env b/.env\n+SERVICE_TOKEN={secret}\n",
)
_NAMES = (
    "AWS_SECRET_ACCESS_KEY={secret}",
    "api_key: '{secret}'",
    'client_secret = "{secret}"',
    '{{"accessToken": "{secret}"}}',
    "export DB_PASSWORD={secret}",
    "SECRET_KEY = '{secret}'",
    "  password: {secret}",
    "auth_token={secret}",
)


def leaks(rng: random.Random, each: int) -> Iterator[Leak]:
    """Make so many leaks of every format, each in another place."""
    for formats, places in ((FORMATS, _PLACES), (NAMED, _NAMES)):
        for name, make in formats.items():
            for number in range(each):
                secret = make(rng)
                place = places[number % len(places)]
                yield Leak(name, secret, place.format(secret=secret))


_NOT_SECRET = re.compile(r"(?i)url|uri|_id$|topic|calendar|cloud_platform_api|client_id|public")


def borrowed(rng: random.Random, each: int) -> Iterator[Leak]:
    """Make leaks from garak's patterns for keys; those for names and addresses are left out."""
    tree = ast.parse(wheel("garak").read("garak/resources/apikey/regexes.py"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if not (isinstance(key, ast.Constant) and isinstance(value, ast.Call)):
                continue
            pattern = value.args[0]
            name = str(key.value)
            if not isinstance(pattern, ast.Constant) or _NOT_SECRET.search(name):
                continue
            for number in range(each):
                secret = _matching(parser.parse(str(pattern.value)), rng)
                place = _PLACES[1 + number % (len(_PLACES) - 1)]
                yield Leak(name, secret, place.format(secret=secret))


def _matching(tree: object, rng: random.Random) -> str:
    """Return a random string that a parsed pattern matches."""
    return "".join(_piece(op, arg, rng) for op, arg in tree)  # type: ignore[attr-defined]  # the parser has no types


def _piece(op: object, arg: object, rng: random.Random) -> str:  # noqa: PLR0911  one for each kind
    if op is code.LITERAL:
        return chr(arg)  # type: ignore[arg-type]  # as above
    if op is code.ANY:
        return rng.choice(_B62)
    if op is code.IN:
        return rng.choice([*_members(arg)])
    if op in {code.MAX_REPEAT, code.MIN_REPEAT}:
        least, most, inner = cast("tuple[int, int, object]", arg)
        count = rng.randint(least, min(most, least + 24))
        return "".join(_matching(inner, rng) for _ in range(count))
    if op is code.SUBPATTERN:
        return _matching(arg[3], rng)  # type: ignore[index]  # as above
    if op is code.BRANCH:
        return _matching(rng.choice(arg[1]), rng)  # type: ignore[index]  # as above
    return ""


def _members(items: object) -> Iterator[str]:
    for op, arg in items:  # type: ignore[attr-defined]  # as above
        if op is code.LITERAL:
            yield chr(arg)
        elif op is code.RANGE:
            yield from map(chr, range(arg[0], arg[1] + 1))
        elif op is code.CATEGORY:
            yield from _B62
