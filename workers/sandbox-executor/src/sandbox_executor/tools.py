"""The model's tools: each use is checked like a caller's input, and always gets a result."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from electrons.capabilities.turns import Tool, ToolResult, ToolResults, ToolUse, Turn
from electrons.context import Context
from electrons.models import RequestModel
from sandbox_executor.models.execute import Step, Trial, TrialRequestModel
from sandbox_executor.workspace import LISTED_LIMIT, ToolError, Workspace
from sandbox_executor.workspace_trials import check_workspace, run_final_trial, run_worker

_STEP_LIMIT = 600
"""Characters of a step's output, as the caller gets it."""

_TARGET_LIMIT = 200
"""Characters of a step's target."""

_USES_LIMIT = 32
"""Uses of tools in one turn."""

_TOO_MANY = f"Only {_USES_LIMIT} tools can be used in one turn, so this was not done."
_CUT_OFF = "You reached the limit of your output in the middle of this, so it was not done. Do it in smaller pieces."
_OVER = "The task is finished, so this was not done."


class ListFiles(RequestModel):
    """List the paths of all files in the workspace, or of those below a folder."""

    folder: str | None = None


class ReadFile(RequestModel):
    """Read a whole file."""

    path: str


class WriteFile(RequestModel):
    """Create a file, or replace all of it."""

    path: str
    content: str


class EditFile(RequestModel):
    """Replace a text that appears exactly once in a file; `old` must match exactly, white space included."""

    path: str
    old: str
    new: str


class DeleteFile(RequestModel):
    """Delete a file."""

    path: str


class Check(RequestModel):
    """Check the syntax of the changed files: JavaScript, Python, JSON, TOML."""


class Run(RequestModel):
    """Start the Worker that is in the workspace, alone and without network, and send requests to it."""

    requests: list[TrialRequestModel] = Field(min_length=1, max_length=10)
    main: str | None = None


class Finish(RequestModel):
    """Report that the task is done. `main` is the Worker's main module, if there is a Worker."""

    summary: str
    main: str | None = None


Input = TypeVar("Input", bound=RequestModel)

_INPUTS: dict[str, type[RequestModel]] = {
    "list_files": ListFiles,
    "read_file": ReadFile,
    "write_file": WriteFile,
    "edit_file": EditFile,
    "delete_file": DeleteFile,
    "check": Check,
    "run": Run,
    "finish": Finish,
}

TOOLS = tuple(
    Tool(name=name, description=(kind.__doc__ or "").strip(), input_schema=kind.model_json_schema())
    for name, kind in _INPUTS.items()
)


class Toolbox:
    """The tools for one workspace.

    `trial` is the last one; `repairs` counts those that failed; `summary` is set once what was written is accepted.
    `report` is called with each step.
    """

    def __init__(
        self,
        context: Context,
        workspace: Workspace,
        *,
        requests: list[TrialRequestModel],
        report: Callable[[Step], None],
    ) -> None:
        self.trial: Trial | None = None
        self.repairs = 0
        self.summary: str | None = None
        self._context = context
        self._workspace = workspace
        self._requests = requests
        self._report = report

    async def run_turn(self, turn: Turn, *, number: int) -> ToolResults:
        """Run the tools of a turn, one after the other; nothing is changed after the final trial was passed."""
        results: list[ToolResult] = []
        for position, use in enumerate(turn.tool_uses):
            try:
                if position >= _USES_LIMIT:
                    raise ToolError(_TOO_MANY)
                if turn.ended == "length":
                    raise ToolError(_CUT_OFF)
                if self.summary is not None:
                    raise ToolError(_OVER)
                text, failed = await self._use(use), False
            except ToolError as error:
                text, failed = str(error), True
            # Whatever it is: a Worker on trial may respond with a part of its code.
            text = self._workspace.mask(text)
            content = text if text.strip() else "(only white space)" if text else "(empty)"
            results.append(ToolResult(id=use.id, content=content, failed=failed))
            target = use.input.get("path") or use.input.get("main")
            self._report(
                Step(
                    turn=number,
                    tool=use.name,
                    target=target[:_TARGET_LIMIT] if isinstance(target, str) else None,
                    ok=not failed,
                    output=text if len(text) <= _STEP_LIMIT else f"{text[:_STEP_LIMIT]}…",
                )
            )
        return ToolResults(results=tuple(results))

    async def accept(self, summary: str, *, main: str | None) -> None:
        """Run the final trial. Raises `ToolError` with what it found."""
        self._record_trial(await run_final_trial(self._context, self._workspace, main=main, requests=self._requests))
        self.summary = summary

    async def _use(self, use: ToolUse) -> str:
        kind = _INPUTS.get(use.name)
        if kind is None:
            raise ToolError(f"There is no tool `{use.name}`; the tools are {', '.join(_INPUTS)}")
        match _read(kind, use.input):
            case ListFiles(folder=folder):
                return self._list(folder)
            case ReadFile(path=path):
                return await self._workspace.read(path)
            case WriteFile(path=path, content=content):
                await self._workspace.write(path, content)
                return f"`{path}` is written: {len(content)} characters"
            case EditFile(path=path, old=old, new=new):
                await self._workspace.edit(path, old, new)
                return f"`{path}` is changed"
            case DeleteFile(path=path):
                self._workspace.delete(path)
                return f"`{path}` is deleted"
            case Check():
                return _describe(await check_workspace(self._context, self._workspace))
            case Run(requests=requests, main=main):
                return self._record_trial(
                    await run_worker(self._context, self._workspace, main=main, requests=requests)
                )
            case Finish(summary=summary, main=main):
                await self.accept(summary, main=main)
                return "Done"
        raise AssertionError("every tool has a case")

    def _list(self, folder: str | None) -> str:
        paths = self._workspace.paths
        if (wanted := posixpath.normpath((folder or "").strip("/"))) != ".":
            paths = [path for path in paths if path.startswith(f"{wanted}/")]
        listed = paths[:LISTED_LIMIT]
        more = [f"({len(paths) - LISTED_LIMIT} more; name a folder)"] if len(paths) > LISTED_LIMIT else []
        return "\n".join([*listed, *more])

    def _record_trial(self, result: Trial) -> str:
        self.trial = result
        text = _describe(result)
        if not result.passed:
            self.repairs += 1
            raise ToolError(text)
        return text


def _read(kind: type[Input], value: dict[str, Any]) -> Input:
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        texts = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems]
        raise ToolError(f"The input does not match the tool's schema: {'; '.join(texts)}") from error


def _describe(result: Trial) -> str:
    """Return a trial as the model gets it: JSON, because the Worker's responses are data."""
    return result.model_dump_json(exclude_none=True, exclude_defaults=True)
