import asyncio
import logging
import socket
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from shared.errors import (
    FrontierBlocked,
    FrontierEmpty,
    FrontierRefused,
    FrontierUnavailable,
    FrontierUnknown,
)
from shared.frontier import FrontierUsage, open_frontier
from shared.frontier.sending import ATTEMPTS, LONGEST_WAIT
from tests.frontier.conftest import KEY, Waits, opened, policy, question, settings
from tests.frontier.provider import Cut, Provider, Slow
from tests.frontier.wire import ADVICE, ClaudeWire, GeminiWire, GptWire, Tokens, Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")
GEMINI, GPT, CLAUDE = GeminiWire(), GptWire(), ClaudeWire()


def failed(wire: Wire, status: int, message: str = "no", **headers: str) -> JSONResponse:
    """Return an error in a provider's form."""
    return JSONResponse(wire.error(status, message), status, headers=headers)


async def test_the_very_request_goes_out_once_with_the_key_in_a_header(
    wire: Wire, provider: Provider
) -> None:
    """What arrives is what was approved; the key stands in a header and nowhere else."""
    provider.enqueue(wire.answer())
    request = question(wire)
    await (await opened(wire, provider)).ask(request)
    (asked,) = provider.asked
    assert asked.url == f"{provider.url}{wire.path}"
    assert asked.headers[wire.key_header].removeprefix("Bearer ") == KEY
    assert wire.sent_text(asked.body) == (request.system, request.text, request.max_output_tokens)
    assert KEY not in str(asked.body)


async def test_the_answer_comes_without_the_thoughts_and_with_every_token(
    wire: Wire, provider: Provider
) -> None:
    """Thinking is no part of the text, yet is billed as output; cached tokens are told apart."""
    provider.enqueue(wire.answer(tokens=Tokens(read=1200, cached=200, written=900, thinking=700)))
    reply = await (await opened(wire, provider)).ask(question(wire))
    assert (reply.text, reply.model, reply.cut) == (ADVICE, wire.model, False)
    assert reply.usage == FrontierUsage(
        input_tokens=1200, cached_tokens=200, output_tokens=900, thinking_tokens=700
    )
    assert reply.as_reply.usage.prompt_tokens == 1200


async def test_a_cut_answer_says_so(wire: Wire, provider: Provider) -> None:
    """An answer that ran into its limit is marked, so that nobody takes it for the whole."""
    provider.enqueue(wire.answer('{"summary": "Lo', cut=True))
    reply = await (await opened(wire, provider)).ask(question(wire))
    assert reply.cut
    assert reply.text == '{"summary": "Lo'


@pytest.mark.parametrize(("cut", "told"), [(True, "raise max_output_tokens"), (False, "a new yes")])
async def test_an_answer_without_text_is_an_error_with_its_cost(
    wire: Wire, provider: Provider, *, cut: bool, told: str
) -> None:
    """Nothing but thoughts is no advice; what was billed for it is kept, and it is not repeated."""
    provider.enqueue(wire.answer("", cut=cut))
    with pytest.raises(FrontierEmpty, match=told) as caught:
        await (await opened(wire, provider)).ask(question(wire))
    assert caught.value.usage is not None
    assert caught.value.usage.thinking_tokens == 700
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("wire", "body", "told"),
    [
        (
            GEMINI,
            {"promptFeedback": {"blockReason": "SAFETY"}, **GEMINI.usage(Tokens())},
            "stopped the request (SAFETY)",
        ),
        (
            GEMINI,
            {"candidates": [{"finishReason": "RECITATION"}], **GEMINI.usage(Tokens())},
            "stopped the answer (RECITATION)",
        ),
        (
            GEMINI,
            {"candidates": [{"finishReason": "MODEL_ARMOR"}], **GEMINI.usage(Tokens())},
            "stopped the answer (MODEL_ARMOR)",
        ),
        (
            GPT,
            GPT.response([GPT.message({"type": "refusal", "refusal": "I cannot."})]),
            "stopped the answer (I cannot.)",
        ),
        (
            GPT,
            GPT.response([], status="incomplete", incomplete_details={"reason": "content_filter"}),
            "stopped the answer (content_filter)",
        ),
        (CLAUDE, CLAUDE.answer() | {"stop_reason": "refusal"}, "stopped the answer (refusal)"),
    ],
    ids=[
        "gemini request",
        "gemini answer",
        "gemini armor",
        "gpt refusal",
        "gpt filter",
        "claude refusal",
    ],
)
async def test_a_filter_is_told_apart_from_an_empty_answer(
    provider: Provider, wire: Wire, body: dict[str, Any], told: str
) -> None:
    """A block names what was stopped and why, keeps its cost, and is not tried again."""
    provider.enqueue(body)
    with pytest.raises(FrontierBlocked) as caught:
        await (await opened(wire, provider)).ask(question(wire))
    assert told in str(caught.value)
    assert caught.value.usage is not None
    assert caught.value.usage.input_tokens == 1200
    assert len(provider.asked) == 1


