"""GitHub's refusals, with the bodies it gives them."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.errors import BatonError

DOCS = "https://docs.github.com/rest"


class Problem(BatonError):
    """A request that the forge refuses."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, str] | str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Write the refusal as GitHub does."""
        body: dict[str, Any] = {"message": str(self)}
        if self.errors:
            body["errors"] = list(self.errors)
        body |= {"documentation_url": DOCS, "status": str(self.status)}
        return JSONResponse(body, self.status, headers=self.headers)


def not_found() -> Problem:
    """Refuse what is missing or not visible; GitHub does not tell which."""
    return Problem(404, "Not Found")


def forbidden_to_app() -> Problem:
    """Refuse what the installation was not granted."""
    return Problem(403, "Resource not accessible by integration")


def forbidden_to_person(level: str) -> Problem:
    """Refuse what a person's role does not allow."""
    return Problem(403, f"Must have {level} rights to Repository.")


def bad_credentials() -> Problem:
    """Refuse a token that is unknown or has expired."""
    return Problem(401, "Bad credentials")


def invalid(resource: str, field: str, code: str, message: str = "") -> Problem:
    """Refuse a field of a resource; codes are GitHub's (missing_field, invalid, custom, ...)."""
    error = {"resource": resource, "code": code, "field": field}
    if message:
        error["message"] = message
    return Problem(422, "Validation Failed", errors=[error])


def too_long(resource: str, field: str, limit: int) -> Problem:
    """Refuse a text over its limit, in characters."""
    return invalid(
        resource, field, "custom", f"{field} is too long (maximum is {limit} characters)"
    )


def unacceptable(message: str) -> Problem:
    """Refuse a request whose shape does not fit the schema."""
    return Problem(422, f"Invalid request.\n\n{message}")


def install(app: FastAPI) -> None:
    """Answer refusals, unknown paths and malformed bodies in GitHub's form."""

    @app.exception_handler(Problem)
    async def refuse(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> JSONResponse:
        # GitHub answers 404 for a known path with another method, too.
        status = 404 if error.status_code in {404, 405} else error.status_code
        return Problem(status, "Not Found" if status == 404 else str(error.detail)).response()  # noqa: PLR2004  404 is a status everybody knows

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return Problem(400, "Problems parsing JSON").response()
        if first["loc"][0] == "path":
            return not_found().response()
        where = ".".join(str(part) for part in first["loc"][1:])
        return unacceptable(f'For "{where}": {first["msg"]}.').response()
