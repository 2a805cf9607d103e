"""Check runs: what Baton's verification says about a commit. For Apps only."""

from collections.abc import Sequence

from shared.domain import Value
from shared.errors import GitHubUnavailable
from shared.github.client import Json, parse
from shared.github.facet import Facet
from shared.github.limits import ANNOTATIONS, CHECK_OUTPUT, cut, cut_title
from shared.github.once import ATTEMPTS, SETTLING
from shared.github.values import (
    Annotation,
    AnnotationLevel,
    CheckRun,
    CheckStatus,
    Conclusion,
    Read,
    Text,
)

_FAILED = {"failure", "timed_out"}


class Check(Value):
    """A check run as it shall be; ``external_id`` is its key."""

    name: str
    head_sha: str
    external_id: str
    status: CheckStatus
    conclusion: Conclusion | None = None
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


class _Output(Read):
    title: Text = ""
    summary: Text = ""
    text: Text = ""


class _Listed(Read):
    id: int
    name: str
    conclusion: Text = ""
    output: _Output = _Output()


class _Marked(Read):
    path: str
    start_line: int = 0
    annotation_level: Text = ""
    message: Text = ""


class FailedCheck(Value):
    """A check run that failed: what it says, and where."""

    name: str
    said: str
    marks: tuple[str, ...] = ()


class Checks(Facet):
    """Check runs, found by their external id."""

    async def ensure_check_run(self, check: Check) -> CheckRun:
        """Have one check run with this external id that says this.

        Annotations can only be added: those that the run has are taken for the first ones.
        """
        is_new = False

        async def create() -> CheckRun:
            nonlocal is_new
            made = await self._create(check)
            is_new = True
            return made

        run = await self._once(lambda: self._find_check(check), create)
        if not is_new and run.annotations >= len(check.annotations):
            return await self._patch(run, _state(check))
        return await self._annotate(run, check)

    async def failed_checks(self, sha: str, most: int = 10) -> tuple[FailedCheck, ...]:
        """Read the newest check runs of a commit that failed, with their marks of failure."""
        url = self._at("commits", sha, "check-runs")
        runs = [one async for one in self._client.pages(url, _Listed, filter="latest")]
        failed = [one for one in runs if one.conclusion in _FAILED][:most]
        return tuple([await self._failed(one) for one in failed])

    async def _failed(self, run: _Listed) -> FailedCheck:
        url = self._at("check-runs", run.id, "annotations")
        marks = [one async for one in self._client.pages(url, _Marked)]
        said = (run.output.title, run.output.summary, run.output.text)
        return FailedCheck(
            name=run.name,
            said="\n\n".join(part for part in said if part),
            marks=tuple(
                f"{mark.path}:{mark.start_line}: {mark.message}"
                for mark in marks
                if mark.annotation_level == AnnotationLevel.FAILURE
            ),
        )

    async def _find_check(self, check: Check) -> CheckRun | None:
        url = self._at("commits", check.head_sha, "check-runs")
        runs = self._client.pages(url, CheckRun, check_name=check.name, filter="all")
        async for run in runs:
            if run.external_id == check.external_id:
                return run
        return None

    async def _create(self, check: Check) -> CheckRun:
        fields: Json = {
            "name": check.name,
            "head_sha": check.head_sha,
            "external_id": check.external_id,
            **_state(check, check.annotations[:ANNOTATIONS]),
        }
        return await self._client.write("POST", self._at("check-runs"), fields, CheckRun)

    async def _patch(self, run: CheckRun, fields: Json, *, repeatable: bool = True) -> CheckRun:
        url = self._at("check-runs", run.id)
        response = await self._client.send("PATCH", url, body=fields, repeatable=repeatable)
        return parse(response, CheckRun)

    async def _annotate(self, run: CheckRun, check: Check) -> CheckRun:
        """Send the annotations that are missing, and the state with each batch.

        GitHub adds what it is sent, so a lost answer is followed by a count, not by a repeat.
        """
        failures = 0
        while run.annotations < len(check.annotations):
            batch = check.annotations[run.annotations : run.annotations + ANNOTATIONS]
            try:
                after = await self._patch(run, _state(check, batch), repeatable=False)
                if after.annotations <= run.annotations:
                    return after  # a server that does not count; better too few than no end
                run = after
            except GitHubUnavailable:
                failures += 1
                if failures == ATTEMPTS:
                    raise
                await self._client.pace.sleep(SETTLING * failures)
                run = await self._client.get(self._at("check-runs", run.id), CheckRun)
        return run


def _state(check: Check, annotations: Sequence[Annotation] = ()) -> dict[str, object]:
    output: dict[str, object] = {
        "title": cut_title(check.title),
        "summary": cut(check.summary, CHECK_OUTPUT),
    }
    if annotations:
        output["annotations"] = [one.model_dump(exclude_defaults=True) for one in annotations]
    state: dict[str, object] = {"status": check.status.value, "output": output}
    if check.conclusion is not None:
        state["conclusion"] = check.conclusion.value
    return state
