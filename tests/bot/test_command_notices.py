import pytest

from bot.commands import Verb
from bot.rendering import render
from shared.domain import Language

TOLD: list[tuple[str, dict[str, object]]] = [
    ("refused", {"login": "eve", "verb": "status", "role": "read", "looks": True}),
    ("running", {"expected": "planner"}),
    ("running", {"expected": "plan"}),
    ("running", {"expected": "triage"}),
    ("unknown", {"word": "", "nearest": None}),
    ("misplaced", {"word": "approve", "nearest": "approve"}),
    ("edited", {}),
    ("too_often", {"login": "eve", "most": 20, "minutes": 10}),
    ("too_late", {"verb": "cancel"}),
    ("too_early", {"verb": "approve", "id": "o/r#1.1/planner/1"}),
    ("one_more", {"login": "alice"}),
    ("reminder", {"asked": "planner", "hours": 24}),
    ("not_in_doubt", {"expected": "planner"}),
    ("no_agent", {"asked": "gpt", "agents": ("planner", "dev1")}),
    ("no_agent", {"asked": "", "agents": ("planner", "dev1")}),
    ("no_frontier", {"provider": "gemini", "model": "a-model"}),
    ("handed_in", {"verb": "plan"}),
    ("paused", {"login": "alice"}),
    ("paused_already", {"login": "alice"}),
    ("not_paused", {}),
]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("kind", "values"), TOLD)
def test_every_answer_is_told_in_every_language(
    language: Language, kind: str, values: dict[str, object]
) -> None:
    """No answer is missing in a language, and each names what it is about."""
    text = render("notice", language, kind=kind, **values)
    assert "{{" not in text
    said = {name: value for name, value in values.items() if name not in {"provider", "nearest"}}
    assert all(value in text for value in said.values() if isinstance(value, str))


@pytest.mark.parametrize("language", list(Language))
def test_the_help_knows_every_command(language: Language) -> None:
    """/help lists each command there is, in both languages."""
    text = render("notice", language, kind="help")
    assert all(f"/{verb}" in text for verb in Verb)


def test_a_missing_key_is_named_as_it_is_set() -> None:
    """Whoever asks for a cloud model that has no key reads which line to set."""
    text = render("notice", Language.ENGLISH, kind="no_frontier", provider="openai", model="m")
    assert "BATON_OPENAI_API_KEY" in text
