"""Checks of what a live model says: tokens, schemas, prefixes, and the agents' use of them."""

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from agents import router, structured
from benchmarks._live.talking import Check, Live, asked, prose, speak
from shared.chat import JsonSchema
from shared.domain import Issue, RepoRef, Review, Triage
from shared.errors import MalformedReply

_ROUNDS = 3
_PREFIX, _TAIL = 2000, 150  # words, about tokens
_STRICT: JsonSchema = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["pass", "fail"]},
        "line": {"type": "integer", "minimum": 1, "maximum": 400},
        "files": {
            "type": "array",
            "items": {"type": "string", "maxLength": 30},
            "minItems": 1,
            "maxItems": 3,
        },
    },
    "required": ["verdict", "line", "files"],
    "additionalProperties": False,
}
_FORMS = (_STRICT, structured.schema_of(Triage), structured.schema_of(Review))
_CUT, _BOUND = "cut", "a fraction out of bounds: "
_QUESTION = "The function parse() fails on an empty list. Judge it, and answer as JSON."
_ISSUE = Issue(
    repo=RepoRef(owner="acme", name="textkit"),
    number=1,
    title="wrap() loses the last word",
    body="`wrap('one two', 3)` returns `['one']`. It should return `['one', 'two']`.",
    author="alice",
)


async def tokens(live: Live) -> Check:
    """Stream by the client, and by Baton's own; compare what they count."""
    spoken = await speak(live, asked("Tell me about the sea."), 128)
    reply = await live.chat().complete(asked("Tell me about the sea."))
    counted, seconds = spoken.last.eval_count or 0, (spoken.last.eval_duration or 1) / 1e9
    said = "".join(spoken.pieces)
    ok = (
        len(spoken.pieces) > 1
        and abs(len(spoken.pieces) - counted) <= counted // 4
        and len(said.split()) > counted // 4
        and bool(reply.text.strip())
        and 0 < reply.usage.output_tokens <= 512
    )
    rate = counted / seconds
    found = (
        f"{counted} tokens in {len(spoken.pieces)} pieces, {rate:.0f} a second; "
        f"OllamaChat: {reply.usage.prompt_tokens} + {reply.usage.output_tokens} tokens"
    )
    return Check("real tokens stream", found, ok, {"tokens_s": f"{rate:.0f}"})


async def schemas(live: Live) -> Check:
    """Ask for JSON with a schema and without; what was cut by its limit obeys nothing.

    llama.cpp's grammars do not know bounds on fractions, which is said and not held against them.
    """
    answers = [
        await _fault(live, schema, constrained=True) for schema in _FORMS for _ in range(_ROUNDS)
    ]
    without = [await _fault(live, schema, constrained=False) for schema in _FORMS]
    ended = [fault for fault in answers if fault != _CUT]
    faults = sorted({fault for fault in ended if fault})
    obeyed = ended.count("")
    found = (
        f"{obeyed} of {len(ended)} complete answers obey ({answers.count(_CUT)} were cut by "
        f"num_predict); without a schema {without.count('')} of {len(without)}"
        + "".join(f"; {fault}" for fault in faults)
    )
    grave = [fault for fault in faults if not fault.startswith(_BOUND)]
    ok = obeyed > 0 and not grave and obeyed > without.count("")
    values = {"schema": f"{obeyed}/{len(ended)}", "cut": str(answers.count(_CUT))}
    return Check("output obeys its schema", found, ok, values)


async def _fault(live: Live, schema: JsonSchema, *, constrained: bool) -> str:
    """Return the fault of an answer; nothing when it obeys."""
    question = asked(f"{_QUESTION} The form: {json.dumps(schema)}")
    reply = await live.chat().complete(question, schema=schema if constrained else None)
    if reply.cut:
        return _CUT
    try:
        jsonschema.validate(json.loads(reply.text), dict(schema))
    except ValueError:
        return "no JSON"
    except jsonschema.ValidationError as error:
        told = error.schema if isinstance(error.schema, Mapping) else {}
        is_bound = error.validator in {"minimum", "maximum"} and told.get("type") == "number"
        return f"{_BOUND if is_bound else ''}{error.message}"
    return ""


async def prefixes(live: Live) -> Check:
    """Time a long prompt: new, with the same beginning, and with its first word changed."""
    cold, same, changed = [], [], []
    for seed in range(_ROUNDS):
        system, other = prose(_PREFIX, 2 * seed), prose(_PREFIX, 2 * seed).split(" ", 1)[1]
        cold.append((await speak(live, asked(prose(_TAIL, 50 + seed), system), 1)).first)
        same.append((await speak(live, asked(prose(_TAIL, 70 + seed), system), 1)).first)
        other = f"{2 * seed + 1001} {other}"
        changed.append((await speak(live, asked(prose(_TAIL, 50 + seed), other), 1)).first)
    one, two, three = (statistics.median(times) for times in (cold, same, changed))
    found = (
        f"{_PREFIX + _TAIL} words: {one:.2f} s new, {two:.2f} s with the same beginning and a new "
        f"tail, {three:.2f} s with another first word"
    )
    values = {"tail_over_cold": f"{two / one:.2f}", "changed_over_cold": f"{three / one:.2f}"}
    return Check("a kept beginning is reused", found, two < one / 2 < three, values)


async def triage(live: Live) -> Check:
    """Sort an issue by the real agent; three tries, for the model is small."""
    guesses = []
    for _ in range(_ROUNDS):
        with contextlib.suppress(MalformedReply):
            guesses.append(await router.triage(live.chat(), _ISSUE))
    last = guesses[-1] if guesses else None
    found = f"{len(guesses)} of {_ROUNDS} in form" + (
        f", such as {last.type.value}, {last.difficulty.value}, {last.confidence:.2f}"
        if last
        else ""
    )
    return Check(
        "the router sorts an issue", found, bool(guesses), {"triage": f"{len(guesses)}/{_ROUNDS}"}
    )


async def doctor(live: Live) -> Check:
    """Run ``baton doctor`` on a profile of the live node, and read what it says of the node."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "live.json"
        path.write_text(live.profile.model_dump_json(), "utf-8")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bot", "doctor", "--json", "--profile", str(path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaint = await process.communicate()
    if not said.startswith(b"{"):
        return Check("baton doctor", complaint.decode()[-200:], ok=False, values={"doctor": "bad"})
    findings: list[dict[str, Any]] = [
        finding for finding in json.loads(said)["findings"] if finding["group"].startswith("Node")
    ]
    unwell = [f"{f['subject']}: {f['found']}" for f in findings if f["level"] != "ok"]
    ok = bool(findings) and not any(f["level"] == "bad" for f in findings)
    found = f"{len(findings)} findings about the node; " + ("; ".join(unwell) or "all well")
    return Check("baton doctor", found, ok, {"doctor": "ok" if ok else "bad"})
