"""Render Markdown as GitHub shows it: tables, task lists, folds; nothing that runs."""

import re
from collections.abc import Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

_ALLOWED = {"details", "summary", "sub", "sup", "kbd", "br"}
_HTML = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<rest>[^<>]*)>", re.DOTALL
)
_TASK = re.compile(r"\[([ xX])\]\s")
_REFERENCE = re.compile(r"(?<![\w/&])#(\d+)\b|\bhttps?://[^\s<>\"')\]]+[^\s<>\"')\].,:;!?]")


def render(text: str | None, repository_url: str = "") -> Markup:
    """Render a text written by anybody; ``#12`` leads into the repository."""
    env = {"repository": repository_url}
    # The renderer escapes everything but the tags allowed here.
    return Markup(_MARKDOWN.render(text or "", env))  # noqa: S704  the renderer escapes all but its allow-list


def _clean(html: str) -> str:
    """Keep the allowed tags without attributes, drop comments, show the rest as text."""
    out, end = [], 0
    for found in _HTML.finditer(html):
        out.append(escape(html[end : found.start()], quote=False))
        out.append(_tag(found))
        end = found.end()
    return "".join(out) + escape(html[end:], quote=False)


def _tag(found: re.Match[str]) -> str:
    name = (found["name"] or "").lower()
    if not name:
        return ""
    if name not in _ALLOWED:
        return escape(found[0], quote=False)
    is_open = name == "details" and re.search(r"\bopen\b", found["rest"])
    return f"<{found['close']}{name}{' open' if is_open else ''}>"


def _raw_html(
    _renderer: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: object
) -> str:
    return _clean(tokens[at].content)


def _image(
    _renderer: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: object
) -> str:
    # Pictures of other sites are not fetched; everything here stays on this machine.
    source, text = str(tokens[at].attrs.get("src", "")), tokens[at].content or "image"
    return f'<a href="{escape(source)}" rel="nofollow">{escape(text)}</a>'


def _task_lists(state: StateCore) -> None:
    """Turn ``[x]`` at the start of a list item into a box."""
    for item, token in zip(state.tokens, state.tokens[2:], strict=False):
        if item.type != "list_item_open" or token.type != "inline" or not token.children:
            continue
        first = token.children[0]
        if found := _TASK.match(first.content):
            first.content = first.content[found.end() :]
            checked = " checked" if found[1] != " " else ""
            box = Token("task", "", 0, content=f'<input type="checkbox" disabled{checked}> ')
            token.children.insert(0, box)
            item.attrJoin("class", "task")


def _task(
    _renderer: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: object
) -> str:
    return tokens[at].content


def _references(state: StateCore) -> None:
    """Link ``#12`` and bare addresses outside links and code."""
    for token in state.tokens:
        depth, children = 0, []
        for child in token.children or []:
            depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
            plain = child.type == "text" and not depth
            children += _linked(child, state.env["repository"]) if plain else [child]
        if token.children is not None:
            token.children = children


def _linked(text: Token, repository: str) -> list[Token]:
    out, end = [], 0
    for found in _REFERENCE.finditer(text.content):
        target = f"{repository}/issues/{found[1]}" if found[1] else found[0]
        out.append(Token("text", "", 0, content=text.content[end : found.start()]))
        out.append(Token("link_open", "a", 1, attrs={"href": target}))
        out.append(Token("text", "", 0, content=found[0]))
        out.append(Token("link_close", "a", -1))
        end = found.end()
    return [*out, Token("text", "", 0, content=text.content[end:])]


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True, "breaks": True})
    made.enable(["table", "strikethrough"])
    made.core.ruler.push("tasks", _task_lists)
    made.core.ruler.push("references", _references)
    for name, rule in (
        ("html_block", _raw_html),
        ("html_inline", _raw_html),
        ("image", _image),
        ("task", _task),
    ):
        made.add_render_rule(name, rule)
    return made


_MARKDOWN = _markdown()
