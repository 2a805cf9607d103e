import json

import pytest

from agents import structured
from shared.chat import Message, Speaker
from shared.domain import Blueprint, Difficulty, Review, Triage
from shared.errors import MalformedReply
from tests.fakes import ScriptedChat

ASKED = (Message(role=Speaker.USER, content="Sort this."),)
GOOD = '{"type": "bug", "difficulty": "low", "confidence": 0.9, "self_reflection": false}'

READABLE = {
    "bare": GOOD,
    "fenced": f"```json\n{GOOD}\n```",
    "with prose": f"Here is {{my}} answer: {GOOD} I hope it helps.",
    "with a draft in the thoughts": f'<think>{{"type": "bug"}} {{}} so</think>\n{GOOD}',
    "over several lines": GOOD.replace(", ", ",\n  "),
}
UNREADABLE = {
    "nothing": ("", "no complete JSON object"),
    "prose": ("It is a bug.", "no complete JSON object"),
    "a list": ("[1, 2]", "no complete JSON object"),
    "half": (GOOD[:40], "no complete JSON object"),
    "deep": ('{"a":' * 100_000, "no complete JSON object"),
    "a field missing": (GOOD.replace('"type": "bug", ', ""), '"type": Field required'),
    "a wrong word": (GOOD.replace("low", "trivial"), '"difficulty": Input should be'),
    "a number out of range": (GOOD.replace("0.9", "90"), '"confidence": Input should be'),
    "a field too many": (GOOD.replace("{", '{"agent": "me", '), '"agent": Extra inputs'),
}


@pytest.mark.parametrize("case", READABLE)
async def test_json_is_found_in_what_models_put_around_it(case: str) -> None:
    """Fences, prose and thoughts around the JSON object do not matter."""
    chat = ScriptedChat()
    chat.enqueue(READABLE[case])
    triage = await structured.ask(chat, ASKED, Triage)
    assert triage.difficulty is Difficulty.LOW


@pytest.mark.parametrize("case", UNREADABLE)
async def test_one_precise_correction_is_sent(case: str) -> None:
    """A malformed reply is answered once, with the field and the fault, and then mended."""
    text, fault = UNREADABLE[case]
    chat = ScriptedChat()
    chat.enqueue(text, GOOD)
    assert (await structured.ask(chat, ASKED, Triage)).confidence == 0.9
    assert fault in chat.asked[1][-1].content
    assert [m.role for m in chat.asked[1]] == [Speaker.USER, Speaker.ASSISTANT, Speaker.USER]


async def test_a_second_malformed_reply_is_an_error() -> None:
    """There is one correction, not more."""
    chat = ScriptedChat()
    chat.enqueue("no", "still no", GOOD)
    with pytest.raises(MalformedReply, match="no complete JSON object"):
        await structured.ask(chat, ASKED, Triage)
    assert len(chat.asked) == 2


async def test_a_cut_reply_is_asked_for_again() -> None:
    """Even JSON that happens to be whole is not trusted when the reply was cut."""
    chat = ScriptedChat()
    chat.enqueue(GOOD, cut=True)
    chat.enqueue(GOOD)
    await structured.ask(chat, ASKED, Triage)
    assert "cut off" in chat.asked[1][-1].content


@pytest.mark.parametrize("form", [Triage, Blueprint, Review])
async def test_the_schema_asks_for_every_field(form: type[Triage | Blueprint | Review]) -> None:
    """A constrained model cannot leave out what has a default."""
    schema = json.loads(json.dumps(structured.schema_of(form)))
    assert set(schema["required"]) == set(form.model_fields)
    for nested in schema.get("$defs", {}).values():
        assert set(nested.get("required", [])) == set(nested.get("properties", []))
