"""What the front of the live model does without the model."""

import json

from shared.ollama.chat import options
from tests.live.house import PLANNER, SMALL, household
from tests.live.translation import joined, line, read_event, refusal, to_llama, to_ollama

MESSAGES = [{"role": "user", "content": "hello"}]
SINCE = {"total": 2.0, "load": 0.5}


def test_every_option_of_a_profile_reaches_llama_server() -> None:
    """Sampling and the longest reply of a profile's model arrive under llama-server's names."""
    model = SMALL.model_copy(update={"temperature": 0.5, "top_p": 0.9, "top_k": 7})
    asked = to_llama({"options": options(model)}, MESSAGES)
    assert {key: asked[key] for key in ("temperature", "top_p", "top_k", "max_tokens")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 7,
        "max_tokens": SMALL.num_predict,
    }
    assert asked["messages"] == MESSAGES


def test_a_schema_constrains_the_output() -> None:
    """Ollama's format becomes the response format of OpenAI's dialect, and none stays none."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    form = to_llama({"format": schema}, MESSAGES)["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"] == schema
    assert to_llama({"format": "json"}, MESSAGES)["response_format"] == {"type": "json_object"}
    assert "response_format" not in to_llama({}, MESSAGES)


def test_events_become_lines_with_counts() -> None:
    """Pieces of text are passed on, the last event counts the prompt with its cached part."""
    events = [
        {"choices": [{"delta": {"role": "assistant", "content": None}}]},
        {"choices": [{"delta": {"content": "Hi"}}]},
        {"choices": [], "prompt_progress": {"processed": 5}},
        {
            "choices": [{"delta": {}, "finish_reason": "length"}],
            "timings": {"prompt_n": 4, "cache_n": 30, "prompt_ms": 1.5, "predicted_n": 1},
        },
    ]
    texts = [f"data: {json.dumps(event)}" for event in events]
    read = [event for text in (*texts, "", ": ping", "data: [DONE]") if (event := read_event(text))]
    assert read == events
    lines = [part for event in read if (part := to_ollama(event, "m", SINCE))]
    assert [part["message"]["content"] for part in lines] == ["Hi", ""]
    last = lines[-1]
    assert (last["done"], last["done_reason"]) == (True, "length")
    assert (last["prompt_eval_count"], last["eval_count"]) == (34, 1)
    assert (last["prompt_eval_duration"], last["load_duration"]) == (1_500_000, 500_000_000)


def test_a_refusal_keeps_its_words() -> None:
    """An error of llama-server is told in its own words, in either of its forms."""
    assert refusal({"error": {"message": "too long"}}) == "too long"
    assert to_ollama({"error": "gone"}, "m", SINCE) == {"error": "gone"}


def test_an_answer_in_one_piece_has_all_the_text() -> None:
    """Without streaming, the pieces come as one message with the counts of the last."""
    whole = joined([line("m", "a", done=False), line("m", "b", done=True, eval_count=2)])
    assert whole["message"]["content"] == whole["response"] == "ab"
    assert whole["eval_count"] == 2


def test_the_live_household_has_to_take_turns() -> None:
    """The profile of the live node holds one model at a time, so that a switch is due."""
    (node,) = household("http://127.0.0.1:1").nodes
    assert max(SMALL.memory_gb, PLANNER.memory_gb) <= node.memory_gb
    assert SMALL.memory_gb + PLANNER.memory_gb > node.memory_gb
