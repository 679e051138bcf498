"""The routes: code is written by a model, tried, deployed as a Worker, and committed to a repository."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

from electrons.app import App
from electrons.capabilities.text import estimate_tokens
from electrons.context import Context
from electrons.http import Response, data_frame
from electrons.logs import timestamp
from electrons.middleware.errors import describe
from electrons.providers.cloudflare.scripts import CLOUDFLARE
from electrons.routing import RouteDocs
from electrons.schedule import delete_rows
from electrons.tasks import start_task
from sandbox_executor import commits, deployments
from sandbox_executor.execution_lookup import end_interrupted_executions, load_execution, wake_idle_executions
from sandbox_executor.execution_start import MODELS, StartedExecution, start_execution
from sandbox_executor.models.commit import CommitRequest, CommitResponse
from sandbox_executor.models.deploy import DeploymentState, DeployRequest, DeployResponse, RemovalResponse
from sandbox_executor.models.execute import ExecuteRequest, ExecuteResponse, ExecutionState, Step
from sandbox_executor.repository import GITHUB
from sandbox_executor.settings import SandboxSettings

LARGE_BODY_LIMIT = 7 * 1024 * 1024
"""Bytes of a body with files: what an isolate of 128 MB can take. `npm run bench:edge` shows it."""

_WORK_KEEP_DAYS = 1
"""What was left of executions that did not come to their end."""

COMMIT_EXAMPLE = {
    "repo": "demo/hello-worker",
    "branch": "notes",
    "create_branch": True,
    "files": [{"path": "notes.md", "content": "Notes"}],
    "message": "Add notes",
}

PROVIDERS = (*MODELS, CLOUDFLARE, GITHUB)

app = App(
    "sandbox-executor",
    scope="sandbox:execute",
    providers=PROVIDERS,
    settings=SandboxSettings,
    never_open=True,
    reports_providers=True,
)
app.on_schedule(wake_idle_executions)
app.on_schedule(end_interrupted_executions)


@app.on_schedule
async def delete_old_records(context: Context) -> int:
    """Delete the rows of ended executions and of commits after `RECORDS_KEEP_DAYS`.

    Those of deployments stay: they say whose a Worker is.
    """
    keep_days = context.settings.records_keep_days
    executions = await delete_rows(context, "executions", keep_days=keep_days, where="status <> 'running'")
    await delete_rows(context, "execution_work", keep_days=_WORK_KEEP_DAYS, where="TRUE")
    return executions + await delete_rows(context, "commits", keep_days=keep_days)


def estimate(body: ExecuteRequest) -> Mapping[str, int]:
    """Return what the first turn can use at most; the others are counted afterwards."""
    return {"tokens": estimate_tokens(body.task) + estimate_tokens(body.context) + body.options.max_tokens}


@app.post(
    "/execute",
    body_limit=2 * 1024 * 1024,
    estimate=estimate,
    docs=RouteDocs(example={"task": "A Worker that greets"}),
    work_id_field="execution_id",
)
async def post_execute(context: Context, body: ExecuteRequest) -> ExecuteResponse:
    """`POST /execute`: return the files, and what was done with them."""
    return await (await start_execution(context, body)).run(lambda _step: None)


@app.post(
    "/execute/stream",
    body_limit=2 * 1024 * 1024,
    estimate=estimate,
    docs=RouteDocs(example={"task": "A Worker that greets"}, produces=("text/event-stream",)),
    work_id_field="execution_id",
)
async def post_execute_stream(context: Context, body: ExecuteRequest) -> Response:
    """`POST /execute/stream`: send a frame for each step, and a last one with `done`."""
    return Response.event_stream(stream_frames(context, await start_execution(context, body)))


@app.get("/execute/{execution_id}")
async def get_execution(context: Context) -> ExecutionState:
    """`GET /execute/{execution_id}`: return what exists of an execution, whether it has ended or not."""
    return await load_execution(context, context.path_parameters["execution_id"])


@app.post(
    "/deploy",
    scope="sandbox:deploy",
    needs=(CLOUDFLARE,),
    body_limit=LARGE_BODY_LIMIT,
    docs=RouteDocs(example={"worker_name": "hello", "code": "export default { fetch: () => new Response('Hello') }"}),
)
async def post_deploy(context: Context, body: DeployRequest) -> DeployResponse:
    """`POST /deploy`: put a Worker live, or leave everything as it was."""
    return DeployResponse(deployment=await context.see_through(deployments.deploy(context, body)))


@app.get("/deploy/{name}", scope="sandbox:deploy", needs=(CLOUDFLARE,))
async def get_deployment(context: Context) -> DeploymentState:
    """`GET /deploy/{name}`: return what was deployed from here under a name."""
    return await deployments.load_deployment_state(context, context.path_parameters["name"])


@app.delete("/deploy/{name}", scope="sandbox:deploy", needs=(CLOUDFLARE,))
async def delete_deployment(context: Context) -> RemovalResponse:
    """`DELETE /deploy/{name}`: delete a Worker that was deployed from here."""
    return await context.see_through(deployments.delete_worker(context, context.path_parameters["name"]))


@app.post("/deploy/{name}/rollback", scope="sandbox:deploy", needs=(CLOUDFLARE,))
async def post_rollback(context: Context) -> DeployResponse:
    """`POST /deploy/{name}/rollback`: put the version before live again."""
    name = context.path_parameters["name"]
    return DeployResponse(deployment=await context.see_through(deployments.roll_back(context, name)))


@app.post(
    "/github/commit",
    scope="sandbox:commit",
    needs=(GITHUB,),
    body_limit=LARGE_BODY_LIMIT,
    docs=RouteDocs(example=COMMIT_EXAMPLE),
)
async def post_commit(context: Context, body: CommitRequest) -> CommitResponse:
    """`POST /github/commit`: commit all files at once, or none."""
    return CommitResponse(commit=await context.see_through(commits.commit(context, body)))


async def stream_frames(context: Context, started: StartedExecution) -> AsyncGenerator[str, None]:
    """Yield the events of an execution. If the caller leaves, the work ends, unless a Workflow runs it."""
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    work = start_task(started.run(steps.put_nowait))
    work.add_done_callback(lambda _: steps.put_nowait(None))
    try:
        yield data_frame({"execution_id": started.id, "done": False, "request_id": context.request_id})
        while (step := await steps.get()) is not None:
            document = step.model_dump(exclude_none=True)
            yield data_frame({"step": document, "done": False, "request_id": context.request_id})
        yield last_frame(context, await work)
    except Exception as error:  # noqa: BLE001  # the edge: the response has begun, so this is its only way out
        known = describe(error, context).to_body(context.request_id)
        yield data_frame({**known, "done": True})
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await work


def last_frame(context: Context, response: ExecuteResponse) -> str:
    """Return the response of `POST /execute`, as the end of a stream."""
    response.request_id, response.timestamp = context.request_id, timestamp()
    return data_frame({**response.to_document(context.warnings), "done": True})
