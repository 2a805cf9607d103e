"""GitHub's published descriptions, as schemas that answers and webhooks are held against."""

import functools
import json
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker

Json = dict[str, Any]
_DATA = Path(__file__).parent.parent / "data" / "github"
_PARAMETER = re.compile(r"\{([^}]+)\}")
# Refusals that GitHub documents once for the whole API, not operation by operation.
_WITH_SLASHES = {"basehead", "branch", "name", "path", "ref"}
_NOT_FOUND = 404
_GENERAL = {400, 401, 403, 404, 405, 409, 422, 429, 502, 503}
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


class Description:
    """One pruned description."""

    def __init__(self, name: str) -> None:
        document: Json = json.loads((_DATA / name).read_text("utf-8"))
        self.document: Json = _nullable(document) if name == "rest.json" else document
        paths = self.document.get("paths", {})
        # Of two templates that match, the more specific one is meant.
        ordered = sorted(paths, key=lambda path: (len(_PARAMETER.findall(path)), -len(path)))
        self._paths = [(_pattern(path), paths[path]) for path in ordered]

    def operation(self, method: str, path: str) -> Json | None:
        """Find the operation of a request."""
        for pattern, operations in self._paths:
            if method.lower() in operations and pattern.fullmatch(path):
                operation: Json = operations[method.lower()]
                return operation
        return None

    def faults_of_answer(self, method: str, path: str, status: int, body: bytes) -> list[str]:
        """Say what an answer has that the description does not allow."""
        operation = self.operation(method, path)
        if operation is None and status != _NOT_FOUND:
            return ["the operation is not described"]
        response = operation["responses"].get(str(status)) if operation else None
        if response is None and status not in _GENERAL:
            return [f"status {status} is not described"]
        schema = self._schema_of(response, status)
        if schema is None:
            return [f"status {status} has no body, this has"] if body else []
        try:
            return list(self.faults(schema, json.loads(body)))
        except ValueError:
            return ["the body is not JSON"]

    def faults_of_event(self, event: str, payload: Json) -> list[str]:
        """Say what a webhook has that the description does not allow."""
        parts = (event, payload.get("action"))
        name = "-".join(part for part in parts if part).replace("_", "-")
        schema = self.document["webhooks"].get(name)
        return list(self.faults(schema, payload)) if schema else ["the event is not described"]

    def faults(self, schema: Json, value: object) -> Iterable[str]:
        """Hold a value against a schema of the description."""
        whole = {**schema, "components": self.document["components"]}
        checker = Draft202012Validator(whole, format_checker=_FORMATS)
        for error in checker.iter_errors(value):
            yield f"{error.json_path}: {error.message[:300]}"

    def _schema_of(self, response: Json | None, status: int) -> Json | None:
        if response is None:
            invalid = ("validation-error", "validation-error-simple")
            names = invalid if status == 422 else ("basic-error",)
            return {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}
        if "$ref" in response:
            name = response["$ref"].rpartition("/")[2]
            response = self.document["components"]["responses"][name]
        for media, content in response.get("content", {}).items():
            if media.startswith("application/json"):
                schema: Json = content["schema"]
                return schema
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts = enumerate(_PARAMETER.split(template))
    return re.compile("".join(_group(part) if at % 2 else re.escape(part) for at, part in parts))


def _group(name: str) -> str:
    if name.endswith(("_id", "_number")):
        return r"\d+"
    return ".*" if name in _WITH_SLASHES else "[^/]+"


def _nullable(node: Json) -> Json:
    """Say OpenAPI 3.0's ``nullable`` as JSON Schema does."""
    plain = {key: _in_any(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def _in_any(value: object) -> object:
    if isinstance(value, list):
        return [_in_any(item) for item in value]
    return _nullable(value) if isinstance(value, dict) else value


@functools.cache
def rest() -> Description:
    """Return the REST description."""
    return Description("rest.json")


@functools.cache
def webhooks() -> Description:
    """Return the description of webhooks."""
    return Description("webhooks.json")