async def test_no_candidates_are_an_empty_answer(provider: Provider) -> None:
    """Gemini may answer with nothing at all and no reason; that is no block."""
    provider.enqueue({"candidates": [], **GEMINI.usage(Tokens(written=0, thinking=0))})
    with pytest.raises(FrontierEmpty, match="no answer at all"):
        await (await opened(GEMINI, provider)).ask(question(GEMINI))


async def test_an_unbilled_failure_is_waited_out(wire: Wire, provider: Provider) -> None:
    """A rate limit and an overload are tried again, after as long as the provider asks."""
    limited = failed(wire, 429, **{"retry-after": "7"})
    provider.enqueue(limited, failed(wire, 503), wire.answer())
    waits = Waits()
    reply = await (await opened(wire, provider, waits)).ask(question(wire))
    assert reply.text == ADVICE
    assert waits == [7.0, 4.0]
    assert provider.asked[0].body == provider.asked[1].body == provider.asked[2].body


async def test_gemini_tells_the_wait_in_its_body(provider: Provider) -> None:
    """RetryInfo in the details of a 429 is honoured to the fraction."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    provider.enqueue(JSONResponse(GEMINI.error(429, "slow down", [info]), 429), GEMINI.answer())
    waits = Waits()
    await (await opened(GEMINI, provider, waits)).ask(question(GEMINI))
    assert waits == [34.5]


async def test_a_long_wait_is_left_to_people(wire: Wire, provider: Provider) -> None:
    """A provider that asks for more than a minute is not waited for; its wish is told."""
    provider.enqueue(failed(wire, 429, **{"retry-after": f"{LONGEST_WAIT * 10:.0f}"}))
    waits = Waits()
    with pytest.raises(FrontierUnavailable, match="Try again in 600 seconds"):
        await (await opened(wire, provider, waits)).ask(question(wire))
    assert waits == []


async def test_attempts_are_bounded(wire: Wire, provider: Provider) -> None:
    """An outage ends in words after a few attempts, each a longer wait after the other."""
    provider.enqueue(*(failed(wire, 503, "overloaded") for _ in range(ATTEMPTS)))
    waits = Waits()
    with pytest.raises(FrontierUnavailable, match=r"overloaded \(HTTP 503\). Try again later"):
        await (await opened(wire, provider, waits)).ask(question(wire))
    assert len(provider.asked) == ATTEMPTS
    assert waits == [2.0, 4.0, 8.0]


@pytest.mark.parametrize("status", [502, 504, 524])
async def test_a_gateway_that_gave_up_is_not_asked_again(
    wire: Wire, provider: Provider, status: int
) -> None:
    """Behind a gateway's time-out the model may have worked: nobody pays twice."""
    provider.enqueue(failed(wire, status))
    with pytest.raises(FrontierUnknown, match="may have been billed"):
        await (await opened(wire, provider)).ask(question(wire))
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Cut(),
        Response('{"candidates": [', media_type="application/json"),
        Response("<html>Sign in</html>", media_type="text/html"),
        JSONResponse(["what"]),
    ],
    ids=["cut", "half a JSON", "a page", "another form"],
)
async def test_a_broken_answer_is_not_asked_for_again(
    wire: Wire, provider: Provider, answer: Cut | Response
) -> None:
    """What broke off or cannot be read may have been billed; it is told so and not repeated."""
    provider.enqueue(answer)
    with pytest.raises(FrontierUnknown, match="may have been billed"):
        await (await opened(wire, provider)).ask(question(wire))
    assert len(provider.asked) == 1


async def test_a_slow_answer_is_given_up_once(wire: Wire, provider: Provider) -> None:
    """After the time-out of the profile the call is over, also where bytes trickled; no repeat."""
    slow = Slow()
    provider.enqueue(slow)
    brief = policy(wire, provider).model_copy(update={"timeout": 0.3})
    frontier = await open_frontier(brief, settings(), sleep=Waits())
    with pytest.raises(FrontierUnknown, match="did not answer within"):
        await frontier.ask(question(wire))
    assert len(provider.asked) == 1
    await slow.left.wait()


