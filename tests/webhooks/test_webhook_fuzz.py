import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhooks.conftest import Door, Payload
from webhooks.events import MODELS

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(st.characters(codec=None), max_size=8)
    | st.sampled_from(["2026-11-21T00:00:00Z", "opened", "", "0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
_event = st.sampled_from(sorted(MODELS))
_settings = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _paths(value: object, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [p for key in value for p in [(*at, key), *_paths(value[key], (*at, key))]]
    return []


def _is_graceful(status: int) -> bool:
    return status in {202, 400, 415, 422}


@_settings
@given(body=st.binary(max_size=200), event=_event)
async def test_no_bytes_break_it(door: Door, body: bytes, event: str) -> None:
    """Whatever bytes are signed and sent, the answer is a refusal, never an error of ours."""
    assert _is_graceful((await door.knock(body, event)).status_code)


@_settings
@given(data=st.data(), event=_event)
async def test_no_changed_payload_breaks_it(
    door: Door, examples: dict[str, list[Payload]], data: st.DataObject, event: str
) -> None:
    """A real payload with any field replaced by anything is accepted, ignored or refused."""
    payload = json.loads(json.dumps(data.draw(st.sampled_from(examples[event]))))
    places = [p for p in _paths(payload) if len(p) <= 4 and "_url" not in str(p[-1])]
    path = data.draw(st.sampled_from(places))
    target = payload
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = data.draw(_json)
    answer = await door.knock(json.dumps(payload).encode(), event)
    assert _is_graceful(answer.status_code), (path, target[path[-1]])
