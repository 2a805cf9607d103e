import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.rendering import duration, fenced, line, plain, render
from shared.domain import Language


@pytest.mark.parametrize(
    ("foreign", "harmless"),
    [
        ("ask @octocat", "ask @\u200boctocat"),
        ("_@octocat_", "_@\u200boctocat_"),
        ("a\n /merge now\n/lgtm", "a\n \u200b/merge now\n\u200b/lgtm"),
        ("/etc/hosts and /merge", "/etc/hosts and /merge"),
        ("mail a@b.example", "mail a@b.example"),
        ("Closes #1", "Closes\u200b #1"),
        ("fixes: octo/app#12", "fixes\u200b: octo/app#12"),
        ("resolved https://x.example/1", "resolved\u200b https://x.example/1"),
        ("![x](https://evil.example/?q=1)", "!\u200b[x](https://evil.example/?q=1)"),
        ("<img src=x>", "&lt;img src=x>"),
        ("<!-- baton:status x -->", "&lt;!-- baton:status x -->"),
        ("a < b", "a < b"),
    ],
)
def test_foreign_text_loses_its_powers(foreign: str, harmless: str) -> None:
    """Mentions, closing keywords, images, raw HTML and markers of foreign text do nothing."""
    assert plain(foreign) == harmless


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_fence_holds_whatever_is_put_into_it(body: str) -> None:
    """A log never gets out of its code block, however many back-ticks it has."""
    tokens = MarkdownIt("commonmark").parse(fenced(body))
    assert [token.type for token in tokens] == ["fence"]


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_line_stays_one_cell(text: str) -> None:
    """Foreign text in a table stays in its row and its cell."""
    told = line(text)
    assert len(told.splitlines()) <= 1
    assert "|" not in told


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (12_000, "3 h 20 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, said: str) -> None:
    """Seconds become minutes and hours where that reads better."""
    assert duration(seconds) == said


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("refused", {"login": "eve", "verb": "approve", "role": "read"}),
        ("nothing_waits", {}),
        ("nothing_runs", {}),
        ("wrong_kind", {"asked": "plan", "expected": "planner"}),
        ("no_run", {"label": "baton"}),
        ("running", {}),
        ("closed_issue", {}),
        ("no_issue", {}),
        ("failed", {"reason": "GitHub said no"}),
        ("unknown", {"word": "aprove", "nearest": "approve"}),
        ("denied", {"login": "alice", "reason": "no"}),
        ("void", {"reason": "the issue changed"}),
        ("stopped", {"reason": "why", "details": "log", "resumable": False}),
        ("stopped", {"reason": "why", "details": "", "resumable": True}),
        ("no_snapshot", {"asked": "7", "numbers": [1, 2]}),
        ("no_snapshot", {"asked": "", "numbers": []}),
        ("rolled_back", {"n": 3, "reason": "before Dev1_Senior"}),
        ("cancelled", {"login": "alice"}),
        ("finished", {"pull_number": 2, "unverified": "", "summary": "done"}),
        ("followed_up", {"commits": ["abc"], "summary": "done", "passed": 3, "doubts": "x"}),
        ("follow_up_failed", {"reason": "why"}),
        ("thread", {"message": "done", "sha": "abc"}),
        ("help", {}),
    ],
)
def test_every_notice_is_told_in_every_language(
    language: Language, kind: str, values: dict[str, object]
) -> None:
    """No notice is missing in a language, and none comes out empty or half filled."""
    text = render("notice", language, kind=kind, **values)
    assert text
    assert "{{" not in text
    assert all(str(v) in text for v in values.values() if isinstance(v, str) and v)


@pytest.mark.parametrize("language", list(Language))
def test_a_request_for_packages_names_them_and_what_is_done_with_them(language: Language) -> None:
    """Each package with its versions, where the wheels come from, and the line to type."""
    text = render(
        "approval",
        language,
        kind="packages",
        id="alice/parcel#7.1/packages/1",
        packages=["h11>=0.14", "idna"],
        issue_digest="a" * 64,
        base_branch="main",
        base_sha="b" * 40,
        hours=72,
        approvers=1,
    )
    told = (
        "- `h11>=0.14`\n- `idna`\n",
        "PyPI",
        "wheel",
        "`/approve packages`",
        "/deny",
        "`/retry`",
    )
    assert [one for one in told if one not in text] == []
