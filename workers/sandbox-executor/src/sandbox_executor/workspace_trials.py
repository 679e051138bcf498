"""Trials of a workspace: what was written is checked and run, alone, before it is deployed or committed.

The isolate gets its files as the model sees them, with secrets masked: what it prints goes back to the model.
"""

from __future__ import annotations

from collections.abc import Sequence

from electrons.context import Context
from sandbox_executor.checks import check_files
from sandbox_executor.models.deploy import DEFAULT_COMPATIBILITY_DATE, PYTHON_FLAG
from sandbox_executor.models.execute import Trial, TrialAnswerModel, TrialRequestModel
from sandbox_executor.modules import WorkerModules, collect_modules, file_type, find_main
from sandbox_executor.trial_runner import TrialAnswer, TrialRequest, check_javascript, run_trial
from sandbox_executor.worker_code import WorkerFiles
from sandbox_executor.workspace import ToolError, Workspace

TRIAL_SECONDS = 10.0
CPU_MS = 1000
"""Limits of a Worker on trial: seconds for all requests together, CPU time for each request."""

BODY_LIMIT, HEADER_LIMIT = 8000, 500
"""Characters of a response's body, and of a header, that are shown: the model pays for each of them."""

_ROOT = TrialRequestModel()
_SHOWN_HEADERS = {"content-type", "location", "cache-control", "set-cookie", "allow"}


async def check_workspace(context: Context, workspace: Workspace) -> Trial:
    """Return whether each of the changed files is right, as far as that can be said of a file alone."""
    changed = {path: workspace.mask(text) for path, text in workspace.changed.items()}
    problems, unchecked = check_files(changed)
    modules = {path: text for path, text in changed.items() if path.endswith((".js", ".mjs"))}
    problems += await check_javascript(context.bindings.loader, modules)
    return Trial(
        passed=not problems,
        problems=[str(problem) for problem in problems],
        unchecked=sorted(set(unchecked) - modules.keys()),
    )


async def run_worker(
    context: Context, workspace: Workspace, *, main: str | None, requests: Sequence[TrialRequestModel]
) -> Trial:
    """Start the Worker in an isolate of its own and send it the requests. Raises `ToolError` if there is none."""
    found = await find_main(workspace, main)
    if found is None:
        raise ToolError("There is no Worker to run: name its main module as `main`")
    code = await collect_modules(workspace, found)
    result = await run_trial(
        context.bindings.loader,
        _masked_files(code, workspace),
        [TrialRequest(method=r.method, path=r.path, headers=r.headers, body=r.body) for r in requests],
        seconds=TRIAL_SECONDS,
        cpu_ms=CPU_MS,
    )
    answers = [_describe(request, answer) for request, answer in zip(requests, result.answers, strict=False)]
    failed = result.error is not None or any(answer.error is not None for answer in answers)
    return Trial(passed=not failed, main=found, error=result.error, not_run=result.not_run, answers=answers)


async def run_final_trial(
    context: Context, workspace: Workspace, *, main: str | None, requests: Sequence[TrialRequestModel]
) -> Trial:
    """Return the trial that decides: of all changed files, and of the Worker if they make one."""
    trial = await check_workspace(context, workspace)
    if not trial.passed or await find_main(workspace, main) is None:
        return trial
    ran = await run_worker(context, workspace, main=main, requests=requests or [_ROOT])
    return ran.model_copy(update={"unchecked": trial.unchecked})


def _masked_files(code: WorkerModules, workspace: Workspace) -> WorkerFiles:
    flags = (PYTHON_FLAG,) if file_type(code.main) == "python" else ()
    return WorkerFiles(
        main=code.main,
        modules={path: workspace.mask(text) for path, text in code.modules.items()},
        compatibility_date=DEFAULT_COMPATIBILITY_DATE,
        compatibility_flags=flags,
    )


def _describe(request: TrialRequestModel, answer: TrialAnswer) -> TrialAnswerModel:
    if answer.error is not None:
        return TrialAnswerModel(method=request.method, path=request.path, error=answer.error)
    headers = {name: value[:HEADER_LIMIT] for name, value in answer.headers if name.lower() in _SHOWN_HEADERS}
    truncated = answer.truncated or len(answer.body) > BODY_LIMIT
    return TrialAnswerModel(
        method=request.method,
        path=request.path,
        status=answer.status,
        headers=headers,
        body=answer.body[:BODY_LIMIT],
        truncated=truncated or None,
    )