async def test_cancelling_hangs_up(wire: Wire, provider: Provider) -> None:
    """A cancelled call closes its connection, which lets the provider stop."""
    slow = Slow()
    provider.enqueue(slow)
    call = asyncio.create_task((await opened(wire, provider)).ask(question(wire)))
    begun = asyncio.create_task(slow.begun.wait())
    await asyncio.wait({call, begun}, return_when=asyncio.FIRST_COMPLETED)
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await slow.left.wait()
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_is_told_without_the_key(
    wire: Wire, provider: Provider, status: int
) -> None:
    """The message names the setting to mend, and no key although the provider repeats it."""
    provider.enqueue(failed(wire, status, f"Incorrect API key provided: {KEY}"))
    with pytest.raises(FrontierRefused) as caught:
        await (await opened(wire, provider)).ask(question(wire))
    assert f"Set BATON_{wire.provider.upper()}_API_KEY to a valid key" in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(provider.asked) == 1


async def test_geminis_odd_status_for_a_wrong_key(provider: Provider) -> None:
    """Gemini says 400 for an invalid key; its reason is what counts."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    provider.enqueue(JSONResponse(GEMINI.error(400, "API key not valid.", [info]), 400))
    with pytest.raises(FrontierRefused, match="Set BATON_GEMINI_API_KEY"):
        await (await opened(GEMINI, provider)).ask(question(GEMINI))


@pytest.mark.parametrize(
    ("wire", "body", "status"),
    [
        (GPT, GPT.error(429, "You exceeded your current quota.", "insufficient_quota"), 429),
        (
            GEMINI,
            GEMINI.error(
                429,
                "Quota exceeded",
                [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}],
            ),
            429,
        ),
        (CLAUDE, CLAUDE.error(402, "Your credit balance is too low."), 402),
    ],
    ids=["gpt", "gemini", "claude"],
)
async def test_a_used_up_account_is_not_waited_for(
    provider: Provider, wire: Wire, body: dict[str, Any], status: int
) -> None:
    """No wait of seconds fills an account; the message says what does."""
    provider.enqueue(JSONResponse(body, status))
    with pytest.raises(FrontierRefused, match="used up"):
        await (await opened(wire, provider)).ask(question(wire))
    assert len(provider.asked) == 1


async def test_a_refused_request_says_where_to_look(wire: Wire, provider: Provider) -> None:
    """An unknown model and a bad request are told with the key of the profile to correct."""
    provider.enqueue(failed(wire, 404, "no such model"), failed(wire, 400, "too long"))
    frontier = await opened(wire, provider)
    with pytest.raises(FrontierRefused, match=r"no such model \(HTTP 404\). Check model in"):
        await frontier.ask(question(wire))
    with pytest.raises(FrontierRefused, match=r"too long \(HTTP 400\). Check model and limits in"):
        await frontier.ask(question(wire))


async def test_a_redirect_is_not_followed(wire: Wire, provider: Provider) -> None:
    """The key does not travel to where another server points."""
    provider.enqueue(Response(status_code=307, headers={"location": f"{provider.url}/else"}))
    with pytest.raises((FrontierRefused, FrontierUnknown)):
        await (await opened(wire, provider)).ask(question(wire))
    assert len(provider.asked) == 1


async def test_what_never_left_is_tried_again(wire: Wire, provider: Provider) -> None:
    """A host that refuses the connection has billed nothing: tried again, then told."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        nowhere = policy(wire, provider).model_copy(update={"url": address})
        waits = Waits()
        frontier = await open_frontier(nowhere, settings(), sleep=waits)
        with pytest.raises(FrontierUnavailable, match="nothing was sent"):
            await frontier.ask(question(wire))
    assert len(waits) == ATTEMPTS - 1


async def test_no_log_line_holds_the_key_or_the_text(
    wire: Wire, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where everything is logged, neither the key nor the question is."""
    provider.enqueue(failed(wire, 503), wire.answer())
    with caplog.at_level(logging.INFO):
        await (await opened(wire, provider)).ask(question(wire, "A telling word: xylophone. JSON"))
    assert KEY not in caplog.text
    assert "xylophone" not in caplog.text


async def test_openai_keeps_no_copy(provider: Provider) -> None:
    """The request asks OpenAI not to store it."""
    provider.enqueue(GPT.answer())
    await (await opened(GPT, provider)).ask(question(GPT))
    assert provider.asked[0].body["store"] is False


async def test_a_failed_response_of_openai_may_have_been_billed(provider: Provider) -> None:
    """A 200 whose status is failed holds no answer; it is not repeated."""
    error = {"code": "server_error", "message": "We had trouble"}
    provider.enqueue(GPT.response([], status="failed", error=error, usage=None))
    with pytest.raises(FrontierUnknown, match="We had trouble"):
        await (await opened(GPT, provider)).ask(question(GPT))
    assert len(provider.asked) == 1
