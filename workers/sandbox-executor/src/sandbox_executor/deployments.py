"""Deployments: a Worker is put live whole or not at all, and only where this platform may.

    credentials -> name and allowlist -> is it ours? -> a row -> upload -> workers.dev -> the row again

What fails after the upload is undone. Nothing here may be cancelled halfway: routes use `Context.see_through`.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from electrons.context import Context
from electrons.errors import (
    ConflictError,
    DatabaseError,
    ElectronsError,
    ForbiddenError,
    NotFoundError,
    RequestError,
)
from electrons.logs import timestamp
from electrons.providers.cloudflare.provider import Live, Script
from electrons.providers.cloudflare.scripts import (
    Before,
    leave_as_it_was,
    name_script,
    outcome_of,
    put_live,
    read_before,
    read_live,
    read_subdomain,
    remove_script,
    show_on_workers_dev,
    upload_script,
)
from sandbox_executor.models.deploy import (
    CurrentStatus,
    Deployment,
    DeploymentAction,
    DeploymentRecord,
    DeploymentState,
    DeploymentStatus,
    DeployRequest,
    RemovalResponse,
)
from sandbox_executor.names import find_worker_name_problem, is_allowed_worker_name
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.deployments import DeploymentRow, Deployments
from sandbox_executor.upload import build_upload

HISTORY_LIMIT = 10


async def deploy(context: Context, body: DeployRequest) -> Deployment:
    """Puts a Worker live and gives what is live then.

    Raises `MissingCredentialsError`, `ForbiddenError`, `ConflictError` for a Worker that is not ours or that somebody
    else is deploying, and `ProviderError` and what derives from it.
    """
    script = require_access(context, body.worker_name)
    upload = build_upload(body)
    before = await read_before(context, script)
    current = await rows_of(context).find_live(script.name)
    if before.live is not None and current is None:
        raise ConflictError(
            f"There is a Worker named {script.name!r} in the account that this platform did not deploy; "
            "it is left alone: choose another name, or delete it at Cloudflare first"
        )
    url = await find_url(context, script) if body.workers_dev else None
    kept = current.secrets if current and before.live else []
    async with changing(context, script, before, "deploy") as row_id:
        uploaded, version = await upload_script(context, script, upload)
        await show_on_workers_dev(context, script, body.workers_dev, before=before.workers_dev)
        deployment = Deployment(
            url=url,
            worker_id=uploaded.worker_id,
            version=version,
            deployed_at=timestamp(),
            worker_name=script.name,
            previous_version=before.live.version if before.live else None,
            startup_time_ms=uploaded.startup_time_ms,
        )
        secrets = {*kept, *body.secrets} - body.env_vars.keys()
        await succeed(context, row_id, deployment, others="replaced", secrets=secrets)
    return deployment


async def roll_back(context: Context, name: str) -> Deployment:
    """Puts the version before the current one live again, with its vars and secrets; once more, the one before that.

    Raises `ConflictError` when there is none, and as `deploy` does.
    """
    script = require_access(context, name)
    current = await find_live(context, name)
    before = await read_before(context, script)
    if current.status != "deployed" or before.live is None or before.live.version != current.version:
        raise ConflictError(f"What is live of {name!r} is not what was deployed from here: deploy it again first")
    target = current.previous_version
    if target is None:
        raise ConflictError(f"There is no version of {name!r} before the current one")
    upload = await rows_of(context).find_upload(script.name, target)
    async with changing(context, script, before, "rollback") as row_id:
        await put_live(context, script, Live({target: 100.0}))
        deployment = Deployment(
            url=current.url,
            worker_id=current.worker_id or "",
            version=target,
            deployed_at=timestamp(),
            worker_name=script.name,
            previous_version=upload.previous_version if upload else None,
        )
        await succeed(context, row_id, deployment, others="rolled_back", secrets=upload.secrets if upload else [])
    return deployment


async def remove(context: Context, name: str) -> RemovalResponse:
    """Deletes a Worker that this platform deployed. Raises as `deploy` does, and `NotFoundError`."""
    script = require_access(context, name)
    await find_live(context, name)
    row_id = await begin(context, script, "delete")
    async with noting_failure(context, row_id):
        await remove_script(context, script)
        await rows_of(context).succeed(row_id, "deleted", worker_name=script.name, others="deleted")
    return RemovalResponse(worker_name=name)


async def show(context: Context, name: str) -> DeploymentState:
    """A Worker that this platform deployed, compared with what Cloudflare has. Raises as `remove` does."""
    script = require_access(context, name)
    history = await rows_of(context).history(name, limit=HISTORY_LIMIT)
    pending = bool(history) and history[0].status == "pending"
    row = await rows_of(context).find_live(name) if pending else await find_live(context, name)
    live = await read_live(context, script)
    status: CurrentStatus = "deployed"
    if pending:
        status = "pending"
    elif live is None:
        status = "missing"
    elif row is None or row.status != "deployed":
        status = "unconfirmed"
    elif live.version != row.version:
        status = "changed"
    return DeploymentState(
        worker_name=name,
        status=status,
        url=row.url if row else None,
        version=live.version if live else None,
        deployment=describe(row) if row and row.status == "deployed" else None,
        secrets=row.secrets if row else [],
        history=[DeploymentRecord.model_validate(each, from_attributes=True) for each in history],
    )


def require_access(context: Context, name: str) -> Script:
    """The Worker, if this deployment may touch one of that name.

    Raises `MissingCredentialsError`, `RequestError` for what is no name, and `ForbiddenError`.
    """
    script = name_script(context.settings, name)
    if problem := find_worker_name_problem(name):
        raise RequestError(
            f"worker_name: {problem}", details={"fields": [{"field": "worker_name", "message": problem}]}
        )
    if not is_allowed_worker_name(name, context.settings_as(SandboxSettings).allowed_worker_prefixes):
        raise ForbiddenError(
            f"A Worker named {name!r} may not be deployed: `ALLOWED_WORKER_PREFIXES` does not have it, "
            "or it is one of the platform's own"
        )
    return script


async def find_live(context: Context, name: str) -> DeploymentRow:
    """The row of what is live. Raises `NotFoundError` when this platform has deployed no such Worker."""
    row = await rows_of(context).find_live(name)
    if row is None:
        raise NotFoundError(f"This platform has deployed no Worker named {name!r}")
    return row


def rows_of(context: Context) -> Deployments:
    """The table of deployments."""
    return Deployments(context.bindings.database)


def describe(row: DeploymentRow) -> Deployment:
    """What a row that is live says of the Worker."""
    return Deployment(
        url=row.url,
        worker_id=row.worker_id or "",
        version=row.version or "",
        deployed_at=row.deployed_at or row.updated_at,
        worker_name=row.worker_name,
        previous_version=row.previous_version,
        startup_time_ms=row.startup_time_ms,
    )


@asynccontextmanager
async def changing(context: Context, script: Script, before: Before, action: DeploymentAction) -> AsyncIterator[int]:
    """A new row whose block changes the Worker, or else leaves it, and notes that it did."""
    row_id = await begin(context, script, action)
    async with noting_failure(context, row_id):
        if await read_live(context, script) != before.live:  # from here on nobody else of this platform changes it
            raise ConflictError(f"The Worker {script.name!r} has changed meanwhile: try again")
        async with leave_as_it_was(context, script, before):
            yield row_id


async def begin(context: Context, script: Script, action: DeploymentAction) -> int:
    """The id of a new row. Raises `ConflictError` while something else is done to that Worker."""
    row = DeploymentRow(
        worker_name=script.name,
        action=action,
        request_id=context.request_id,
        key_id=context.principal.key_id,
        instance_id=context.labels.instance_id,
        project_id=context.labels.project_id,
    )
    row_id = await rows_of(context).begin(row)
    if row_id is None:
        raise ConflictError(
            f"The Worker {script.name!r} is just being deployed or deleted: try again when that is over"
        )
    return row_id


async def succeed(
    context: Context, row_id: int, deployment: Deployment, *, others: DeploymentStatus, secrets: Iterable[str]
) -> None:
    """Notes what is live now, with the names of all its secrets."""
    values = deployment.model_dump(exclude={"success"})
    names = ",".join(sorted(secrets))
    await rows_of(context).succeed(row_id, "deployed", others=others, secret_names=names, **values)


@asynccontextmanager
async def noting_failure(context: Context, row_id: int) -> AsyncIterator[None]:
    """Ends the row when the block fails, with what that left behind."""
    try:
        yield
    except Exception as error:
        code = error.error_code if isinstance(error, ElectronsError) else ElectronsError.code
        status: DeploymentStatus = "unconfirmed" if outcome_of(error) == "unknown" else "failed"
        with suppress(DatabaseError):  # then the row stays pending, and counts as unconfirmed
            await rows_of(context).end(row_id, status, error_code=code)
        raise


async def find_url(context: Context, script: Script) -> str:
    """Where workers.dev shows the Worker. Raises `DeploymentFailedError` for an account without a subdomain."""
    subdomain = await read_subdomain(context, script)
    return (
        context.settings_as(SandboxSettings)
        .workers_dev_url.replace("{name}", script.name)
        .replace("{subdomain}", subdomain)
    )
